//! Markdown cells as HTML, formulas as MathML, which browsers draw themselves.

use super::escape;
use crate::document::Cell;
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html::push_html};
use pulldown_latex::config::{DisplayMode, RenderConfig};
use pulldown_latex::{Storage, push_mathml};
use std::panic::catch_unwind;

/// The text of a markdown cell; links to the cell's attachments become data URIs.
pub fn render(cell: &Cell) -> String {
    html(&cell.source, &|link| attachment(cell, &link).map_or(link, CowStr::from))
}

/// Markdown as HTML; `link` may rewrite the addresses of pictures.
pub fn html(source: &str, link: &dyn for<'a> Fn(CowStr<'a>) -> CowStr<'a>) -> String {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH;
    let events = Parser::new_ext(source, options).map(|event| match event {
        Event::InlineMath(tex) => Event::InlineHtml(formula(&tex, DisplayMode::Inline).into()),
        Event::DisplayMath(tex) => Event::InlineHtml(formula(&tex, DisplayMode::Block).into()),
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Image { link_type, dest_url: link(dest_url), title, id })
        }
        other => other,
    });
    let mut html = String::new();
    push_html(&mut html, events);
    html
}

/// No formula is longer, in bytes: groups within each other take time with the square of their number.
const MOST_TEX: usize = 1 << 14;

/// A formula as MathML with its TeX as annotation; one that cannot be read stays legible as TeX.
fn formula(tex: &str, display_mode: DisplayMode) -> String {
    // The library panics at some that are none.
    let drawn = Some(tex).filter(|tex| tex.len() <= MOST_TEX).and_then(|tex| {
        let drawn = catch_unwind(|| {
            let storage = Storage::new();
            let events: Vec<_> = pulldown_latex::Parser::new(tex, &storage).collect::<Result<_, _>>().ok()?;
            let events = events.into_iter().map(Ok::<_, std::convert::Infallible>);
            let mut mathml = String::new();
            let config = RenderConfig { display_mode, annotation: Some(tex), ..RenderConfig::default() };
            push_mathml(&mut mathml, events, config).ok().map(|()| mathml)
        });
        drawn.ok().flatten()
    });
    drawn.unwrap_or_else(|| format!("<code class=\"tex\">{}</code>", escape(tex)))
}

/// The data URI of `attachment:NAME`.
fn attachment(cell: &Cell, link: &str) -> Option<String> {
    let files = cell.attachments()?.get(link.strip_prefix("attachment:")?)?;
    let (mime, base64) = files.as_object()?.iter().next()?;
    Some(format!("data:{mime};base64,{}", base64.as_str()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_drawn_or_left_legible() {
        let good = html(r"The value $V(D, G) = \mathbb{E}_{x}[\log D(x)]$.", &|link| link);
        assert!(good.contains("<math") && good.contains("\\mathbb{E}"), "{good}");
        let block = html("$$\\min_G \\max_D V$$", &|link| link);
        assert!(block.contains("display=\"block\""), "{block}");
        let bad = html(r"$\nosuchcommand<1$", &|link| link);
        assert!(bad.contains(r#"<code class="tex">\nosuchcommand&lt;1</code>"#), "{bad}");
    }

    #[test]
    fn what_is_nested_without_end_is_written_in_time() {
        for part in ["{", "\\frac{", "\\left(", "\\sqrt", "x^{", "\\begin{matrix}", "\\text{"] {
            for n in [1000, 100_000] {
                let drawn = formula(&part.repeat(n), DisplayMode::Block);
                assert!(drawn.contains("class=\"tex\"") || n == 1000, "{part}");
            }
        }
        for part in ["> ", "- ", "[", "![", "*a **b ", "<b>", "`", "|a\n|-\n", "[^1]: "] {
            html(&part.repeat(20_000), &|link| link);
        }
    }
}
