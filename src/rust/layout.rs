//! A cell's text as evcxr reads it: lines of commands (`:dep rand = "0.9"`) come before the code, and only some are
//! allowed.

use super::message::{Mistake, Spot};

/// The commands that a cell may use. The others end or reset what the notebook keeps (`:quit`, `:clear`), or are about
/// evcxr's own.
const COMMANDS: [&str; 16] = [
    ":dep",
    ":show_deps",
    ":opt",
    ":vars",
    ":type",
    ":t",
    ":types",
    ":fmt",
    ":efmt",
    ":explain",
    ":doc",
    ":toolchain",
    ":offline",
    ":cache",
    ":build_env",
    ":linker",
];

/// A cell with something put in front of its first statement.
#[derive(Debug, PartialEq)]
pub struct Layout {
    /// The cell as it is compiled.
    pub text: String,
    /// The line (from 1) of what was put in, and how many letters it has; `None` where there is no code.
    pub head: Option<(usize, usize)>,
}

impl Layout {
    /// # Errors
    /// A command that is not allowed.
    pub fn new(head: &str, code: &str) -> Result<Self, Mistake> {
        let mut text = String::new();
        let mut place = None;
        for (number, line) in (1..).zip(code.lines()) {
            if place.is_none() {
                match Line::of(line) {
                    Line::Command(name) => allowed(name, line, number)?,
                    Line::Shell => return Err(shell(line, number)),
                    Line::Quiet => {}
                    Line::Code => {
                        text.push_str(head);
                        place = Some((number, head.chars().count()));
                    }
                }
            }
            text.push_str(line);
            text.push('\n');
        }
        Ok(Self { text, head: place })
    }

    /// The cell's column of a column of the text, both from 1; `None` for what was put in.
    pub fn column(&self, line: usize, column: usize) -> Option<usize> {
        match self.head {
            Some((at, letters)) if at == line => column.checked_sub(letters).filter(|c| *c > 0),
            _ => Some(column),
        }
    }
}

/// The cell without its commands, each letter in its place.
pub fn without_commands(code: &str) -> String {
    let mut before_code = true;
    let lines = code.split_inclusive('\n').map(|line| {
        before_code &= !matches!(Line::of(line.trim_end_matches('\n')), Line::Code);
        match before_code {
            true => line.bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }).collect(),
            false => line.to_string(),
        }
    });
    lines.collect()
}

/// The crates that a cell asks for.
pub fn dependencies(code: &str) -> Vec<String> {
    let lines = code.lines().take_while(|line| !matches!(Line::of(line), Line::Code));
    let dep = |line: &str| {
        let rest = line.trim_start().strip_prefix(":dep ")?.trim_start();
        let name = rest.split([' ', '=']).next()?;
        (!name.is_empty()).then(|| name.to_string())
    };
    lines.filter_map(dep).collect()
}

/// Whether a cell defines something that functions of other cells may use.
pub fn has_items(code: &str) -> bool {
    const STARTS: [&str; 11] =
        ["fn ", "struct ", "enum ", "impl", "trait ", "const ", "static ", "type ", "macro_rules!", "mod ", "use "];
    let bare = |line: &'_ str| {
        let line = line.trim_start().trim_start_matches("pub ");
        line.trim_start_matches("unsafe ").to_string()
    };
    code.lines().any(|line| {
        let line = bare(line);
        STARTS.iter().any(|start| line.starts_with(start))
    })
}

enum Line<'a> {
    Command(&'a str),
    /// For a shell.
    Shell,
    /// Empty, or a comment.
    Quiet,
    Code,
}

impl<'a> Line<'a> {
    /// A line before the code, by evcxr's own rules.
    fn of(line: &'a str) -> Self {
        let word = line.trim_start_matches(' ').split(' ').next().unwrap_or("");
        if line.starts_with('!') {
            Line::Shell
        } else if word.starts_with(':') {
            Line::Command(word)
        } else if line.starts_with("//") || line.trim().is_empty() {
            Line::Quiet
        } else {
            Line::Code
        }
    }
}

fn allowed(name: &str, line: &str, number: usize) -> Result<(), Mistake> {
    if COMMANDS.contains(&name) || name.starts_with("::") {
        return Ok(());
    }
    Err(Mistake {
        message: format!("`{name}` is no command of a %%rust cell"),
        places: vec![Spot {
            line: number,
            column: line.chars().take_while(|c| *c == ' ').count() + 1,
            label: String::new(),
        }],
        helps: vec![format!("there are {}; `%reset` forgets everything", COMMANDS.join(", "))],
        ..Mistake::default()
    })
}

fn shell(line: &str, number: usize) -> Mistake {
    let code = line.trim_start_matches('!');
    Mistake {
        message: "a cell of Rust does not run programs of the shell".into(),
        places: vec![Spot { line: number, column: 1, label: String::new() }],
        helps: vec![format!("a value is negated with a space in front: ` !{code}`")],
        ..Mistake::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_stands_before_the_first_statement() {
        let code = "\n// a comment\n:dep rand = \"0.9\"\nlet x = 1;\nx\n";
        let layout = Layout::new("HEAD ", code).unwrap();
        assert_eq!(layout.text, "\n// a comment\n:dep rand = \"0.9\"\nHEAD let x = 1;\nx\n");
        assert_eq!(layout.head, Some((4, 5)));
        assert_eq!(layout.column(4, 6), Some(1));
        assert_eq!(layout.column(4, 5), None);
        assert_eq!(layout.column(5, 1), Some(1));
        assert_eq!(Layout::new("HEAD ", ":vars\n").unwrap().head, None);
        assert_eq!(dependencies(code), ["rand"]);
    }

    #[test]
    fn commands_that_end_or_reset_something_are_refused() {
        for code in [":quit", "  :clear", ":restart\nlet x = 1;", "!rm -r /"] {
            let mistake = Layout::new("", code).unwrap_err();
            assert_eq!(mistake.places[0].line, 1, "{code}");
        }
        // After the first statement these are no commands, but Rust.
        assert!(Layout::new("", "let a = true;\n!a").is_ok());
    }

    #[test]
    fn commands_are_taken_out_without_moving_the_rest() {
        let code = ":dep ä\n// c\nlet x = 1;\n:x";
        let bare = without_commands(code);
        assert_eq!(bare.len(), code.len());
        assert_eq!(bare.trim_start(), "let x = 1;\n:x");
        assert_eq!(bare.find("let"), code.find("let"));
    }

    #[test]
    fn cells_with_items_are_known() {
        for code in ["fn f() {}", "  pub fn f() {}", "let a = 1;\nimpl X {}", "unsafe fn f() {}", "pub struct A;"] {
            assert!(has_items(code), "{code}");
        }
        for code in ["let x = f(1);", "x", "println!(\"fn\");"] {
            assert!(!has_items(code), "{code}");
        }
    }
}
