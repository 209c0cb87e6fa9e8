//! Tables as people have them.

use super::Dataset;
use super::csv::{Column, Csv, Missing, csv};
use super::files::{Watch, testing::Folder};
use flate2::{Compression, write::GzEncoder};
use saddle_fault::Result;
use std::io::Write;

/// The table that `how` reads from `bytes`, and what it notes.
fn noted(bytes: &[u8], how: &Csv) -> (Result<Dataset>, Vec<String>) {
    let folder = Folder::new();
    let path = folder.write("table.csv", bytes);
    let mut notes = Vec::new();
    let mut watch = Watch { stop: &mut || Ok(()), step: &mut |_| (), note: &mut |note| notes.push(note.to_string()) };
    let data = csv(&path, how, &mut watch);
    (data, notes)
}

fn read(text: &str, label: Option<Column>) -> Result<Dataset> {
    let how = Csv { label, ..Csv::default() };
    noted(text.as_bytes(), &how).0
}

fn named(name: &str) -> Option<Column> {
    Some(Column::Named(name.into()))
}

#[test]
fn numbers_names_and_labels() {
    let data =
        read("# iris\r\nlength,width,kind\r\n5.1,3.5,setosa\r\n\r\n6,-2e-1,virginica\r\n1,2,\"setosa\"", named("kind"))
            .unwrap();
    assert_eq!((data.len(), data.shape()), (3, &[2][..]));
    assert_eq!(data.gather(0..3).unwrap(), [5.1, 3.5, 6.0, -0.2, 1.0, 2.0]);
    assert_eq!(data.gather_labels(0..3).unwrap(), [0, 1, 0]);
    assert_eq!(data.classes(), ["setosa", "virginica"]);
    let data = read("1,2,a\n3,4,b\n", Some(Column::At(-1))).unwrap();
    assert_eq!(data.gather(0..2).unwrap(), [1.0, 2.0, 3.0, 4.0], "a text among the labels is no line of names");
    assert_eq!(data.gather_labels(0..2).unwrap(), [0, 1]);
    let data = read("\u{feff}0,7\n2,8\n", Some(Column::At(0))).unwrap();
    assert_eq!(data.gather(0..2).unwrap(), [7.0, 8.0]);
    assert_eq!(data.classes(), ["0", "1", "2"]);
    assert_eq!(read("a,b\n1,2", None).unwrap().gather(0..1).unwrap(), [1.0, 2.0]);
}

/// A comment is left out without a word, a line that may be a sample with one.
#[test]
fn lines_that_begin_with_a_number_sign_are_told_where_they_look_like_samples() {
    let how = Csv { label: Some(Column::At(0)), ..Csv::default() };
    let (data, notes) = noted(b"#ff0000,1,2\n#00ff00,3,4\nblue,5,6\n#0000ff,7,8", &how);
    assert_eq!(data.unwrap().len(), 1);
    let told = "3 lines that begin with # left out, the first of them line 1";
    assert!(notes.iter().any(|note| note.contains(told)), "{notes:?}");
    let (data, notes) = noted(b"\"#ff0000\",1,2\n\"#00ff00\",3,4\n", &how);
    assert_eq!(data.unwrap().classes(), ["#00ff00", "#ff0000"]);
    assert!(!notes.iter().any(|note| note.contains("left out")), "{notes:?}");
    for text in ["# x,y\n1.5,2\n3,4\n", "# of 2020, by hand, and more\n1.5,2\n# the end\n3,4\n", "1.5\n# 2\n3\n"] {
        let (data, notes) = noted(text.as_bytes(), &Csv::default());
        assert_eq!(data.unwrap().len(), 2);
        assert!(!notes.iter().any(|note| note.contains("left out")), "{notes:?}");
    }
}

/// Two times of one second apart are one number in floats.
#[test]
fn whole_numbers_that_floats_do_not_hold_are_told() {
    let (data, notes) = noted(b"t,x\n1700000001,1\n1700000002,2\n", &Csv::default());
    let data = data.unwrap().gather(0..2).unwrap();
    assert_eq!(data[0], data[2]);
    assert!(notes[0].contains("column 1 (t)") && notes[0].contains("1700000001"), "{notes:?}");
    let (_, notes) = noted(b"t,x\n16777216,1e30\n-16777218,0.1\n", &Csv::default());
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn cells_within_quotes_hold_separators_line_ends_and_quotes() {
    let text = "name,x,y\r\n\"Smith, John\",1,2\r\n\"O\"\"Brien\nof Cork\",\"3\",4\r\n";
    let data = read(text, named("name")).unwrap();
    assert_eq!(data.gather(0..2).unwrap(), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(data.classes(), ["O\"Brien\nof Cork", "Smith, John"]);
    let fault = read("a,b\n1,\"2\n3,4\n", None).unwrap_err();
    assert!(fault.message.contains("line 2: a quote"), "{fault}");
}

#[test]
fn packed_tables_of_one_member_or_several() {
    let pack = |text: &str| {
        let mut out = GzEncoder::new(Vec::new(), Compression::default());
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap()
    };
    let both = [pack("a,b\n1,2\n"), pack("3,4\n")].concat();
    let (data, _) = noted(&both, &Csv::default());
    assert_eq!(data.unwrap().gather(0..2).unwrap(), [1.0, 2.0, 3.0, 4.0]);
    let (data, _) = noted(&both[..both.len() - 6], &Csv::default());
    let fault = data.unwrap_err();
    assert!(fault.message.contains("ends too early"), "{fault}");
}

#[test]
fn separators_are_named_or_guessed_with_a_note() {
    let expected = [1.5, 2.0, 3.0, 4.0];
    for (text, note) in [
        ("  1.5   2\n3 \t 4 \n", Some("blanks")),
        ("1.5\t2\n3\t4\n", Some("tabs")),
        ("a;b\n1.5;2\n3;4\n", Some("\";\"")),
        ("1.5,2\n3,4\n", None),
    ] {
        let (data, notes) = noted(text.as_bytes(), &Csv::default());
        assert_eq!(data.unwrap().gather(0..2).unwrap(), expected, "{text:?}");
        assert_eq!(notes.len(), usize::from(note.is_some()), "{notes:?}");
        assert!(note.is_none_or(|note| notes[0].contains(note)), "{notes:?}");
    }
    for (text, separator) in [("1.5|2\n3|4", '|'), ("1.5  2\n 3 4", ' ')] {
        let how = Csv { separator: Some(separator), ..Csv::default() };
        let (data, notes) = noted(text.as_bytes(), &how);
        assert_eq!(data.unwrap().gather(0..2).unwrap(), expected, "{text:?}");
        assert_eq!(notes, [""; 0]);
    }
    for separator in ['"', '\n', 'é'] {
        let how = Csv { separator: Some(separator), ..Csv::default() };
        assert!(noted(b"1,2", &how).0.is_err());
    }
}

/// Tables as pandas writes them without names of one's own, and tables of counted numbers.
#[test]
fn numbers_that_name_columns_are_recognised_and_told() {
    let last = Some(Column::At(-1));
    let classes = "0.5,cat\n0.5,dog\n".repeat(6);
    let cases = [
        ("0,1,2,label\n0.5,0.25,0.125,cat\n1,2,3,dog\n", last.clone(), 2, "names"),
        ("0,1,2\n0.5,0.25,0.125\n", None, 1, "names"),
        (",0,1\n7,0.5,0.25\n", None, 1, "names"),
        ("1950,1960,growth\n7,8,1\n9,9,0\n", last.clone(), 2, "names"),
        (&format!("1950,animal\n{classes}"), last.clone(), 12, "names"),
        (&format!("1950,cat\n{classes}"), last.clone(), 13, ""),
        ("0,1,2\n3,4,5\n", None, 2, "a sample"),
        ("7,1,2\n0.5,4,5\n", None, 2, ""),
        ("0,1,2\n", None, 1, ""),
    ];
    for (text, label, len, note) in cases {
        let how = Csv { label, ..Csv::default() };
        let (data, notes) = noted(text.as_bytes(), &how);
        assert_eq!(data.unwrap().len(), len, "{text:?}");
        assert_eq!(notes.len(), usize::from(!note.is_empty()), "{text:?} {notes:?}");
        assert!(notes.iter().all(|n| n.contains(note)), "{text:?} {notes:?}");
    }
}

#[test]
fn the_user_has_the_last_word_about_names() {
    let how = |header, label| Csv { label, header: Some(header), ..Csv::default() };
    let text = b"0,1\n0.5,0.25\n";
    let (data, notes) = noted(text, &how(false, None));
    assert_eq!((data.unwrap().gather(0..2).unwrap(), notes), (vec![0.0, 1.0, 0.5, 0.25], vec![]));
    let (data, notes) = noted(b"3,4\n1,2\n", &how(true, named("3")));
    let data = data.unwrap();
    assert_eq!((data.gather(0..1).unwrap(), notes), (vec![2.0], vec![]));
    assert_eq!(data.gather_labels(0..1).unwrap(), [1]);
    let fault = noted(b"a,b\n1,2\n", &how(false, None)).0.unwrap_err();
    assert!(fault.message.contains("line 1: \"a\" in column 1"), "{fault}");
    let fault = noted(b"a,b\n1,2\n", &how(false, named("a"))).0.unwrap_err();
    assert!(fault.message.contains("no names"), "{fault}");
}

#[test]
fn what_is_missing_is_told_skipped_or_filled() {
    for cell in ["", "NA", "nan", "NaN", "null", "None", "?", "\"\""] {
        let text = format!("x,width,kind\n1,2,a\n3,{cell},b\n5,6,a\n");
        let with = |missing| {
            let how = Csv { label: named("kind"), missing, ..Csv::default() };
            noted(text.as_bytes(), &how)
        };
        let fault = with(Missing::Refuse).0.unwrap_err();
        assert!(fault.message.contains("line 3: column 2 (width) is"), "{fault}");
        assert!(fault.hint.is_some());
        let (data, notes) = with(Missing::Skip);
        let data = data.unwrap();
        assert_eq!(data.gather(0..2).unwrap(), [1.0, 2.0, 5.0, 6.0]);
        assert_eq!(data.classes(), ["a"]);
        assert!(notes[0].contains("1 line"), "{notes:?}");
        let data = with(Missing::Fill(-1.0)).0.unwrap();
        assert_eq!(data.gather(1..2).unwrap(), [3.0, -1.0]);
    }
    // A first line of numbers stays a sample, though one of them is missing.
    let skip = Csv { missing: Missing::Skip, ..Csv::default() };
    let (data, _) = noted(b"NA,2\n3,4\n5,6", &skip);
    assert_eq!(data.unwrap().gather(0..2).unwrap(), [3.0, 4.0, 5.0, 6.0]);
    let fault = noted(b"1,NA\n?,2\n", &skip).0.unwrap_err();
    assert!(fault.message.contains("in each of its lines"), "{fault}");
    let fault = read("1,a\n2,\n", Some(Column::At(-1))).unwrap_err();
    assert!(fault.message.contains("line 2: column 2 is empty"), "{fault}");
}

#[test]
fn mistakes_are_told_with_their_line() {
    let cases = [
        ("", None, "no numbers in it"),
        ("a,b\n", None, "no numbers in it"),
        ("1,2\n3\n", None, "line 2: 1 columns, where the first line has 2"),
        ("a,b\n1,2\n3,inf\n", None, "line 3: \"inf\" in column 2 (b)"),
        ("1,2\n3,x\n", None, "line 2: \"x\" in column 2"),
        ("a,b\n1,2\n", named("c"), "there are a, b"),
        ("1,2\n", named("c"), "no names"),
        ("1,2\n", Some(Column::At(2)), "no column 2 among 2"),
        ("1\n", Some(Column::At(0)), "no column besides"),
    ];
    for (text, label, part) in cases {
        let fault = read(text, label).unwrap_err();
        assert!(fault.message.contains(part), "{fault} lacks {part:?}");
    }
    let (data, _) = noted(&[0xff, 0xf0, 0x00], &Csv::default());
    let fault = data.unwrap_err();
    assert!(fault.message.contains("line 1: is not text"), "{fault}");
    assert!(fault.hint.is_some_and(|h| h.contains("UTF-8")));
}

/// What Excel, pandas and databases write beside what RFC 4180 says.
#[test]
fn tables_as_programs_write_them() {
    let plain = Csv::default();
    let rows = |text: &[u8]| noted(text, &plain).0.unwrap().gather(0..2).unwrap();
    assert_eq!(rows(b"x|y\n1|2\n3|4\n"), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(rows(b"sep=;\r\nx;y\r\n1;2\r\n3;4\r\n"), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(rows(b"\xef\xbb\xbfsep=|\nx|y\n1|2\n3|4\n"), [1.0, 2.0, 3.0, 4.0]);
    // Each line ends with a separator.
    assert_eq!(rows(b"x,y,\n1,2,\n3,4,\n"), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(rows(b"1,2,\n3,4,\n"), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(rows(b"x,\n1,2\n3,4\n"), [1.0, 2.0, 3.0, 4.0], "a name is missing, no value");
    let fault = noted(b"x,y,\n1,2,\n3,4,5\n", &plain).0.unwrap_err();
    assert!(fault.message.contains("line 3: column 3 is empty in the lines before"), "{fault}");
    for big in [false, true] {
        let units = "\u{feff}x\ty\r\n1\t2\r\n3\t4\r\n".encode_utf16();
        let bytes: Vec<u8> = units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect();
        assert_eq!(rows(&bytes), [1.0, 2.0, 3.0, 4.0]);
    }
    let (data, notes) = noted(b",x,y\n0,5,6\n1,7,8\n", &plain);
    assert_eq!(data.unwrap().gather(0..2).unwrap(), [0.0, 5.0, 6.0, 1.0, 7.0, 8.0]);
    assert!(notes.iter().any(|n| n.contains("as pandas writes its index")), "{notes:?}");
    assert!(noted(b",x\n3,5\n4,6\n", &plain).1.is_empty());
    // Years may be names or numbers.
    let (data, notes) = noted(b"2019,2020\n1,2\n3,4\n", &plain);
    assert_eq!(data.unwrap().len(), 3);
    assert!(notes.iter().any(|n| n.contains("header: true")), "{notes:?}");
}

#[test]
fn what_is_no_table_is_named() {
    for (bytes, hint) in [
        (&b"PK\x03\x04junk"[..], "Excel"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS"),
        (b"PAR1\x15\x04", "parquet"),
        (b"x;y\n1,5;2\n", "a point and no commas"),
        (b"x,y,kind\n1,2,a\n", "label: 2"),
    ] {
        let fault = noted(bytes, &Csv::default()).0.unwrap_err();
        assert!(fault.hint.as_ref().is_some_and(|h| h.contains(hint)), "{fault:?}");
    }
}
