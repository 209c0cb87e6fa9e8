//! Text of a running cell, gathered into few messages: a loop that prints a thousand lines must not send a thousand
//! messages.

use std::time::{Duration, Instant};

use saddle_session::output::Stream;

/// How long text may wait for more: short enough to look immediate.
const WAIT: Duration = Duration::from_millis(50);
/// How much text (bytes) goes out without waiting for more.
const ENOUGH: usize = 16 * 1024;

/// Text that has not been sent yet, of one stream of one cell.
#[derive(Default)]
pub struct Batch {
    text: String,
    stream: Option<Stream>,
    since: Option<Instant>,
}

impl Batch {
    /// Takes more text; hands back what has to be sent first, because it belongs to the other stream.
    pub fn push(&mut self, stream: Stream, text: &str, now: Instant) -> Option<(Stream, String)> {
        let before = if self.stream == Some(stream) { None } else { self.take() };
        if !text.is_empty() {
            self.text.push_str(text);
            self.stream = Some(stream);
            self.since.get_or_insert(now);
        }
        before
    }

    /// Takes everything there is.
    pub fn take(&mut self) -> Option<(Stream, String)> {
        self.since = None;
        self.stream.take().map(|stream| (stream, std::mem::take(&mut self.text)))
    }

    /// Takes the text if it is enough or has waited long enough.
    pub fn take_due(&mut self, now: Instant) -> Option<(Stream, String)> {
        let due = self.deadline().is_some_and(|deadline| deadline <= now);
        if due || self.text.len() >= ENOUGH { self.take() } else { None }
    }

    /// When the text has waited long enough; `None` where there is no text.
    pub fn deadline(&self) -> Option<Instant> {
        self.since.map(|since| since + WAIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_waits_for_more_until_it_is_due_enough_or_of_the_other_stream() {
        let start = Instant::now();
        let mut batch = Batch::default();
        assert_eq!(batch.push(Stream::Stdout, "a", start), None);
        assert_eq!(batch.push(Stream::Stdout, "b", start + WAIT / 2), None);
        assert_eq!(batch.take_due(start + WAIT / 2), None);
        assert_eq!(batch.take_due(start + WAIT), Some((Stream::Stdout, "ab".into())));
        assert_eq!((batch.deadline(), batch.take()), (None, None));

        batch.push(Stream::Stdout, "out", start);
        assert_eq!(batch.push(Stream::Stderr, "err", start), Some((Stream::Stdout, "out".into())));
        assert_eq!(batch.take(), Some((Stream::Stderr, "err".into())));

        batch.push(Stream::Stdout, &"x".repeat(ENOUGH), start);
        assert_eq!(batch.take_due(start).map(|(_, text)| text.len()), Some(ENOUGH));
    }

    #[test]
    fn empty_text_sends_nothing() {
        let mut batch = Batch::default();
        batch.push(Stream::Stdout, "", Instant::now());
        assert_eq!((batch.deadline(), batch.take()), (None, None));
    }
}
