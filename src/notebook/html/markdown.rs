//! Markdown cells as HTML, formulas as MathML, which browsers draw themselves.

use super::escape;
use crate::document::Cell;
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html::push_html};
use pulldown_latex::config::{DisplayMode, RenderConfig};
use pulldown_latex::{Storage, push_mathml};

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

/// A formula as MathML with its TeX as annotation; one that cannot be read stays legible as TeX.
fn formula(tex: &str, display_mode: DisplayMode) -> String {
    let storage = Storage::new();
    let events: Result<Vec<_>, _> = pulldown_latex::Parser::new(tex, &storage).collect();
    let mut mathml = String::new();
    let config = RenderConfig { display_mode, annotation: Some(tex), ..RenderConfig::default() };
    let drawn = events.is_ok_and(|events| {
        let events = events.into_iter().map(Ok::<_, std::convert::Infallible>);
        push_mathml(&mut mathml, events, config).is_ok()
    });
    if drawn { mathml } else { format!("<code class=\"tex\">{}</code>", escape(tex)) }
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
}
