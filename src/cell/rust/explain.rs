//! How a cell of Rust, or a call of what it exported, ended: in the user's terms.

use crate::engine_thread::EngineThread;
use crate::failure::Place;
use saddle_catalog::Host;
use saddle_fault::{Fault, Kind};
use saddle_rust::{Mistake, Stop};
use saddle_session::Failure;

/// The most errors of the compiler that are shown: the later ones mostly follow from the first.
const MAX_ERRORS: usize = 3;

/// The name under which the compiler's errors are shown.
const COMPILE: &str = "CompileError";

/// The failure of the cell `cell`.
pub fn cell(thread: &mut EngineThread, cell: &str, stop: Stop, has_source: bool) -> Failure {
    match stop {
        Stop::Wrong(mistakes) => compile(thread, cell, &mistakes, has_source),
        Stop::Panic { message, line } => {
            let place = line.and_then(|line| thread.find_line(cell, &line));
            let fault = Fault::new(Kind::Panic, message);
            thread.fail_at(fault.kind.name(), &fault, place.as_slice())
        }
        Stop::Early(said) => {
            let fault = Fault::value(format!("the cell ended early, at a `?`: {said}"))
                .hint("variables that the cell defined are not kept");
            thread.fail(&fault)
        }
        Stop::Fault(fault) => thread.fail(&hinted(fault, has_source)),
        other => {
            let fault = ended("the cell", other);
            thread.fail(&fault)
        }
    }
}

/// The error of a call of the function `name`.
pub fn call(name: &str, stop: Stop, host: &Host) -> Fault {
    match stop {
        Stop::Fault(fault) => fault,
        Stop::Panic { message, line } => {
            let fault = Fault::new(Kind::Panic, format!("{name}: {message}"));
            match line {
                Some(line) => fault.hint(format!("it happened at `{}`", line.trim())),
                None => fault,
            }
        }
        Stop::Interrupted { lost } => {
            // An interrupt says nothing of its own on its way through a script.
            let gone = and_lost(&lost);
            if !gone.is_empty() {
                host.eprint(&format!("Rust was interrupted in `{name}`{gone}\n"));
            }
            Fault::new(Kind::Interrupt, "interrupted")
        }
        other => ended(&format!("`{name}`"), other),
    }
}

/// The ends of a whole process.
fn ended(what: &str, stop: Stop) -> Fault {
    match stop {
        Stop::Interrupted { lost } if lost.is_empty() => {
            Fault::new(Kind::Interrupt, "interrupted").hint("variables keep their values")
        }
        Stop::Interrupted { lost } => Fault::new(Kind::Interrupt, format!("interrupted{}", and_lost(&lost))).hint(KEPT),
        Stop::Died { how, lost } => {
            let how = cause(&how);
            let message = format!("{what} ended the process of the Rust cells: {how}{}", and_lost(&lost));
            Fault::new(Kind::Lost, message).hint(KEPT)
        }
        Stop::Lost(said) => {
            let why = if said.is_empty() { String::new() } else { format!(": {said}") };
            Fault::new(Kind::Lost, format!("Rust ended under {what}{why}"))
                .hint("run the %%rust cells again; the variables of the notebook are as they were")
        }
        // The others have a form of their own.
        other => Fault::new(Kind::Internal, format!("{other:?}")),
    }
}

const KEPT: &str =
    "functions and exports of Rust come back at their next use; the variables of the notebook are as they were";

fn and_lost(lost: &[String]) -> String {
    let mut names = lost.to_vec();
    names.sort();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!("; its variable {one} is lost"),
        many => format!("; its variables {} are lost", many.join(", ")),
    }
}

/// What an exit status means: `…status: signal: 11 (SIGSEGV)`.
fn cause(how: &str) -> String {
    let status = how.rsplit("status:").next().unwrap_or(how).trim();
    let number = |prefix: &str| {
        let rest = how.split(prefix).nth(1)?.trim_start();
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<i32>().ok()
    };
    if how.contains("stack overflow") {
        return "its stack overflowed".into();
    }
    match (number("signal:"), number("exit status:")) {
        (Some(libc::SIGSEGV | libc::SIGBUS), _) => {
            "it touched memory that is not its own, or its stack overflowed (segmentation fault)".into()
        }
        (Some(libc::SIGABRT), _) => "it aborted".into(),
        (Some(libc::SIGKILL), _) => "it was killed; is the machine short of memory?".into(),
        (_, Some(code)) => format!("it called exit({code})"),
        _ => status.to_string(),
    }
}

/// The compiler's errors, each with its place.
fn compile(thread: &mut EngineThread, cell: &str, mistakes: &[Mistake], has_source: bool) -> Failure {
    let mut shown = mistakes.iter().take(MAX_ERRORS).map(|mistake| {
        let code = mistake.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        let label = mistake.places.first().map_or("", |spot| spot.label.as_str());
        let label = match label.is_empty() || mistake.message.contains(label) || label.starts_with("error") {
            true => String::new(),
            false => format!(": {label}"),
        };
        let mut fault = Fault::value(format!("{}{label}{code}", mistake.message));
        if let Some(help) = mistake.helps.first() {
            fault = fault.hint(one_line(help));
        }
        let fault = hinted(fault, has_source);
        let place = mistake.places.first();
        let place = place.map(|spot| Place::new(cell, spot.line, spot.column));
        thread.fail_at(COMPILE, &fault, place.as_slice())
    });
    let Some(mut failure) = shown.next() else {
        return Failure::of(&Fault::value("the cell does not compile"));
    };
    for other in shown {
        failure.traceback.extend(other.traceback);
    }
    if mistakes.len() > MAX_ERRORS {
        let more = mistakes.len() - MAX_ERRORS;
        failure.traceback.push(format!("… and {more} more of the compiler's errors"));
    }
    failure
}

/// A help of the compiler with the code that it suggests, which comes after an empty line.
fn one_line(help: &str) -> String {
    match help.split_once("\n\n") {
        Some((help, code)) if !code.trim().is_empty() && !code.contains('\n') => {
            format!("{}: `{}`", help.trim_end_matches(':'), code.trim())
        }
        Some((help, _)) => help.trim_end_matches(':').to_string(),
        None => help.to_string(),
    }
}

/// What evcxr cannot know without the source of the standard library.
fn hinted(fault: Fault, has_source: bool) -> Fault {
    let unknown = fault.message.contains("explicit type");
    match unknown && !has_source {
        true => fault.hint(
            "write its type, `let v: Vec<f32> = …;`; types of the standard library are inferred where its source is: \
             `rustup component add rust-src`",
        ),
        false => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_in_plain_words() {
        let segmentation = "Subprocess terminated with status: signal: 11 (SIGSEGV) (core dumped)";
        assert!(cause(segmentation).contains("segmentation fault"));
        assert_eq!(cause("Subprocess terminated with status: exit status: 3"), "it called exit(3)");
        assert_eq!(cause("signal: 6 (SIGABRT)"), "it aborted");
        assert_eq!(and_lost(&["b".into(), "a".into()]), "; its variables a, b are lost");
    }
}
