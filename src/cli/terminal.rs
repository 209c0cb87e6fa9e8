//! What cells show, on a terminal: text as text, pictures as files whose paths are printed, updates in place where the
//! terminal can do that.

use super::signal;
use indicatif::ProgressBar;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use saddle_session::output::{Bundle, Data, Output, Stream, strip_ansi};
use saddle_session::{Failure, Frontend};
use std::collections::HashMap;
use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A [`Frontend`] on this process's terminal.
pub struct Terminal {
    /// A progress bar that has to be lifted while something is printed.
    bar: Option<ProgressBar>,
    /// Where pictures are saved; they are not saved without it.
    pictures: Option<PathBuf>,
    state: Mutex<State>,
    leaving: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Text that has no line end yet and waits for it, because a bar stands on the last line.
    held: String,
    /// The cursor is not at the start of a line.
    open_line: bool,
    /// The display on the last line, which an update may overwrite.
    live: Option<String>,
    /// The picture file of each display.
    files: HashMap<String, PathBuf>,
    saved: usize,
}

impl Terminal {
    /// A terminal on which a bar may be drawn.
    pub fn with_bar(bar: Option<ProgressBar>) -> Self {
        Self { bar, pictures: None, state: Mutex::default(), leaving: AtomicBool::new(false) }
    }

    /// A terminal that saves pictures into a folder and prints their paths.
    pub fn with_pictures(folder: PathBuf) -> Self {
        Self { bar: None, pictures: Some(folder), state: Mutex::default(), leaving: AtomicBool::new(false) }
    }

    /// Prints an error.
    pub fn fail(&self, failure: &Failure) {
        let mut text = failure.traceback.join("\n");
        if text.is_empty() {
            text = format!("{}: {}", failure.name, failure.value);
        }
        self.line(Stream::Stderr, &text);
    }

    /// Ends an unfinished line. To be called when a cell has ended.
    pub fn finish(&self) {
        let mut state = self.lock();
        if state.open_line || !state.held.is_empty() {
            self.write(&mut state, Stream::Stdout, "\n");
        }
        state.live = None;
    }

    /// Whether a cell has asked to leave.
    pub fn leaving(&self) -> bool {
        self.leaving.load(Ordering::SeqCst)
    }

    /// Prints whole lines.
    pub fn line(&self, stream: Stream, text: &str) {
        self.finish();
        self.write(&mut self.lock(), stream, &format!("{text}\n"));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, state: &mut State, stream: Stream, text: &str) {
        match &self.bar {
            None => put(stream, text),
            Some(bar) => {
                state.held.push_str(text);
                let whole = state.held.rfind('\n').map_or(0, |at| at + 1);
                if whole > 0 {
                    let lines: String = state.held.drain(..whole).collect();
                    bar.suspend(|| put(stream, &lines));
                }
            }
        }
        if let Some(last) = text.chars().last() {
            state.open_line = self.bar.is_none() && last != '\n';
        }
    }

    fn text(&self, stream: Stream, text: &str) {
        let mut state = self.lock();
        if state.live.take().is_some() && state.open_line {
            self.write(&mut state, Stream::Stdout, "\n");
        }
        self.write(&mut state, stream, text);
    }

    /// Prints a display or a result.
    fn bundle(&self, bundle: &Bundle, id: Option<&str>) {
        self.finish();
        let mut state = self.lock();
        let text = self.picture(&mut state, bundle, id).unwrap_or_else(|| bundle.plain().to_string());
        let live = id.filter(|_| self.redraws() && !text.contains('\n'));
        let end = if live.is_some() { "" } else { "\n" };
        self.write(&mut state, Stream::Stdout, &format!("{text}{end}"));
        state.live = live.map(str::to_string);
    }

    /// Shows one line beside the bar, where there is a bar.
    pub fn beside_bar(&self, bundle: &Bundle) {
        if let (Some(bar), false) = (&self.bar, bundle.plain().contains('\n')) {
            bar.set_message(bundle.plain().to_string());
        }
    }

    /// Draws an update over the display it names, if that is still the last line, or beside the bar. A picture's file
    /// is always replaced.
    fn update(&self, bundle: &Bundle, id: &str) {
        self.beside_bar(bundle);
        let mut state = self.lock();
        let text = self.picture(&mut state, bundle, Some(id)).unwrap_or_else(|| bundle.plain().to_string());
        if state.live.as_deref() == Some(id) && !text.contains('\n') {
            self.write(&mut state, Stream::Stdout, &format!("\r\x1b[2K{text}"));
        }
    }

    fn redraws(&self) -> bool {
        self.bar.is_none() && io::stdout().is_terminal()
    }

    /// Saves the picture of a bundle, where it has one and pictures are kept; what to print about it.
    fn picture(&self, state: &mut State, bundle: &Bundle, id: Option<&str>) -> Option<String> {
        let folder = self.pictures.as_ref()?;
        let kinds = [("image/png", "png"), ("image/svg+xml", "svg")];
        let (bytes, ending) = kinds.iter().find_map(|(mime, ending)| match bundle.get(mime)? {
            Data::Bytes(bytes) => Some((bytes.as_slice(), ending)),
            Data::Text(text) => Some((text.as_bytes(), ending)),
            Data::Json(_) => None,
        })?;
        let known = id.and_then(|id| state.files.get(id).cloned());
        let path = known.unwrap_or_else(|| {
            state.saved += 1;
            folder.join(format!("{}.{ending}", state.saved))
        });
        if let Some(id) = id {
            state.files.insert(id.to_string(), path.clone());
        }
        let saved = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, bytes));
        Some(match saved {
            Ok(()) => format!("{} → {}", bundle.plain(), path.display()),
            Err(error) => format!("{} (not saved to {}: {error})", bundle.plain(), path.display()),
        })
    }
}

impl Frontend for Terminal {
    fn show(&self, output: Output) {
        match output {
            Output::Text { stream, text } => self.text(stream, &text),
            Output::Display { bundle, id } => self.bundle(&bundle, id.as_deref()),
            Output::Update { bundle, id } => self.update(&bundle, &id),
            Output::Result { bundle } => self.bundle(&bundle, None),
            Output::Page { bundle } => self.bundle(&bundle, None),
            Output::NextInput { text } => self.text(Stream::Stdout, &text),
            // What has been printed on a terminal stays, and nothing on it can be moved.
            Output::Clear { .. } | Output::Comm(_) | Output::Lines { .. } => {}
            Output::Leave => self.leaving.store(true, Ordering::SeqCst),
        }
    }

    fn ask(&self, prompt: &str, password: bool) -> Option<String> {
        if !io::stdin().is_terminal() {
            return None;
        }
        self.finish();
        match &self.bar {
            Some(bar) => bar.suspend(|| read_answer(prompt, password)),
            None => read_answer(prompt, password),
        }
    }
}

/// Prints to a stream; without its colours where it is not a terminal.
fn put(stream: Stream, text: &str) {
    match stream {
        Stream::Stdout => super::printed(write_to(io::stdout().lock(), io::stdout().is_terminal(), text)),
        Stream::Stderr => {
            // When it is gone there is no one left to tell.
            let _ = write_to(io::stderr().lock(), io::stderr().is_terminal(), text);
        }
    }
}

fn write_to(mut stream: impl io::Write, colours: bool, text: &str) -> io::Result<()> {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if colours && !no_colour {
        stream.write_all(text.as_bytes())?;
    } else {
        stream.write_all(strip_ansi(text).as_bytes())?;
    }
    stream.flush()
}

/// Asks on the terminal; `None` when the input has ended or Ctrl-C was pressed.
fn read_answer(prompt: &str, password: bool) -> Option<String> {
    put(Stream::Stdout, prompt);
    let _quiet = password.then(NoEcho::new);
    wait_for_input()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).ok().filter(|&length| length > 0)?;
    if password {
        put(Stream::Stdout, "\n");
    }
    Some(answer.trim_end_matches(['\r', '\n']).to_string())
}

/// Waits until a line can be read, or Ctrl-C is pressed.
fn wait_for_input() -> Option<()> {
    const STEP: Timespec = Timespec { tv_sec: 0, tv_nsec: 30_000_000 };
    let stdin = io::stdin();
    while !signal::pressed() {
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&STEP)) {
            Ok(0) => {}
            _ => return Some(()),
        }
    }
    None
}

/// The terminal does not show what is typed, until this is dropped.
struct NoEcho(Option<Termios>);

impl NoEcho {
    fn new() -> Self {
        let Ok(before) = tcgetattr(io::stdin()) else {
            return Self(None);
        };
        let mut quiet = before.clone();
        quiet.local_modes -= LocalModes::ECHO;
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &quiet);
        Self(Some(before))
    }
}

impl Drop for NoEcho {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sequences_are_dropped_and_text_is_kept() {
        assert_eq!(strip_ansi("\x1b[1;31mShapeError\x1b[0m: [2] é \x1b[2K."), "ShapeError: [2] é .");
    }

    #[test]
    fn an_update_replaces_the_picture_of_its_display() {
        let folder = std::env::temp_dir().join(format!("saddle-terminal-{}", std::process::id()));
        let terminal = Terminal::with_pictures(folder.clone());
        let picture = |byte| Bundle::png("grid", vec![byte], 10);
        terminal.show(Output::Display { bundle: picture(1), id: Some("samples".into()) });
        terminal.show(Output::Update { bundle: picture(2), id: "samples".into() });
        terminal.show(Output::Result { bundle: picture(3) });
        assert_eq!(std::fs::read(folder.join("1.png")).ok(), Some(vec![2]));
        assert_eq!(std::fs::read(folder.join("2.png")).ok(), Some(vec![3]));
        assert_eq!(std::fs::remove_dir_all(folder).ok(), Some(()));
    }
}
