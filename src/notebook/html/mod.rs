//! A notebook as one self-contained web page: no script, nothing fetched, light and dark.
//!
//! | file | owns |
//! |---|---|
//! | `ansi` | text with the colours of a terminal |
//! | `highlight` | colours of Rhai code |
//! | `markdown` | Markdown cells, formulas as MathML |

pub(super) mod ansi;
pub(super) mod highlight;
mod markdown;

use super::document::{Cell, CellKind, Document};
use saddle_session::output::escape_html as escape;
use serde_json::Value;
use std::fmt::Write as _;

/// The looks of a page, light and dark.
pub(super) const STYLE: &str = include_str!("page.css");

/// The page. `fallback_title` names it when the notebook has no heading.
pub fn page(document: &Document, fallback_title: &str) -> String {
    let title = escape(document.title().unwrap_or(fallback_title));
    let mut body = String::new();
    for cell in &document.cells {
        match cell.kind {
            CellKind::Markdown => {
                let _ = writeln!(body, "<section class=\"prose\">\n{}</section>", markdown::render(cell));
            }
            CellKind::Raw => {
                let _ = writeln!(body, "<section class=\"prose\"><pre>{}</pre></section>", escape(&cell.source));
            }
            CellKind::Code => code(&mut body, cell),
        }
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// A code cell: its number, its code, its outputs.
fn code(body: &mut String, cell: &Cell) {
    let label = cell.count.map_or_else(|| "[ ]".to_string(), |n| format!("[{n}]"));
    let _ = write!(
        body,
        "<section class=\"code\">\n<div class=\"count\">{label}</div>\n<pre class=\"source\">{}</pre>\n",
        highlight::code(cell.source.trim_end())
    );
    for output in &cell.outputs {
        let shown = match output["output_type"].as_str() {
            Some("stream") => stream(output),
            Some("error") => error(output),
            _ => display(output),
        };
        let _ = writeln!(body, "<div class=\"output\">{shown}</div>");
    }
    body.push_str("</section>\n");
}

fn stream(output: &Value) -> String {
    let class = if output["name"] == "stderr" { " class=\"stderr\"" } else { "" };
    format!("<pre{class}>{}</pre>", ansi::html(output["text"].as_str().unwrap_or_default()))
}

fn error(output: &Value) -> String {
    let lines = output["traceback"].as_array().into_iter().flatten();
    let lines: Vec<_> = lines.filter_map(Value::as_str).collect();
    let text = if lines.is_empty() {
        let field = |key: &str| output[key].as_str().unwrap_or_default();
        format!("{}: {}", field("ename"), field("evalue"))
    } else {
        lines.join("\n")
    };
    format!("<pre class=\"error\">{}</pre>", ansi::html(&text))
}

/// The richest representation of a display that a page with no script can show.
fn display(output: &Value) -> String {
    let text = |mime: &str| output["data"][mime].as_str();
    if let Some(html) = text("text/html") {
        return html.to_string();
    }
    if let Some(svg) = text("image/svg+xml") {
        // As an image, so that the styles of one drawing cannot reach another.
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::STANDARD.encode(svg);
        return picture(output, "image/svg+xml", &bytes);
    }
    for mime in ["image/gif", "image/png", "image/jpeg", "image/webp"] {
        if let Some(base64) = text(mime) {
            return picture(output, mime, base64);
        }
    }
    if let Some(source) = text("text/markdown") {
        return markdown::html(source, &|link| link);
    }
    if let Some(tex) = text("text/latex") {
        return markdown::html(tex, &|link| link);
    }
    if let Some(plain) = text("text/plain") {
        return format!("<pre>{}</pre>", ansi::html(plain));
    }
    format!("<pre>{}</pre>", escape(&format!("{:#}", output["data"])))
}

fn picture(output: &Value, mime: &str, base64: &str) -> String {
    let alt = escape(output["data"]["text/plain"].as_str().unwrap_or("picture"));
    let mut size = String::new();
    for key in ["width", "height"] {
        if let Some(pixels) = output["metadata"][mime][key].as_u64() {
            let _ = write!(size, " {key}=\"{pixels}\"");
        }
    }
    let base64: String = base64.split_whitespace().collect();
    format!("<img alt=\"{alt}\"{size} src=\"data:{mime};base64,{base64}\">")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_of(cells: Value) -> String {
        let notebook = serde_json::json!({ "nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells });
        page(&Document::parse(&notebook.to_string()).expect("a notebook"), "untitled")
    }

    #[test]
    fn a_page_holds_prose_code_and_outputs_and_fetches_nothing() {
        let html = page_of(serde_json::json!([
            { "cell_type": "markdown", "metadata": {}, "source": "# A < B\n\n$x^2$",
              "attachments": {} },
            { "cell_type": "code", "metadata": {}, "execution_count": 3, "source": "let a = \"<\";", "outputs": [
                { "output_type": "stream", "name": "stdout", "text": ["1 < 2\n", "\u{1b}[31mred\u{1b}[0m"] },
                { "output_type": "display_data", "data": { "image/png": "AAAA", "text/plain": "a grid" },
                  "metadata": { "image/png": { "width": 320 } } },
            ] },
        ]));
        assert!(html.contains("<title>A &lt; B</title>"), "{html}");
        assert!(html.contains("<math"), "the formula is MathML");
        assert!(html.contains("[3]") && html.contains("&lt;&quot;") || html.contains("\"&lt;\""));
        assert!(html.contains("1 &lt; 2\n<span"), "colours of the terminal become spans");
        assert!(html.contains("<img alt=\"a grid\" width=\"320\" src=\"data:image/png;base64,AAAA\">"));
        for foreign in ["http://", "https://", "<script", "@import"] {
            let own = html.replace("http://www.w3.org/1998/Math/MathML", "");
            assert!(!own.contains(foreign), "{foreign}");
        }
    }
}
