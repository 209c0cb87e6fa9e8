//! A notebook for tests: a few statements with the look of Rhai, one a line, and everything that an output can be.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Map;

use saddle_session::output::{Bundle, Comm, CommStep, Output, Stream};
use saddle_session::{Cell, CommReply, Completeness, Completions, Detail, Failure, Frontend, Match, Reply, Session};

#[derive(Default)]
pub struct Mock {
    running: AtomicBool,
    interrupted: AtomicBool,
    variables: Mutex<HashMap<String, i64>>,
}

impl Mock {
    fn line(&self, line: &str, show: &dyn Frontend) -> Result<Option<String>, Failure> {
        if line.ends_with('?') {
            let bundle = Bundle::text("a page");
            show.show(Output::Page { bundle });
            return Ok(None);
        }
        let (word, argument) = split(line);
        let text = |stream, text| show.show(Output::Text { stream, text });
        match word {
            "print" => text(Stream::Stdout, format!("{argument}\n")),
            "eprint" | "debug" => text(Stream::Stderr, format!("{argument}\n")),
            "for" => (0..2000).for_each(|i| text(Stream::Stdout, format!("{i}\n"))),
            "show" => show.show(Output::Display {
                bundle: Bundle::png("a dot", vec![0, 255, 16], 8),
                id: (!argument.is_empty()).then(|| argument.to_string()),
            }),
            "update" => show.show(Output::Update { bundle: Bundle::text("new"), id: argument.to_string() }),
            "clear_output" => show.show(Output::Clear { wait: true }),
            "input" => {
                let answer = show.ask(argument, false).ok_or_else(|| failure("InputError", "nobody"))?;
                text(Stream::Stdout, format!("<{answer}>\n"));
            }
            "sleep" => self.wait(Duration::from_millis(number(argument)))?,
            "loop" if argument.is_empty() => self.wait(Duration::MAX)?,
            "loop" => loop {
                text(Stream::Stdout, "x\n".to_string());
                self.wait(Duration::from_nanos(1))?;
            },
            // Deaf: does not look whether it was interrupted.
            "deaf" => std::thread::sleep(Duration::from_millis(number(argument))),
            "throw" => return Err(failure("RuntimeError", argument)),
            "panic" => panic!("the mock was told to"),
            "let" => {
                if let Some((name, value)) = argument.split_once('=')
                    && let Some(value) = self.sum(value)
                {
                    let mut variables = self.variables.lock().unwrap();
                    variables.insert(name.trim().to_string(), value);
                }
            }
            "" => {}
            _ => return Ok(self.sum(line).map(|sum| sum.to_string())),
        }
        Ok(None)
    }

    fn sum(&self, line: &str) -> Option<i64> {
        let variables = self.variables.lock().unwrap();
        let value = |part: &str| part.parse().ok().or_else(|| variables.get(part).copied());
        line.trim_end_matches(';').split('+').map(|part| value(part.trim())).sum()
    }

    fn wait(&self, time: Duration) -> Result<(), Failure> {
        let start = Instant::now();
        while start.elapsed() < time {
            if self.interrupted.load(Ordering::SeqCst) {
                return Err(failure("KeyboardInterrupt", "stopped by the user"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// `word("argument")`, `word argument` → the two.
fn split(line: &str) -> (&str, &str) {
    let line = line.trim().trim_end_matches(';');
    let end = line.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(line.len());
    let argument = line[end..].trim_matches(|c: char| "(){}\" ".contains(c));
    (&line[..end], argument)
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

fn failure(name: &str, value: &str) -> Failure {
    let (name, value) = (name.to_string(), value.to_string());
    Failure { traceback: vec![format!("{name}: {value}")], name, value }
}

impl Session for Mock {
    fn execute(&self, cell: Cell, frontend: Arc<dyn Frontend>) -> Reply {
        if cell.code.starts_with("late") {
            // Taken, and not yet running: an interrupt finds nothing to stop.
            std::thread::sleep(Duration::from_millis(30));
        }
        self.interrupted.store(false, Ordering::SeqCst);
        self.running.store(true, Ordering::SeqCst);
        let mut last = Ok(None);
        for line in cell.code.lines() {
            last = self.line(line, frontend.as_ref());
            if last.is_err() {
                break;
            }
        }
        self.running.store(false, Ordering::SeqCst);
        match last {
            Err(failure) => return Reply::Failed(failure),
            Ok(Some(value)) => frontend.show(Output::Result { bundle: Bundle::text(value) }),
            Ok(None) => {}
        }
        Reply::Done
    }

    fn complete(&self, code: &str, cursor: usize) -> Completions {
        let before: Vec<char> = code.chars().take(cursor).collect();
        let start = before.iter().rposition(|c| !c.is_alphanumeric()).map_or(0, |at| at + 1);
        let stem: String = before[start..].iter().collect();
        let all = [("linspace", "function", "(a, b, n)"), ("like", "keyword", "")];
        let fits = all.iter().filter(|(text, ..)| !stem.is_empty() && text.starts_with(&stem));
        let matches = fits
            .map(|(text, kind, signature)| Match {
                text: text.to_string(),
                kind: kind.to_string(),
                signature: signature.to_string(),
            })
            .collect();
        Completions { start, end: cursor, matches }
    }

    fn inspect(&self, code: &str, _cursor: usize, detail: Detail) -> Option<Bundle> {
        code.starts_with("relu").then(|| Bundle::text(format!("relu(x) {detail:?}")))
    }

    fn is_complete(&self, code: &str) -> Completeness {
        let count = |brackets: &[char]| code.matches(brackets).count() as i64;
        match count(&['(', '[', '{']) - count(&[')', ']', '}']) {
            0 => Completeness::Complete,
            1.. => Completeness::Incomplete { indent: "    ".into() },
            _ => Completeness::Invalid,
        }
    }

    fn interrupt(&self) {
        if self.running.load(Ordering::SeqCst) {
            self.interrupted.store(true, Ordering::SeqCst);
        }
    }

    /// One target is known, `echo`: it says everything back, and wants a callback for it.
    fn comm(&self, message: Comm) -> CommReply {
        match &message.step {
            CommStep::Open { target } if target != "echo" => {
                CommReply { messages: vec![Comm::new(message.id, CommStep::Close, Map::new())], callback: false }
            }
            CommStep::Message => CommReply { messages: vec![message], callback: true },
            CommStep::Open { .. } | CommStep::Close => CommReply::default(),
        }
    }

    fn call_back(&self, comm: &str, frontend: Arc<dyn Frontend>) -> Reply {
        let text = format!("called back for {comm}\n");
        frontend.show(Output::Text { stream: Stream::Stdout, text });
        match comm {
            "fails" => Reply::Failed(failure("RuntimeError", "no")),
            _ => Reply::Done,
        }
    }

    fn evaluate(&self, expression: &str) -> Result<Bundle, Failure> {
        self.sum(expression).map(|sum| Bundle::text(sum.to_string())).ok_or_else(|| failure("NameError", expression))
    }
}
