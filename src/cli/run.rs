//! `saddle run`: a notebook or a script from start to end, with no Jupyter at hand.

use super::folders;
use super::session::{self, Insisting};
use super::terminal::Terminal;
use super::{CommandStatus, parameters};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use saddle_fault::{Fault, Kind, Result};
use saddle_notebook::document::{Cell, Document};
use saddle_notebook::run::{End, Event, run as run_document};
use saddle_notebook::{html, run as headless};
use saddle_session::output::{Output, Stream};
use saddle_session::{Frontend, Session as _};
use saddle_sweep::figures::{self, FIGURES};
use saddle_sweep::outcome::{Failing, RunResult, Status};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Args)]
pub struct Options {
    /// A notebook (.ipynb), which runs in its own folder, or a script (.rhai).
    file: PathBuf,
    /// Keep the outputs: in a notebook (.ipynb) or a web page (.html). Without it they are printed as text.
    #[arg(short, long, value_name = "OUT.ipynb|OUT.html")]
    output: Option<PathBuf>,
    /// Go on after a cell that failed; the exit status is 1 all the same.
    #[arg(long)]
    keep_going: bool,
    #[command(flatten)]
    parameters: parameters::Options,
    /// Print one JSON object in place of the outputs: how it ended, the figures of `check` and `report`, the error.
    #[arg(long)]
    json: bool,
}

/// What `-o` asks for.
enum Target {
    Notebook(PathBuf),
    Page(PathBuf),
}

/// A notebook or script to run, as [`run_whole`] wants it.
pub struct Job {
    pub document: Document,
    /// Where it came from.
    pub file: PathBuf,
    pub parameters: Map<String, Value>,
    /// Where the outputs are kept.
    target: Option<Target>,
    /// Outputs are not printed.
    quiet: bool,
    keep_going: bool,
    /// Where the figures go.
    pub figures: PathBuf,
}

pub fn run(options: &Options) -> Result<CommandStatus> {
    // Of several ranks the first one shows and keeps what all compute.
    let is_first = saddle_mpi::launched_rank().is_none_or(|rank| rank == 0);
    let target = options.output.as_deref().filter(|_| is_first).map(target).transpose()?;
    let mut document = read(&options.file)?;
    let parameters = options.parameters.values(&document)?;
    let to = options.output.as_deref().map_or(String::new(), |path| path.display().to_string());
    parameters::inject(&mut document, &parameters, &options.file.display().to_string(), &to)?;
    if has_ending(&options.file, "ipynb") {
        enter_folder_of(&options.file)?;
    }
    let kept = options.json.then(FiguresFile::new).transpose()?;
    let (file, keep_going, quiet) =
        (options.file.clone(), options.keep_going, options.json || target.is_some() || !is_first);
    let figures = kept.as_ref().map_or_else(PathBuf::new, |kept| kept.0.clone());
    let ended = run_whole(Job { document, file, parameters, target, quiet, keep_going, figures })?;
    if options.json && is_first {
        super::print_all(&ended.text());
    }
    Ok(ended.status.into())
}

/// The file of a run's figures where nobody wants to keep it, removed in the end.
struct FiguresFile(PathBuf);

impl FiguresFile {
    /// An empty one among the temporary files. All users have that folder: what is there already under a name, if only a
    /// link, is not ours, and its figures would be taken for those of this run.
    fn new() -> Result<Self> {
        let mut number = 0u32;
        loop {
            let path = std::env::temp_dir().join(format!("saddle-figures-{}-{number}", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(_) => return Ok(Self(path)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(error) => {
                    return Err(Fault::file(format!("cannot write {}: {}", path.display(), folders::because(&error)))
                        .hint("TMPDIR names another folder for temporary files"));
                }
            }
        }
    }
}

impl Drop for FiguresFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// One run of a sweep, in this folder, with its outputs kept as a notebook there.
///
/// # Errors
/// As [`run_whole`].
pub fn run_in_sweep(
    document: Document,
    parameters: Map<String, Value>,
    from: &Path,
    folder: &Path,
) -> Result<RunResult> {
    let target = Some(Target::Notebook(folder.join("out.ipynb")));
    let figures = folder.join("figures.jsonl");
    // What an earlier try has left.
    let _ = std::fs::remove_file(&figures);
    run_whole(Job { document, file: from.to_path_buf(), parameters, target, quiet: true, keep_going: false, figures })
}

/// Runs a notebook or script to its end, in the current folder, and keeps what it shows. Must be called before other
/// threads are started.
///
/// # Errors
/// The system gives no thread; the outputs cannot be written.
fn run_whole(mut job: Job) -> Result<RunResult> {
    let start = Instant::now();
    let is_notebook = has_ending(&job.file, "ipynb");
    let mut environment = vec![(saddle_mpi::CODE, code(&job.document).into())];
    if !job.figures.as_os_str().is_empty() {
        environment.push((FIGURES, job.figures.clone().into()));
    }
    let notebook = session::open_with_interrupt(Insisting::EndsProcess, environment)?;
    let bar = (is_notebook || job.target.is_some()).then(progress_bar);
    let terminal = Arc::new(Terminal::with_bar(bar.clone()));
    let frontend: Arc<dyn Frontend> = match job.quiet {
        true => Arc::new(Quiet(terminal.clone())),
        false => terminal.clone(),
    };
    let how = headless::Options { keep_going: job.keep_going, ..headless::Options::default() };
    let end = run_document(&mut job.document, notebook.as_ref(), frontend, how, |event| match event {
        Event::Starts { number, total, cell, .. } => {
            terminal.finish();
            bar.iter().for_each(|bar| show_step(bar, number, total, cell));
        }
        Event::Fails(failure) => {
            if let Some(rank) = saddle_mpi::launched_rank() {
                terminal.line(Stream::Stderr, &format!("rank {rank} of {} failed:", saddle_mpi::launched_size()));
            }
            terminal.fail(failure);
        }
        Event::Ends { .. } => {}
    });
    if end == End::Done && saddle_mpi::launched_rank().is_some() {
        // Where a rank has failed it must not wait for the others: its exit status has mpirun end them.
        let _ = notebook.evaluate("leave_world()");
    }
    terminal.finish();
    bar.iter().for_each(ProgressBar::finish_and_clear);
    if let Some(target) = &job.target {
        write(&job.document, target, &job.file)?;
    }
    if let (End::Failed(failed) | End::Interrupted(failed), true) = (&end, is_notebook) {
        let count = job.document.cells.len();
        terminal.line(Stream::Stderr, &format!("the error is in cell {} of {count}", failed.index + 1));
    }
    Ok(ended(job, &end, start))
}

/// What tells this code from another: the version and the cells.
fn code(document: &Document) -> String {
    let cells: Vec<&str> = document.code_cells().map(|(_, cell)| cell.source.as_str()).collect();
    format!(
        "{}\n{}",
        env!("CARGO_PKG_VERSION"),
        Sha256::digest(cells.join("\0")).iter().map(|b| format!("{b:02x}")).collect::<String>()
    )
}

/// How the run ended, with the figures that its cells have stated.
fn ended(job: Job, end: &End, start: Instant) -> RunResult {
    let (status, failed) = match end {
        End::Done => (Status::Done, None),
        End::Interrupted(failed) => (Status::Interrupted, Some(failed)),
        End::Failed(failed) if failed.failure.name == Kind::Lost.name() => (Status::Lost, Some(failed)),
        End::Failed(failed) => (Status::Failed, Some(failed)),
    };
    let error = failed.map(|failed| Failing {
        cell: failed.index + 1,
        name: failed.failure.name.clone(),
        message: failed.failure.value.clone(),
    });
    RunResult {
        notebook: job.file.display().to_string(),
        status,
        exit: status.exit(),
        seconds: start.elapsed().as_secs_f64(),
        parameters: job.parameters,
        figures: figures::read(&job.figures),
        error,
    }
}

/// Reads a notebook or a script.
fn read(path: &Path) -> Result<Document> {
    if has_ending(path, "ipynb") {
        return read_notebook(path);
    }
    if has_ending(path, "rhai") {
        let source = std::fs::read_to_string(path)
            .map_err(|error| Fault::file(format!("cannot read {}: {error}", path.display())))?;
        return Ok(Document::script(source.trim_start_matches('\u{feff}')));
    }
    Err(Fault::file(format!("{} is neither a notebook nor a script", path.display()))
        .hint("a notebook ends in .ipynb, a script in .rhai"))
}

/// Reads a notebook whose cells are in our language, or say nothing about theirs.
pub fn read_notebook(path: &Path) -> Result<Document> {
    let document = Document::read(path)?;
    match document.language() {
        Some(language) if language != "rhai" => Err(Fault::value(format!(
            "{} is written in {language}; the cells that saddle runs are in rhai",
            path.display()
        ))
        .hint("if its cells are Rhai, choose the kernel \"Saddlepoint\" for it in JupyterLab and save it")),
        _ => Ok(document),
    }
}

/// Relative paths in a notebook start at its own folder, as they do in JupyterLab.
pub fn enter_folder_of(file: &Path) -> Result<()> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::env::set_current_dir(folder)
            .map_err(|error| Fault::file(format!("cannot enter the folder {}: {error}", folder.display()))),
        _ => Ok(()),
    }
}

/// Where to write, checked before the long run and not after it.
fn target(path: &Path) -> Result<Target> {
    let absolute = check_folder_of(path)?;
    if has_ending(path, "ipynb") {
        Ok(Target::Notebook(absolute))
    } else if has_ending(path, "html") {
        Ok(Target::Page(absolute))
    } else {
        Err(Fault::value(format!("cannot write {}: what kind of file is that to be?", path.display()))
            .hint("give -o a name that ends in .ipynb or .html"))
    }
}

/// The absolute path of a file to be written, when its folder exists and takes it.
pub fn check_folder_of(path: &Path) -> Result<PathBuf> {
    let cannot = |why: &str| Fault::file(format!("cannot write {}: {why}", path.display()));
    let absolute = std::path::absolute(path).map_err(|error| cannot(&error.to_string()))?;
    if !absolute.parent().is_some_and(Path::is_dir) {
        return Err(cannot("its folder does not exist"));
    }
    if absolute.is_dir() {
        return Err(cannot("it is a folder"));
    }
    if absolute.exists() && !absolute.is_file() {
        // A pipe or a device is written to as it is.
        return Ok(absolute);
    }
    // Permissions do not tell what a file system that can only be read says.
    let draft = absolute.canonicalize().unwrap_or_else(|_| absolute.clone()).with_added_extension("part");
    match std::fs::File::create_new(&draft).and_then(|_| std::fs::remove_file(&draft)) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(cannot(&folders::because(&error))),
        _ => Ok(absolute),
    }
}

/// Refuses a path for a page or a report that is a notebook's, which it would take the place of.
pub fn check_is_no_notebook(path: &Path) -> Result<()> {
    match has_ending(path, "ipynb") {
        true => Err(Fault::value(format!("cannot write {}: that is a notebook's name", path.display()))
            .hint("give it a name that ends in .html or .xml")),
        false => Ok(()),
    }
}

fn write(document: &Document, target: &Target, source: &Path) -> Result<()> {
    let (path, text) = match target {
        Target::Notebook(path) => (path, document.text()),
        Target::Page(path) => {
            let name = source.file_stem().unwrap_or_default().to_string_lossy();
            (path, html::page(document, &name))
        }
    };
    write_whole(path, &text)
}

/// Writes a file: a full disk or a crash must not leave half a notebook where a whole one was.
pub fn write_whole(path: &Path, text: &str) -> Result<()> {
    saddle_fault::write_whole(path, text.as_bytes()).map_err(|error| {
        Fault::file(format!("cannot write {}: {}", path.display(), folders::because(&error)))
            .hint("-o FILE names another place; the notebook there is as it was")
    })
}

/// A bar on stderr; none is drawn where that is not a terminal.
pub fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {elapsed}  {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Shows which cell runs.
pub fn show_step(bar: &ProgressBar, number: usize, total: usize, cell: &Cell) {
    bar.set_length(total as u64);
    bar.set_position(number as u64 - 1);
    let first_line = cell.source.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    bar.set_message(first_line.trim().chars().take(48).collect::<String>());
}

/// Whether the name of a file ends in `.ending`, in letters of any size.
pub fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().and_then(OsStr::to_str).is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

/// Outputs go into a file; only updates (of a progress line, of curves) and questions reach the terminal.
struct Quiet(Arc<Terminal>);

impl Frontend for Quiet {
    fn show(&self, output: Output) {
        if let Output::Update { bundle, .. } = output {
            self.0.beside_bar(&bundle);
        }
    }

    fn ask(&self, prompt: &str, password: bool) -> Option<String> {
        self.0.ask(prompt, password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What takes no file is told before a run of hours, and what is there stays.
    #[test]
    fn where_nothing_can_be_written_is_told_before_the_run() {
        let folder = std::env::temp_dir().join(format!("saddle-run-target-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("a.ipynb")).unwrap();
        let told = |path: &str| check_folder_of(&folder.join(path)).unwrap_err().message;
        assert!(told("a.ipynb").ends_with("it is a folder"));
        assert!(told("none/b.ipynb").ends_with("its folder does not exist"));
        std::fs::write(folder.join("c.ipynb"), "old").unwrap();
        assert_eq!(check_folder_of(&folder.join("c.ipynb")).unwrap(), folder.join("c.ipynb"));
        assert_eq!(std::fs::read_to_string(folder.join("c.ipynb")).unwrap(), "old");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
        assert!(check_is_no_notebook(Path::new("n.IPYNB")).is_err());
        assert!(check_is_no_notebook(Path::new("n.xml")).is_ok());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
