//! Tables as text, by RFC 4180: records of cells, where a cell within quotes may hold separators, line ends and doubled
//! quotes. The crate `csv` knows no separator of several blanks, no blanks before a quote, and takes a quote that is
//! never closed for a cell.

use std::collections::HashMap;
use std::io::{self, BufRead};

/// No record of a table is longer, in bytes; a quote that is not closed ends here.
const MAX_RECORD_BYTES: usize = 64 << 20;
/// The byte order mark that some programs write before UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// What stands between two cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// One character of ASCII; each one begins another cell.
    One(u8),
    /// Any number of blanks and tabs.
    Blanks,
}

/// The cells of one record.
#[derive(Default)]
pub struct Record {
    text: Vec<u8>,
    /// Where each cell ends in `text`, and whether it stood within quotes.
    ends: Vec<(usize, bool)>,
    /// The line in which it begins, from 1.
    pub line: usize,
}

/// Lines that begin with `#`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comments {
    pub lines: usize,
    /// The first of them, from 1.
    pub first: usize,
}

/// Why there is no next record.
#[derive(Debug)]
pub enum RecordError {
    Read(io::Error),
    /// The text is no table: in which line, and why.
    Text(usize, &'static str),
}

/// The records of a text, one after the other. Empty lines and lines that begin with `#` are none.
pub struct Records<R> {
    input: R,
    scanner: Scanner,
}

impl<R: BufRead> Records<R> {
    /// # Errors
    /// The input cannot be read.
    pub fn new(mut input: R, between: Between) -> io::Result<Self> {
        if input.fill_buf()?.starts_with(MARK) {
            input.consume(MARK.len());
        }
        let scanner = Scanner {
            between,
            state: State::Record,
            is_quoted: false,
            line: 1,
            opened: 1,
            after_return: false,
            comment: Comment::default(),
            comments: HashMap::new(),
        };
        Ok(Self { input, scanner })
    }

    /// The lines so far that begin with `#` and have as many cells as the records of a table: they may be meant as some.
    pub fn comments_of(&self, cells: usize) -> Option<Comments> {
        self.scanner.comments.get(&cells).copied()
    }

    /// Reads the next record; whether there is one.
    ///
    /// # Errors
    /// The input cannot be read; a quote that is never closed; a record of more than 64 MiB.
    pub fn next(&mut self, record: &mut Record) -> Result<bool, RecordError> {
        record.text.clear();
        record.ends.clear();
        loop {
            let piece = self.input.fill_buf().map_err(RecordError::Read)?;
            if piece.is_empty() {
                return match self.scanner.state {
                    State::Quoted => Err(self.scanner.not_closed()),
                    _ => Ok(self.scanner.end(record)),
                };
            }
            let scanner = &mut self.scanner;
            let end = piece.iter().position(|&byte| scanner.step(byte, record));
            let used = end.map_or(piece.len(), |at| at + 1);
            self.input.consume(used);
            if end.is_some() {
                return Ok(true);
            }
            if record.text.len() + record.ends.len() > MAX_RECORD_BYTES {
                return Err(match self.scanner.state {
                    State::Quoted => self.scanner.not_closed(),
                    _ => RecordError::Text(record.line, "a line of more than 64 MiB"),
                });
            }
        }
    }
}

impl Record {
    /// The cells; `None` for one that is no UTF-8. Blanks around a cell without quotes do not belong to it.
    pub fn cells(&self) -> Option<Vec<&str>> {
        let mut from = 0;
        let cell = |&(end, is_quoted): &(usize, bool)| {
            let cell = std::str::from_utf8(&self.text[from..end]).ok()?;
            from = end;
            Some(if is_quoted { cell } else { cell.trim() })
        };
        self.ends.iter().map(cell).collect()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first cell of a record.
    Record,
    Comment,
    /// Before a cell.
    Cell,
    Plain,
    Quoted,
    /// After a quote within quotes: the closing one, or the first of two.
    Closed,
}

/// Takes a text apart, byte by byte.
struct Scanner {
    between: Between,
    state: State,
    /// Whether the present cell stood within quotes.
    is_quoted: bool,
    line: usize,
    /// Where the last quote was opened.
    opened: usize,
    after_return: bool,
    comment: Comment,
    /// The lines that begin with `#`, by the number of their cells.
    comments: HashMap<usize, Comments>,
}

/// The line that begins with `#`, as far as it has been read.
#[derive(Clone, Copy, Default)]
struct Comment {
    line: usize,
    cells: usize,
    after_blank: bool,
}

impl Scanner {
    /// Takes the next byte; whether a record ends with it.
    fn step(&mut self, byte: u8, record: &mut Record) -> bool {
        // A line ends with CR, LF or both.
        self.line += usize::from(byte == b'\r' || (byte == b'\n' && !self.after_return));
        self.after_return = byte == b'\r';
        let is_end = byte == b'\r' || byte == b'\n';
        match self.state {
            State::Comment if is_end => {
                self.count_comment();
                self.state = State::Record;
            }
            State::Comment => self.within_a_comment(byte),
            State::Quoted if byte == b'"' => self.state = State::Closed,
            State::Quoted => record.text.push(byte),
            State::Closed if byte == b'"' => {
                record.text.push(byte);
                self.state = State::Quoted;
            }
            _ if is_end => return self.end(record),
            State::Record if byte == b'#' => {
                self.comment = Comment { line: self.line, cells: 1, after_blank: false };
                self.state = State::Comment;
            }
            _ => self.within_a_line(byte, record),
        }
        false
    }

    fn within_a_line(&mut self, byte: u8, record: &mut Record) {
        if self.state == State::Record {
            record.line = self.line;
        }
        let is_before = matches!(self.state, State::Record | State::Cell);
        let is_blank = byte == b' ' || byte == b'\t';
        match self.between {
            Between::One(between) if byte == between => self.close(record),
            Between::Blanks if is_blank && !is_before => self.close(record),
            _ if is_blank && (is_before || self.state == State::Closed) => (),
            _ if is_before && byte == b'"' => {
                self.state = State::Quoted;
                self.is_quoted = true;
                self.opened = self.line;
            }
            _ => {
                record.text.push(byte);
                self.state = State::Plain;
            }
        }
    }

    fn within_a_comment(&mut self, byte: u8) {
        let is_blank = byte == b' ' || byte == b'\t';
        let begins = match self.between {
            Between::One(between) => byte == between,
            Between::Blanks => !is_blank && self.comment.after_blank,
        };
        self.comment.cells += usize::from(begins);
        self.comment.after_blank = is_blank;
    }

    fn count_comment(&mut self) {
        let Comment { line, cells, .. } = self.comment;
        self.comments.entry(cells).or_insert(Comments { lines: 0, first: line }).lines += 1;
    }

    fn close(&mut self, record: &mut Record) {
        record.ends.push((record.text.len(), self.is_quoted));
        self.is_quoted = false;
        self.state = State::Cell;
    }

    /// Ends the record; whether there is one.
    fn end(&mut self, record: &mut Record) -> bool {
        if self.state == State::Comment {
            self.count_comment();
        }
        let is_record = !matches!(self.state, State::Record | State::Comment);
        // Blanks at the end of a line stand between nothing.
        if is_record && !(self.between == Between::Blanks && self.state == State::Cell) {
            self.close(record);
        }
        self.state = State::Record;
        is_record
    }

    fn not_closed(&self) -> RecordError {
        RecordError::Text(self.opened, "a quote is opened and never closed")
    }
}

/// Whether a text begins with a byte order mark of UTF-16, as what Excel calls Unicode text does.
pub fn is_utf16(start: &[u8]) -> bool {
    start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff])
}

/// A text in UTF-16 as one in UTF-8.
///
/// # Errors
/// It cannot be read.
pub fn from_utf16(mut input: Box<dyn BufRead>) -> io::Result<Box<dyn BufRead>> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    let is_big = bytes.first() == Some(&0xfe);
    let units = bytes[2..].chunks_exact(2).map(|pair| match is_big {
        true => u16::from_be_bytes([pair[0], pair[1]]),
        false => u16::from_le_bytes([pair[0], pair[1]]),
    });
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Ok(Box::new(io::Cursor::new(text)))
}

/// What a first line such as `sep=;` says to stand between two cells.
pub fn stated_separator(start: &[u8]) -> Option<u8> {
    let start = start.strip_prefix(MARK).unwrap_or(start);
    match start.strip_prefix(b"sep=")? {
        [byte, b'\r' | b'\n', ..] if byte.is_ascii() && *byte != b'"' => Some(*byte),
        _ => None,
    }
}

/// What stands between the cells of a table that begins with `start`: the first of tab, semicolon, comma, bar and
/// blanks that gives the first two records the same number of cells, more than one; else a comma.
pub fn guess(start: &[u8]) -> Between {
    let is_whole = |&at: &usize| start[at] == b'\n' || start[at] == b'\r';
    let whole = (0..start.len()).rev().find(is_whole);
    let start = &start[..whole.map_or(start.len(), |at| at + 1)];
    let suits = |between: &Between| {
        let mut record = Record::default();
        let Ok(mut records) = Records::new(start, *between) else {
            return false;
        };
        let mut count = || match records.next(&mut record) {
            Ok(true) => Some(record.ends.len()),
            _ => None,
        };
        let (first, second) = (count(), count());
        first > Some(1) && (second.is_none() || second == first)
    };
    [Between::One(b'\t'), Between::One(b';'), Between::One(b','), Between::One(b'|'), Between::Blanks]
        .into_iter()
        .find(suits)
        .unwrap_or(Between::One(b','))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, between: Between) -> Vec<(usize, Vec<String>)> {
        let mut records = Records::new(text.as_bytes(), between).unwrap();
        let mut record = Record::default();
        let mut all = Vec::new();
        while records.next(&mut record).unwrap() {
            let cells = record.cells().unwrap();
            all.push((record.line, cells.into_iter().map(String::from).collect()));
        }
        all
    }

    /// The definition of RFC 4180, section 2, point by point; blanks beside a quote are ours.
    #[test]
    fn records_are_those_of_rfc_4180() {
        let comma = Between::One(b',');
        let cases: [(&str, &[&[&str]]); 9] = [
            ("aaa,bbb\r\nzzz,yyy\r\n", &[&["aaa", "bbb"], &["zzz", "yyy"]]),
            ("aaa,bbb\r\nzzz,yyy", &[&["aaa", "bbb"], &["zzz", "yyy"]]),
            ("\"aaa\",\"b,bb\"\n", &[&["aaa", "b,bb"]]),
            ("\"b\r\nbb\",ccc\n", &[&["b\r\nbb", "ccc"]]),
            ("\"b\"\"bb\",\"\"\n", &[&["b\"bb", ""]]),
            (" 1 , \" a b \" ,\n", &[&["1", " a b ", ""]]),
            ("5\" pipe,1\r2,3", &[&["5\" pipe", "1"], &["2", "3"]]),
            ("\u{feff}1,2\n\n  \n# 3,4\n5,6\n", &[&["1", "2"], &["5", "6"]]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            let cells: Vec<_> = read(text, comma).into_iter().map(|r| r.1).collect();
            assert_eq!(cells, expected, "{text:?}");
        }
        let lines: Vec<_> = read("a,\"b\nc\"\r\n\r\nd,e\rf,g", comma).into_iter().map(|r| r.0).collect();
        assert_eq!(lines, [1, 4, 5]);
    }

    /// Cells written as RFC 4180 says are read back, however the input comes in pieces.
    #[test]
    fn what_is_quoted_is_read_back() {
        let cells = ["", "a", "\"", ",", "\r\n", "\n\"\",\"", " x ", "#", "é\u{feff}"];
        let quoted: Vec<_> = cells.iter().map(|c| format!("\"{}\"", c.replace('"', "\"\""))).collect();
        for size in 1..20 {
            let text = format!("{0}\r\n{0}", quoted.join(","));
            let input = io::BufReader::with_capacity(size, text.as_bytes());
            let mut records = Records::new(input, Between::One(b',')).unwrap();
            let mut record = Record::default();
            for _ in 0..2 {
                assert!(records.next(&mut record).unwrap());
                assert_eq!(record.cells().unwrap(), cells, "in pieces of {size}");
            }
            assert!(!records.next(&mut record).unwrap());
        }
    }

    #[test]
    fn blanks_in_any_number_are_one_separator() {
        let cells: Vec<_> = read("  1 \t 2   \"a b\"  \n3 4 c", Between::Blanks).into_iter().map(|r| r.1).collect();
        assert_eq!(cells, [["1", "2", "a b"], ["3", "4", "c"]]);
    }

    #[test]
    fn a_quote_that_is_not_closed_is_told_where_it_opens() {
        let mut records = Records::new(&b"1,2\n3,\"4\n5,6\n"[..], Between::One(b',')).unwrap();
        let mut record = Record::default();
        assert!(records.next(&mut record).unwrap());
        let trouble = records.next(&mut record).unwrap_err();
        assert!(matches!(trouble, RecordError::Text(2, _)), "{trouble:?}");
    }

    #[test]
    fn the_separator_is_guessed_from_two_lines() {
        let cases = [
            ("1,2\n3,4\n", Between::One(b',')),
            ("1,5;2,5\n3,5;4,5\n", Between::One(b';')),
            ("\"a;b\",c\n\"d;e\",f\n", Between::One(b',')),
            ("a b\tc\n1\t2\n", Between::One(b'\t')),
            ("  1   2\n 3 4\n", Between::Blanks),
            ("petal length\n1\n", Between::One(b',')),
            ("1\n2\n", Between::One(b',')),
            ("", Between::One(b',')),
        ];
        for (text, expected) in cases {
            assert_eq!(guess(text.as_bytes()), expected, "{text:?}");
        }
    }
}
