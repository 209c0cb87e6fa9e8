//! Text with the colours of a terminal (ANSI SGR sequences) as HTML.

use super::escape;

/// The state of the terminal's pen.
#[derive(Clone, Copy, Default, PartialEq)]
struct Pen {
    bold: bool,
    /// 0–7 the dark colours, 8–15 the bright ones; a style sheet gives them their looks.
    colour: Option<u16>,
}

/// `text` as HTML: coloured parts become `<span class="ansi-1 bold">`, other control sequences are dropped.
pub fn html(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    let mut pen = Pen::default();
    let mut parts = text.split('\x1b');
    if let Some(first) = parts.next() {
        html.push_str(&escape(first));
    }
    for part in parts {
        let (sequence, rest) = control_sequence(part);
        if let Some(codes) = sequence.strip_suffix('m') {
            pen.apply(codes);
        }
        if rest.is_empty() {
            continue;
        }
        if pen == Pen::default() {
            html.push_str(&escape(rest));
        } else {
            html.push_str(&format!("<span class=\"{}\">{}</span>", pen.classes(), escape(rest)));
        }
    }
    html
}

/// Splits what follows an escape character into `parameters + final letter` and the text after it.
fn control_sequence(part: &str) -> (&str, &str) {
    let Some(body) = part.strip_prefix('[') else {
        return ("", part);
    };
    match body.find(|c: char| ('@'..='~').contains(&c)) {
        Some(end) => body.split_at(end + 1),
        None => ("", ""),
    }
}

impl Pen {
    fn apply(&mut self, codes: &str) {
        let mut codes = codes.split(';').map(|code| code.parse::<u16>().unwrap_or(0));
        while let Some(code) = codes.next() {
            match code {
                0 => *self = Self::default(),
                1 => self.bold = true,
                22 => self.bold = false,
                30..=37 => self.colour = Some(code - 30),
                90..=97 => self.colour = Some(code - 90 + 8),
                39 => self.colour = None,
                // 256 colours and true colours: only the first sixteen have a look of ours.
                38 | 48 => {
                    let palette = codes.next() == Some(5);
                    let index = codes.by_ref().take(if palette { 1 } else { 3 }).last();
                    if code == 38 {
                        self.colour = index.filter(|&index| palette && index < 16);
                    }
                }
                _ => {}
            }
        }
    }

    fn classes(self) -> String {
        let colour = self.colour.map(|colour| format!("ansi-{colour}")).unwrap_or_default();
        let bold = if self.bold { "bold" } else { "" };
        format!("{colour} {bold}").trim().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_classes_and_nothing_else_gets_through() {
        assert_eq!(html("a < b"), "a &lt; b");
        assert_eq!(html("\x1b[1;31mE\x1b[0m x"), "<span class=\"ansi-1 bold\">E</span> x");
        assert_eq!(html("\x1b[38;5;9mE\x1b[39mx\x1b[2K"), "<span class=\"ansi-9\">E</span>x");
        assert_eq!(html("\x1b[38;2;1;2;3mE\x1b[m"), "E");
    }
}
