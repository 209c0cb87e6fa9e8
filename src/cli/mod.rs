//! The command line: its words, and which file answers each. Part of `main`.
//!
//! | file | owns |
//! |---|---|
//! | `session` | opening a session, the only place that knows which one |
//! | `signal` | Ctrl-C |
//! | `folders` | where files of ours lie |
//! | `terminal` | outputs and questions on a terminal |
//! | `run`, `test/`, `repl` | the commands that run cells without Jupyter |
//! | `parameters` | parameters of a run: read, checked, put into the notebook |
//! | `sweep/` | many runs of one notebook, here and on clusters; their tables |
//! | `export` | a notebook or a text as a web page |
//! | `spec` | `kernel`, `install`, `uninstall` |
//! | `lab` | JupyterLab: finding and starting it |
//! | `notebooks` | the user's own copy of the notebooks |
//! | `private`, `python`, `pip` | the private JupyterLab, and what installing it takes |
//! | `runs` | what `log_run` has kept, run beside run |
//! | `serve_device` | this machine's graphics processor for notebooks elsewhere |
//! | `doctor` | what is installed, and what is wrong with it |

mod doctor;
mod export;
mod folders;
mod lab;
mod notebooks;
mod parameters;
mod pip;
mod private;
mod python;
mod repl;
mod run;
mod runs;
mod serve_device;
mod session;
mod signal;
mod spec;
mod sweep;
mod terminal;
mod test;

use clap::{Parser, Subcommand};
use saddle_fault::{Fault, Result};
use saddle_sweep::outcome::Status;
use std::io::Write as _;
use std::process::ExitCode;

/// A Jupyter kernel for generative adversarial networks: Rhai cells, native tensors.
#[derive(Parser)]
#[command(name = "saddle", version, arg_required_else_help = true, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Open your copy of the notebooks in JupyterLab, installing a private JupyterLab first where there is none.
    Lab(lab::Options),
    /// Run a notebook or a .rhai script without Jupyter.
    Run(run::Options),
    /// Run notebooks again and compare what they show with their stored outputs.
    Test(test::Options),
    /// Run a notebook with each combination of parameters: here, or on Slurm, Dask or Ray.
    Sweep(sweep::Options),
    /// Gather the figures and pictures of a sweep into one table.
    Collect(sweep::Collect),
    /// One run of a sweep (the engines run this).
    #[command(name = "sweep-run", hide = true)]
    SweepRun(sweep::One),
    /// Make a web page of a notebook with its stored outputs, or of a Markdown text; runs nothing.
    Export(export::Options),
    /// The language of the cells at a prompt.
    Repl,
    /// Make the kernel known to Jupyter.
    Install(spec::Install),
    /// Undo `install`.
    Uninstall(spec::Uninstall),
    /// List and compare the runs that log_run has kept.
    Runs(runs::Options),
    /// Let notebooks on another machine compute on this machine's graphics processor.
    ServeDevice(serve_device::Options),
    /// Show versions, devices and paths, what is wrong and how to mend it.
    Doctor,
    /// Print the reference of the language as Markdown.
    Reference,
    /// Serve a Jupyter client (Jupyter itself runs this).
    Kernel(spec::KernelOptions),
    /// Hold a session for another saddle (saddle itself runs this).
    #[command(name = session::WORKER, hide = true)]
    Worker,
}

/// How a command ended that did not end in a fault.
pub enum CommandStatus {
    Done,
    /// It ran, and what it was to show did not hold: a failing cell, a difference.
    Failed,
    /// The user stopped it.
    Interrupted,
}

impl From<Status> for CommandStatus {
    fn from(run: Status) -> Self {
        match run {
            Status::Done => Self::Done,
            Status::Failed | Status::Lost => Self::Failed,
            Status::Interrupted => Self::Interrupted,
        }
    }
}

impl From<CommandStatus> for ExitCode {
    fn from(outcome: CommandStatus) -> Self {
        match outcome {
            CommandStatus::Done => Self::SUCCESS,
            CommandStatus::Failed => Self::from(1),
            // 128 + SIGINT, as a shell reports it.
            CommandStatus::Interrupted => Self::from(130),
        }
    }
}

/// Reads the command line and does what it says. Exit status: 0 done, 1 a cell failed or an output differs, 2 the
/// command could not be carried out, 130 interrupted.
pub fn main() -> ExitCode {
    match dispatch(Arguments::parse().command) {
        Ok(outcome) => outcome.into(),
        Err(fault) => {
            complain(&fault);
            ExitCode::from(2)
        }
    }
}

/// Whether a command goes on when nobody reads what it prints.
fn serves(command: &Command) -> bool {
    matches!(command, Command::Kernel(_) | Command::Worker | Command::Lab(_) | Command::ServeDevice(_))
}

fn dispatch(command: Command) -> Result<CommandStatus> {
    if !serves(&command) {
        signal::end_quietly_when_no_one_reads();
    }
    match command {
        Command::Lab(options) => lab::lab(&options),
        Command::Run(options) => run::run(&options),
        Command::Test(options) => test::test(&options),
        Command::Sweep(options) => sweep::sweep(&options),
        Command::Collect(options) => sweep::collect(&options),
        Command::SweepRun(options) => sweep::one(&options),
        Command::Export(options) => export::export(&options),
        Command::Repl => repl::repl(),
        Command::Install(options) => spec::install(&options),
        Command::Uninstall(options) => spec::uninstall(&options),
        Command::Runs(options) => runs::runs(&options),
        Command::ServeDevice(options) => serve_device::serve_device(&options),
        Command::Doctor => doctor::doctor(),
        Command::Reference => {
            print_all(&session::reference());
            Ok(CommandStatus::Done)
        }
        Command::Kernel(options) => spec::kernel(&options),
        Command::Worker => session::work().map(|()| CommandStatus::Done),
    }
}

/// Prints a fault to stderr.
fn complain(fault: &Fault) {
    let mut stderr = std::io::stderr().lock();
    // When stderr is gone there is no one left to tell.
    let _ = writeln!(stderr, "saddle: {}", fault.message);
    if let Some(hint) = &fault.hint {
        let _ = writeln!(stderr, "hint: {hint}");
    }
}

/// Prints `text` to stdout.
fn print_all(text: &str) {
    let mut stdout = std::io::stdout().lock();
    printed(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
}

/// Ends the process where what it prints is lost: status 0 would say that the file behind `>` is whole. When the stream
/// is closed there is no one left to tell.
fn printed(written: std::io::Result<()>) {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    if let Err(error) = written
        && matches!(error.kind(), StorageFull | QuotaExceeded)
    {
        complain(&Fault::file(format!("cannot print: {}", folders::because(&error))));
        std::process::exit(2);
    }
}
