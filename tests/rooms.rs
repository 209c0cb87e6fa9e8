//! The picture of the rooms in `src/lib.rs` is true: no room imports another that no arrow leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Files of the binary that are no room of the library: together they are `main`.
const BINARY: [&str; 2] = ["main", "cli"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The lines of the picture, without their comment marks.
fn picture() -> Vec<Vec<char>> {
    let text = fs::read_to_string(source().join("lib.rs")).unwrap();
    let lines = text.lines().skip_while(|l| !l.contains("```text")).skip(1);
    let lines = lines.take_while(|l| !l.contains("```"));
    lines
        .map(|l| l.trim_start_matches("//!").chars().collect())
        .collect()
}

/// The word that covers a column of a line, or the last one before it.
fn word_at(line: &[char], column: usize) -> Option<String> {
    let is_part = |c: &char| c.is_ascii_lowercase() || *c == '_';
    let end = line[..=column.min(line.len() - 1)]
        .iter()
        .rposition(is_part)?;
    let end = end + line[end..].iter().take_while(|c| is_part(c)).count();
    let start = line[..end]
        .iter()
        .rposition(|c| !is_part(c))
        .map_or(0, |i| i + 1);
    Some(line[start..end].iter().collect())
}

/// Where an arrow that starts with `├` or `└` comes from: the `┬` or the word above it.
fn branch(lines: &[Vec<char>], row: usize, column: usize) -> Option<String> {
    for line in lines[..row].iter().rev() {
        match line.get(column) {
            Some('├' | '│' | '└') => (),
            Some(_) => return word_at(line, column),
            None => return None,
        }
    }
    None
}

/// The arrows of the picture, and the leaves that all may use.
fn drawn() -> (Arrows, BTreeSet<String>) {
    let lines = picture();
    let mut arrows = Arrows::new();
    let mut leaves = BTreeSet::new();
    for (row, line) in lines.iter().enumerate() {
        let text: String = line.iter().collect();
        if let Some((_, names)) = text.split_once("leaves that every room may use:") {
            leaves.extend(names.split(',').map(|name| name.trim().to_string()));
            continue;
        }
        for head in (0..line.len()).filter(|i| line[*i] == '►') {
            let tail = line[..head].iter().rposition(|c| *c != '─').unwrap();
            let from = match line[tail] {
                '├' | '└' => branch(&lines, row, tail),
                _ => word_at(line, tail),
            };
            let to: String = line[head + 1..]
                .iter()
                .skip_while(|c| **c == ' ')
                .take_while(|c| c.is_ascii_lowercase())
                .collect();
            arrows
                .entry(from.expect("each arrow starts somewhere"))
                .or_default()
                .insert(to);
        }
    }
    (arrows, leaves)
}

/// Every room that arrows lead to from `room`, over other rooms too.
fn reachable(arrows: &Arrows, room: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![room.to_string()];
    while let Some(room) = open.pop() {
        for next in arrows.get(&room).into_iter().flatten() {
            if found.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    found
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => rust_files(&path, found),
            false if path.extension().is_some_and(|e| e == "rs") => found.push(path),
            false => (),
        }
    }
}

/// The rooms that a text names after `crate::` or `saddlepoint::`.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .filter(|l| !l.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = BTreeSet::new();
    for root in ["crate::", "saddlepoint::"] {
        for (at, _) in code.match_indices(root) {
            let rest = &code[at + root.len()..];
            match rest.strip_prefix('{') {
                Some(list) => found.extend(first_names(list)),
                None => found.extend(first_names(rest).into_iter().next()),
            }
        }
    }
    found
}

/// The first name of each path in `a::b, c::{d, e}, f}`.
fn first_names(list: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let (mut depth, mut first) = (0, true);
    for letter in list.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(String::new());
                first = true;
            }
            c if c.is_ascii_lowercase() || c == '_' => {
                if depth == 0 && first {
                    names.last_mut().unwrap().push(c);
                }
            }
            c if c.is_whitespace() => (),
            _ => first = false,
        }
        if letter == ';' || (depth == 0 && letter == '(') {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn room_of(file: &Path) -> String {
    let inside = file.strip_prefix(source()).unwrap();
    let first = inside
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_string_lossy();
    let name = first.trim_end_matches(".rs").to_string();
    if BINARY.contains(&name.as_str()) {
        "main".into()
    } else {
        name
    }
}

#[test]
fn the_picture_is_read_as_it_is_drawn() {
    let (arrows, leaves) = drawn();
    let has = |from: &str, to: &str| arrows.get(from).is_some_and(|all| all.contains(to));
    for (from, to) in [
        ("main", "serve"),
        ("serve", "wire"),
        ("main", "cell"),
        ("cell", "words"),
        ("words", "catalog"),
        ("words", "gan"),
        ("gan", "nn"),
    ] {
        assert!(has(from, to), "{from} → {to} is not in {arrows:?}");
    }
    assert!(!has("main", "wire") && !has("serve", "cell"));
    assert!(leaves.contains("session") && leaves.contains("fault"));
    assert_eq!(
        imports("use crate::{a::b, c::{d, e}, f};\nlet x = crate::g::h();"),
        ["a", "c", "f", "g"].map(String::from).into()
    );
}

#[test]
fn no_room_imports_another_that_no_arrow_leads_to() {
    let (arrows, leaves) = drawn();
    let mut files = Vec::new();
    rust_files(&source(), &mut files);
    let folders: BTreeSet<String> = files.iter().map(|f| room_of(f)).collect();
    let mut wrong = Vec::new();
    for file in files.iter().filter(|f| room_of(f) != "lib") {
        let room = room_of(file);
        let allowed = reachable(&arrows, &room);
        for import in imports(&fs::read_to_string(file).unwrap()) {
            let known = folders.contains(&import) && import != room;
            if known && !allowed.contains(&import) && !leaves.contains(&import) {
                wrong.push(format!("{}: {room} → {import}", file.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "no arrow in the picture of src/lib.rs leads there:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_table_says_what_every_room_owns() {
    let text = fs::read_to_string(source().join("lib.rs")).unwrap();
    let rooms = text
        .lines()
        .filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';'));
    for room in rooms {
        assert!(
            text.contains(&format!("//! | [`{room}`] | ")),
            "src/lib.rs has no row for `{room}`"
        );
    }
}
