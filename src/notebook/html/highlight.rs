//! Light colouring of Rhai code: comments, strings, numbers, keywords, calls, magics.

use super::escape;

const KEYWORDS: &[&str] = &[
    "let",
    "const",
    "if",
    "else",
    "switch",
    "do",
    "while",
    "until",
    "loop",
    "for",
    "in",
    "continue",
    "break",
    "fn",
    "private",
    "is_def_var",
    "is_def_fn",
    "this",
    "return",
    "throw",
    "try",
    "catch",
    "import",
    "export",
    "as",
    "global",
    "true",
    "false",
    "Fn",
    "call",
    "curry",
    "type_of",
    "print",
    "debug",
    "eval",
];

/// `source` as HTML with spans of the classes `comment`, `string`, `number`, `keyword`, `call` and `magic`.
pub fn code(source: &str) -> String {
    let mut html = String::with_capacity(source.len() * 2);
    let mut rest = source;
    let mut line_start = true;
    while let Some(first) = rest.chars().next() {
        let (length, class) = token(rest, first, line_start);
        let (text, after) = rest.split_at(length);
        line_start = text.ends_with('\n') || (line_start && text.trim().is_empty());
        rest = after;
        if class.is_empty() {
            html.push_str(&escape(text));
        } else {
            html.push_str(&format!("<span class=\"{class}\">{}</span>", escape(text)));
        }
    }
    html
}

/// The length of the token at the start of `text` and its class, empty for plain text.
fn token(text: &str, first: char, line_start: bool) -> (usize, &'static str) {
    let until_line_end = || text.find('\n').unwrap_or(text.len());
    if text.starts_with("//") {
        return (until_line_end(), "comment");
    }
    if text.starts_with("/*") {
        return (block_comment(text), "comment");
    }
    if line_start && first == '%' {
        return (until_line_end(), "magic");
    }
    match first {
        '"' | '\'' | '`' => (string(text, first), "string"),
        '0'..='9' => (number(text), "number"),
        c if c.is_alphabetic() || c == '_' => {
            let length = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
            let (word, after) = text.split_at(length);
            let class = if KEYWORDS.contains(&word) {
                "keyword"
            } else if after.starts_with('(') {
                "call"
            } else {
                ""
            };
            (length, class)
        }
        c => (c.len_utf8(), ""),
    }
}

/// Rhai's block comments nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn string(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            // Only a back-quoted string may go over the line.
            '\n' if quote != '`' => return at,
            _ => {}
        }
    }
    text.len()
}

fn number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        let next_is_digit = bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        let in_exponent = matches!(bytes[at - 1], b'e' | b'E') && !text.starts_with("0x");
        let belongs = byte.is_ascii_alphanumeric()
            || byte == b'_'
            || (byte == b'.' && next_is_digit)
            || (matches!(byte, b'+' | b'-') && in_exponent && next_is_digit);
        if !belongs {
            break;
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_get_their_classes_and_no_text_is_lost() {
        let html = code("%time\nlet k = 2e-4; // a < b\nD(x) /* a /* b */ c */ + \"a\\\"b\"");
        assert_eq!(
            html,
            "<span class=\"magic\">%time</span>\n<span class=\"keyword\">let</span> k = \
             <span class=\"number\">2e-4</span>; <span class=\"comment\">// a &lt; b</span>\n\
             <span class=\"call\">D</span>(x) <span class=\"comment\">/* a /* b */ c */</span> + \
             <span class=\"string\">&quot;a\\&quot;b&quot;</span>"
        );
        assert_eq!(code("1..=2000"), "<span class=\"number\">1</span>..=<span class=\"number\">2000</span>");
        assert_eq!(code("\"open"), "<span class=\"string\">&quot;open</span>");
    }
}
