//! How much of what a cell shows reaches the page. A million lines would make the page unusable and the notebook file
//! unreadable; what is left out is said, and can be had.

use std::collections::VecDeque;

use saddle_session::output::{Bundle, Data, Stream};

/// The first lines of a cell's text, and bytes of it, that are shown as they come. A megabyte is also what Jupyter
/// Server lets through in a second.
pub const LINES: usize = 10_000;
const BYTES: usize = 1_000_000;
/// The most pieces of text, where a cell changes between its two streams: each is a message.
const PIECES: usize = 2_000;
/// The last lines, and bytes, that are shown when the cell ends.
const LAST_LINES: usize = 200;
const LAST_BYTES: usize = 64 * 1024;

/// The largest representation of something shown, in bytes.
const MAX_BUNDLE_BYTES: usize = 16 << 20;

/// The text of one cell: first it passes, then it waits for the end, and of what waits only the last lines are kept.
pub struct Limit {
    lines: usize,
    bytes: usize,
    pieces: usize,
    /// The stream of the last piece that passed.
    stream: Option<Stream>,
    held: Option<Withheld>,
    /// The lines that the cell has asked for.
    asked: Option<usize>,
}

/// What is not shown yet.
#[derive(Default)]
struct Withheld {
    last: VecDeque<(Stream, String)>,
    lines: usize,
    bytes: usize,
    lines_left_out: usize,
    bytes_left_out: usize,
}

impl Default for Limit {
    fn default() -> Self {
        Self { lines: LINES, bytes: BYTES, pieces: PIECES, stream: None, held: None, asked: None }
    }
}

impl Limit {
    /// Sets how many lines from now on pass, with as many bytes as such lines have; `None`: all.
    pub fn set(&mut self, lines: Option<usize>) {
        self.lines = lines.unwrap_or(usize::MAX);
        self.bytes = self.lines.saturating_mul(BYTES / LINES).max(BYTES);
        self.pieces = self.lines.max(PIECES);
        self.asked = Some(self.lines);
    }

    /// What was shown is taken off the page: the bound, as the cell has asked for it, begins anew.
    pub fn begin_anew(&mut self) {
        let asked = std::mem::take(self).asked;
        if asked.is_some() {
            self.set(asked);
        }
    }

    /// Takes text; the pieces of it that are shown now.
    pub fn take(&mut self, stream: Stream, text: String) -> Vec<(Stream, String)> {
        if let Some(held) = &mut self.held {
            held.push(stream, text);
            return Vec::new();
        }
        if self.stream.replace(stream) != Some(stream) {
            self.pieces = self.pieces.saturating_sub(1);
        }
        let fits = match self.pieces {
            0 => 0,
            _ => fitting(&text, self.lines, self.bytes),
        };
        if fits == text.len() {
            self.lines -= lines(&text);
            self.bytes -= text.len();
            return vec![(stream, text)];
        }
        let mut held = Withheld::default();
        held.push(stream, text[fits..].to_string());
        self.held = Some(held);
        let mut first = text;
        first.truncate(fits);
        let line_end = if first.is_empty() || first.ends_with('\n') { "" } else { "\n" };
        let note = format!(
            "{line_end}… more text follows; its last {LAST_LINES} lines will stand here when the cell ends (`%lines all` at the \
             start of the cell shows all)\n"
        );
        let mut shown = vec![(stream, first), (Stream::Stderr, note)];
        shown.retain(|(_, text)| !text.is_empty());
        shown
    }

    /// The end of the cell: how much was left out, and the last lines.
    pub fn end(&mut self) -> Vec<(Stream, String)> {
        let Self { held, .. } = std::mem::take(self);
        let Some(held) = held else { return Vec::new() };
        let mut shown = Vec::new();
        if held.bytes_left_out > 0 {
            let (lines, size) = (count(held.lines_left_out), megabytes(held.bytes_left_out));
            shown.push((Stream::Stderr, format!("… {lines} lines left out ({size})\n")));
        }
        for (stream, text) in held.last {
            match shown.last_mut() {
                Some((same, before)) if *same == stream => before.push_str(&text),
                _ => shown.push((stream, text)),
            }
        }
        shown
    }
}

impl Withheld {
    fn push(&mut self, stream: Stream, mut text: String) {
        if text.len() > LAST_BYTES {
            let cut = cut_before(&text, text.len() - LAST_BYTES);
            self.leave_out(&text[..cut]);
            text.drain(..cut);
        }
        self.lines += lines(&text);
        self.bytes += text.len();
        self.last.push_back((stream, text));
        while (self.lines > LAST_LINES || self.bytes > LAST_BYTES)
            && self.last.len() > 1
            && let Some((_, first)) = self.last.pop_front()
        {
            self.lines -= lines(&first);
            self.bytes -= first.len();
            self.leave_out(&first);
        }
    }

    fn leave_out(&mut self, text: &str) {
        self.lines_left_out += lines(text);
        self.bytes_left_out += text.len();
    }
}

fn lines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// How much of a text is within so many lines and bytes: whole lines, unless one line alone is too long.
fn fitting(text: &str, most_lines: usize, most_bytes: usize) -> usize {
    let within = text.len().min(most_bytes);
    let ends = text.bytes().take(within).enumerate().filter(|(_, byte)| *byte == b'\n');
    let mut end = 0;
    for (count, (at, _)) in ends.enumerate() {
        if count >= most_lines {
            return end;
        }
        end = at + 1;
    }
    match within == text.len() {
        // What follows the last line end is the beginning of a line that may go on.
        true if lines(text) < most_lines || end == text.len() => text.len(),
        _ if end > 0 => end,
        _ => cut_before(text, within),
    }
}

/// A place for a cut at or just before `at`, between two letters.
fn cut_before(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// `979,800`
fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn megabytes(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// The bundle without representations that are too large for a page, which says so.
pub fn fit(mut bundle: Bundle) -> Bundle {
    let mut left_out = Vec::new();
    bundle.data.retain(|(mime, data)| {
        let size = data.size();
        let fits = size <= MAX_BUNDLE_BYTES;
        if !fits {
            left_out.push(format!("{mime} of {}", megabytes(size)));
        }
        fits
    });
    if left_out.is_empty() {
        return bundle;
    }
    let note = format!(
        "… left out: {}; a notebook shows at most {} at once (`save` writes it to a file)",
        left_out.join(", "),
        megabytes(MAX_BUNDLE_BYTES)
    );
    let text = match bundle.plain() {
        "" => note,
        text => format!("{text}\n{note}"),
    };
    bundle.data.retain(|(mime, _)| mime != "text/plain");
    bundle.data.insert(0, ("text/plain".to_string(), Data::Text(text)));
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a page shows of these texts.
    fn shown(texts: impl IntoIterator<Item = String>, limit: &mut Limit) -> String {
        let mut shown = Vec::new();
        for text in texts {
            shown.extend(limit.take(Stream::Stdout, text));
        }
        shown.extend(limit.end());
        shown.into_iter().map(|(_, text)| text).collect()
    }

    fn numbers(n: usize) -> impl Iterator<Item = String> {
        (0..n).map(|i| format!("{i}\n"))
    }

    #[test]
    fn little_text_is_whole() {
        let whole: String = numbers(LINES).collect();
        assert_eq!(shown(numbers(LINES), &mut Limit::default()), whole);
        assert_eq!(shown([whole.clone()], &mut Limit::default()), whole);
        let unended = "x".repeat(BYTES);
        assert_eq!(shown([unended.clone()], &mut Limit::default()), unended);
    }

    #[test]
    fn of_much_text_the_first_and_the_last_lines_are_shown_and_the_others_counted() {
        for pieces in [false, true] {
            let mut limit = Limit::default();
            let text = match pieces {
                true => shown(numbers(1_000_000), &mut limit),
                false => shown([numbers(1_000_000).collect()], &mut limit),
            };
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!((lines[0], lines[LINES - 1]), ("0", "9999"));
            assert!(lines[LINES].starts_with("… more text follows"), "{}", lines[LINES]);
            assert_eq!(lines.last(), Some(&"999999"));
            let last = lines.len() - LINES - 2;
            let left_out = 1_000_000 - LINES - last;
            assert!(lines[LINES + 1].starts_with(&format!("… {} lines left out (", count(left_out))));
            assert!(last >= LAST_LINES);
        }
    }

    #[test]
    fn one_endless_line_is_cut_between_letters() {
        let text = shown(["é".repeat(5_000_000)], &mut Limit::default());
        assert!(text.len() < BYTES + LAST_BYTES + 500);
        assert!(text.contains("… 0 lines left out (8.9 MB)"));
    }

    #[test]
    fn a_cell_may_ask_for_more_or_for_all() {
        let whole: String = numbers(300_000).collect();
        let mut limit = Limit::default();
        limit.set(None);
        assert_eq!(shown(numbers(300_000), &mut limit), whole);
        // For that cell only.
        assert!(shown(numbers(300_000), &mut limit).len() < whole.len());
        limit.set(Some(3));
        assert!(shown(numbers(100), &mut limit).starts_with("0\n1\n2\n… more"));
        // What it has cleared away does not change what it has asked for.
        limit.set(None);
        limit.begin_anew();
        assert_eq!(shown(numbers(300_000), &mut limit), whole);
    }

    #[test]
    fn a_flood_that_changes_streams_is_few_messages() {
        let mut limit = Limit::default();
        let mut messages = 0;
        for i in 0..100_000 {
            let stream = if i % 2 == 0 { Stream::Stdout } else { Stream::Stderr };
            messages += limit.take(stream, "x\n".to_string()).len();
        }
        messages += limit.end().len();
        assert!(messages <= PIECES + LAST_LINES + 3, "{messages}");
    }

    #[test]
    fn what_is_too_large_for_a_page_is_announced() {
        let small = Bundle::png("a dot", vec![0; 1_000], 8);
        assert_eq!(fit(small.clone()), small);
        let large = fit(Bundle::png("a wall", vec![0; 100_000_000], 8));
        assert_eq!(large.get("image/png"), None);
        let note = "a wall\n… left out: image/png of 100.0 MB; a notebook shows at most 16.8 MB at once (`save` writes it to a file)";
        assert_eq!(large.plain(), note);
        let text = fit(Bundle::text("x".repeat(100_000_000)));
        assert!(text.plain().starts_with("… left out: text/plain of 100.0 MB"));
    }
}
