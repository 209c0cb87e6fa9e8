//! What was run in this session and in those before it, and the three ways in which a client may look it up.

use std::collections::VecDeque;
use std::path::Path;

use serde_json::{Value, json};

use super::history_file::HistoryFile;
use saddle_wire::log;
use saddle_wire::request::{self, Access};

/// How many cells are remembered.
const REMEMBERED: usize = 10_000;

/// The cells that were run, oldest first.
pub struct History {
    entries: VecDeque<Entry>,
    /// The number of this session among those remembered.
    session: i64,
    /// Where the cells outlive the session; `None` where they do not.
    file: Option<HistoryFile>,
}

struct Entry {
    session: i64,
    line: usize,
    input: String,
    output: Option<String>,
}

impl History {
    /// The history in `file`, or of this session alone. A file that cannot be used is no reason not to serve.
    pub fn open(file: Option<&Path>) -> Self {
        let mut history = Self { entries: VecDeque::new(), session: 1, file: None };
        match file.map(HistoryFile::open) {
            None => {}
            Some(Ok((file, records))) => {
                history.session = file.session;
                history.file = Some(file);
                for (session, line, input) in records {
                    history.remember(session, line, input);
                }
            }
            Some(Err(error)) => log(|| format!("no history of earlier sessions: {error}")),
        }
        history
    }

    /// Remembers that a cell was run under the number `line`.
    pub fn ran(&mut self, line: usize, input: &str) {
        self.remember(self.session, line, input.to_string());
        if let Some(Err(error)) = self.file.as_ref().map(|file| file.append(line, input)) {
            log(|| format!("the history of cell {line} is not kept: {error}"));
        }
    }

    fn remember(&mut self, session: i64, line: usize, input: String) {
        if self.entries.len() == REMEMBERED {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { session, line, input, output: None });
    }

    /// Remembers what the cell `line` gave, as text.
    pub fn gave(&mut self, line: usize, output: &str) {
        if let Some(entry) =
            self.entries.iter_mut().rev().find(|entry| entry.session == self.session && entry.line == line)
        {
            entry.output = Some(output.to_string());
        }
    }

    /// The entries that a client asked for: `[session, line, input]` or `[session, line, [input, output]]`, oldest
    /// first.
    pub fn look_up(&self, query: &request::History) -> Vec<Value> {
        let found: Vec<&Entry> = match query.hist_access_type {
            Access::Tail => last(self.entries.iter().collect(), query.n),
            Access::Range => self.range(query),
            Access::Search => self.search(query),
        };
        let show = |entry: &&Entry| match query.output {
            true => json!([entry.session, entry.line, [entry.input, entry.output]]),
            false => json!([entry.session, entry.line, entry.input]),
        };
        found.iter().map(show).collect()
    }

    /// Lines `start..stop` of a session, where 0 is the present one and -1 the one before.
    fn range(&self, query: &request::History) -> Vec<&Entry> {
        let session = match query.session {
            back @ ..=0 => self.session.saturating_add(back),
            number => number,
        };
        let start = query.start.unwrap_or(1);
        let stop = query.stop.unwrap_or(i64::MAX);
        let within = |entry: &&Entry| (start..stop).contains(&i64::try_from(entry.line).unwrap_or(i64::MAX));
        self.entries.iter().filter(|entry| entry.session == session).filter(within).collect()
    }

    fn search(&self, query: &request::History) -> Vec<&Entry> {
        let pattern: Vec<char> = query.pattern.as_deref().unwrap_or("*").chars().collect();
        let mut found: Vec<&Entry> = self.entries.iter().filter(|entry| matches(&pattern, &entry.input)).collect();
        if query.unique {
            // Of equal inputs the latest stands for all.
            let mut seen = std::collections::HashSet::new();
            found = found.into_iter().rev().filter(|entry| seen.insert(&entry.input)).collect();
            found.reverse();
        }
        last(found, query.n)
    }
}

fn last(entries: Vec<&Entry>, n: Option<usize>) -> Vec<&Entry> {
    let skip = entries.len().saturating_sub(n.unwrap_or(usize::MAX));
    entries.into_iter().skip(skip).collect()
}

/// Whether the whole text fits the glob: `*` is any text, `?` any one character.
fn matches(pattern: &[char], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where the last `*` stands and how far it reaches so far; on a mismatch it reaches one further.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == '?' || *c == text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, reach)) = star {
            star = Some((at, reach + 1));
            (p, t) = (at + 1, reach + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(fields: Value) -> request::History {
        serde_json::from_value(fields).unwrap()
    }

    fn history() -> History {
        let mut history = History::open(None);
        for (line, input) in [(1, "1 + 1"), (2, "let x = 3;"), (3, "1 + 1"), (4, "x * 2")] {
            history.ran(line, input);
        }
        history.gave(4, "6");
        history
    }

    #[test]
    fn tail_range_and_search_answer_as_ipython_does() {
        let history = history();
        let tail = history.look_up(&query(json!({"hist_access_type": "tail", "n": 2, "output": true})));
        assert_eq!(tail, [json!([1, 3, ["1 + 1", null]]), json!([1, 4, ["x * 2", "6"]])]);
        let range = query(json!({"hist_access_type": "range", "session": 0, "start": 2, "stop": 4}));
        assert_eq!(history.look_up(&range), [json!([1, 2, "let x = 3;"]), json!([1, 3, "1 + 1"])]);
        let other = query(json!({"hist_access_type": "range", "session": -1, "start": 1}));
        assert!(history.look_up(&other).is_empty());
        let unique = query(json!({"hist_access_type": "search", "pattern": "1 ?*", "unique": true}));
        assert_eq!(history.look_up(&unique), [json!([1, 3, "1 + 1"])]);
        let two = query(json!({"hist_access_type": "search", "pattern": "*", "n": 2}));
        assert_eq!(history.look_up(&two).len(), 2);
    }

    #[test]
    fn earlier_sessions_are_found_too() {
        let file = std::env::temp_dir().join(format!("saddle-history-{}", std::process::id()));
        let _ = std::fs::remove_file(&file);
        for inputs in [["a = 1", "b = 1"], ["a = 2", "b = 2"]] {
            let mut history = History::open(Some(&file));
            for (line, input) in (1..).zip(inputs) {
                history.ran(line, input);
            }
        }
        let mut history = History::open(Some(&file));
        history.ran(1, "a = 3");
        let show = |fields| history.look_up(&query(fields));
        assert_eq!(show(json!({"hist_access_type": "tail", "n": 2})), [json!([2, 2, "b = 2"]), json!([3, 1, "a = 3"])]);
        for (session, number) in [(0, 3), (-1, 2), (-2, 1), (2, 2)] {
            let range = json!({"hist_access_type": "range", "session": session, "start": 1, "stop": 2});
            assert_eq!(show(range), [json!([number, 1, format!("a = {number}")])]);
        }
        assert_eq!(show(json!({"hist_access_type": "search", "pattern": "a*"})).len(), 3);
        std::fs::remove_file(&file).unwrap();
        std::fs::remove_file(file.with_extension("lock")).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_used_leaves_the_session_its_own_history() {
        let mut history = History::open(Some(Path::new("/dev/null/history")));
        history.ran(1, "1 + 1");
        let tail = query(json!({"hist_access_type": "tail", "n": 5}));
        assert_eq!(history.look_up(&tail), [json!([1, 1, "1 + 1"])]);
    }

    #[test]
    fn globs() {
        let fits = |pattern: &str, text: &str| matches(&pattern.chars().collect::<Vec<_>>(), text);
        assert!(fits("", "") && fits("*", "") && fits("a*c*e", "abcde") && fits("?😀?", "a😀b") && fits("*ab", "aab"));
        assert!(!fits("", "a") && !fits("?", "") && !fits("a*d", "abc") && !fits("ab", "abc"));
        // Linear in practice: no exponential search over many stars.
        assert!(!fits(&"a*".repeat(50), &"b".repeat(10_000)));
        assert!(!fits(&format!("{}c", "*a".repeat(50)), &"a".repeat(5_000)));
    }
}
