//! What the running cell shows, on its way to the clients: text gathered and bounded, changes of displays paced, and
//! what is too large for a page left out with a word. The order of a cell's outputs stays; a change of a display has no
//! place in it.

use std::collections::HashMap;
use std::time::Instant;

use super::batch::Batch;
use super::limit::{Limit, fit};
use super::updates::Updates;
use saddle_session::output::{Bundle, Output};
use serde_json::Value;

/// The outputs of one cell that have not been sent yet.
#[derive(Default)]
pub struct Outgoing {
    batch: Batch,
    limit: Limit,
    updates: Updates,
    /// What is said of the picture in a display that can change to who cannot see it.
    described: HashMap<String, String>,
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
            Output::Update { mut bundle, id } => {
                self.describe(&id, &mut bundle);
                let now = self.updates.push(id, fit(bundle), now);
                out.extend(now.map(|(id, bundle)| Output::Update { bundle, id }));
            }
            // Of no place in the cell's outputs either.
            Output::Comm(_) => out.push(output),
            output => {
                out.extend(self.text());
                out.push(match output {
                    Output::Display { mut bundle, id } => {
                        if let Some(id) = &id {
                            // A new display of the same id shows what is newer than any change that waits.
                            self.updates.forget(id);
                            self.described.remove(id);
                            self.describe(id, &mut bundle);
                        }
                        let bundle = fit(bundle);
                        Output::Display { bundle, id }
                    }
                    Output::Result { bundle } => {
                        let bundle = fit(bundle);
                        Output::Result { bundle }
                    }
                    Output::Clear { wait } => {
                        self.limit.begin_anew();
                        Output::Clear { wait }
                    }
                    other => other,
                });
            }
        }
        out
    }

    /// Gives the picture in a display that can change the description that its first one had, so that an update has the
    /// metadata of what it updates: where they differ, Visual Studio Code replaces the cell's outputs by its copy of them, and
    /// with fast updates it has none yet, and the display stays as it is from then on.
    fn describe(&mut self, id: &str, bundle: &mut Bundle) {
        let about = bundle.metadata.get_mut("image/png").and_then(|about| about.get_mut("alt"));
        let Some(Value::String(alt)) = about else { return };
        let first = self.described.entry(id.to_string()).or_insert_with(|| without_details(alt));
        alt.clone_from(first);
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

/// The description of a picture without what stands in quotes or parentheses: titles and numbers, which change with it.
fn without_details(alt: &str) -> String {
    let (mut kept, mut depth) = (String::with_capacity(alt.len()), 0usize);
    for c in alt.chars() {
        match c {
            '“' | '(' => depth += 1,
            '”' | ')' => depth = depth.saturating_sub(1),
            // One blank where two would meet.
            ' ' if depth > 0 || kept.ends_with(' ') => {}
            _ if depth == 0 => {
                if matches!(c, ',' | ':') && kept.ends_with(' ') {
                    kept.pop();
                }
                kept.push(c);
            }
            _ => {}
        }
    }
    kept.trim_end().to_string()
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
    fn an_update_has_the_metadata_of_what_it_updates() {
        let picture = |step: usize| {
            Bundle::png(format!("plot “step {step}”: line D ({step} points), field ({step} arrows)"), vec![0], 320)
        };
        let (now, mut outgoing) = (Instant::now(), Outgoing::default());
        let mut sent = outgoing.push(Output::Display { bundle: picture(1), id: Some("lab".into()) }, now);
        sent.extend(outgoing.push(Output::Update { bundle: picture(2), id: "lab".into() }, now));
        sent.extend(outgoing.end());
        let [Output::Display { bundle: first, .. }, Output::Update { bundle: second, .. }] = &sent[..] else {
            panic!("{sent:?}")
        };
        assert_eq!(first.metadata, second.metadata);
        assert_eq!(first.metadata["image/png"]["alt"], "plot: line D, field");
        assert!(second.plain().contains("step 2"), "its text is its own");
        let alone = outgoing.push(Output::Display { bundle: picture(3), id: None }, now);
        let [Output::Display { bundle, .. }] = &alone[..] else { panic!("{alone:?}") };
        assert_eq!(bundle.metadata["image/png"]["alt"], bundle.plain());
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
