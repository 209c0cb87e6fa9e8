//! What the running cell shows, on its way to the clients: text gathered and bounded, changes of displays paced, and
//! what is too large for a page left out with a word. The order of a cell's outputs stays; a change of a display has no
//! place in it.

use std::time::Instant;

use super::batch::Batch;
use super::limit::{Limit, fit};
use super::updates::Updates;
use saddle_session::output::Output;

/// The outputs of one cell that have not been sent yet.
#[derive(Default)]
pub struct Outgoing {
    batch: Batch,
    limit: Limit,
    updates: Updates,
}

impl Outgoing {
    /// Takes an output; what is to be sent now, in order.
    pub fn push(&mut self, output: Output, now: Instant) -> Vec<Output> {
        let mut out = Vec::new();
        match output {
            Output::Text { stream, text } => {
                for (stream, text) in self.limit.take(stream, text) {
                    let before = self.batch.push(stream, &text, now);
                    out.extend(before.map(|(stream, text)| Output::Text { stream, text }));
                }
                out.extend(self.take_due(now));
            }
            Output::Lines { most } => self.limit.set(most),
            Output::Update { bundle, id } => {
                let now = self.updates.push(id, fit(bundle), now);
                out.extend(now.map(|(id, bundle)| Output::Update { bundle, id }));
            }
            // Of no place in the cell's outputs either.
            Output::Comm(_) => out.push(output),
            output => {
                out.extend(self.text());
                out.push(match output {
                    Output::Display { bundle, id } => {
                        // A new display of the same id shows what is newer than any change that waits.
                        id.iter().for_each(|id| self.updates.forget(id));
                        let bundle = fit(bundle);
                        Output::Display { bundle, id }
                    }
                    Output::Result { bundle } => {
                        let bundle = fit(bundle);
                        Output::Result { bundle }
                    }
                    Output::Clear { wait } => {
                        // What was printed is taken off the page: the bound begins anew.
                        let _ = self.limit.end();
                        Output::Clear { wait }
                    }
                    other => other,
                });
            }
        }
        out
    }

    /// What has waited long enough.
    pub fn take_due(&mut self, now: Instant) -> Vec<Output> {
        let text = self.batch.take_due(now).into_iter();
        let text = text.map(|(stream, text)| Output::Text { stream, text });
        let updates = self.updates.take_due(now).into_iter();
        text.chain(updates.map(|(id, bundle)| Output::Update { bundle, id })).collect()
    }

    /// When [`Outgoing::take_due`] has to be asked next; `None` where nothing waits.
    pub fn deadline(&self) -> Option<Instant> {
        self.batch.deadline().into_iter().chain(self.updates.deadline()).min()
    }

    fn text(&mut self) -> Option<Output> {
        let (stream, text) = self.batch.take()?;
        Some(Output::Text { stream, text })
    }

    /// Everything that waits for more.
    pub fn flush(&mut self) -> Vec<Output> {
        let text = self.text().into_iter();
        let updates = self.updates.take().into_iter();
        text.chain(updates.map(|(id, bundle)| Output::Update { bundle, id })).collect()
    }

    /// Everything, with what is said about what was left out: the cell has ended.
    pub fn end(&mut self) -> Vec<Output> {
        let mut out = self.flush();
        let last = self.limit.end().into_iter();
        out.extend(last.map(|(stream, text)| Output::Text { stream, text }));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use saddle_session::output::{Bundle, Stream};

    fn text(text: &str) -> Output {
        Output::Text { stream: Stream::Stdout, text: text.into() }
    }

    fn update(text: &str) -> Output {
        let bundle = Bundle::text(text);
        let id = "a".into();
        Output::Update { bundle, id }
    }

    fn display(text: &str) -> Output {
        let bundle = Bundle::text(text);
        Output::Display { bundle, id: None }
    }

    #[test]
    fn text_and_displays_keep_their_order_and_changes_do_not_cut_text() {
        let (now, mut outgoing) = (Instant::now(), Outgoing::default());
        let mut sent = Vec::new();
        for output in [text("1"), update("x"), text("2"), update("y"), text("3"), display("d"), text("4"), update("z")]
        {
            sent.extend(outgoing.push(output, now));
        }
        assert!(outgoing.deadline().is_some());
        sent.extend(outgoing.end());
        let expected = [update("x"), text("123"), display("d"), text("4"), update("z")];
        assert_eq!(sent, expected);
        assert!(outgoing.end().is_empty() && outgoing.deadline().is_none());
    }

    #[test]
    fn a_cell_that_clears_what_it_printed_may_print_again() {
        let (now, mut outgoing) = (Instant::now(), Outgoing::default());
        for _ in 0..20 {
            outgoing.push(Output::Clear { wait: false }, now);
            (0..1_000).for_each(|_| drop(outgoing.push(text("line\n"), now)));
        }
        assert_eq!(outgoing.end().len(), 1, "no word about lines left out");
    }
}
