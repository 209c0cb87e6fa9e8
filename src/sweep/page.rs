//! The table of a sweep as HTML: for a page of its own with the pictures, and for the output of a cell.

use crate::table::{Group, Spread, Table, plain};
use saddle_fault::Result;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Pictures of each run: mime type and base64.
pub type Pictures = BTreeMap<usize, Vec<(String, String)>>;

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;margin:2rem;color-scheme:light dark}
table{border-collapse:collapse;margin:1rem 0}
th,td{padding:.2rem .8rem;text-align:right;border-bottom:1px solid #8886}
th{border-bottom:2px solid #888a}
td.text,th.text{text-align:left}
figure{display:inline-block;margin:.5rem;vertical-align:top}
img{max-width:22rem;background:#fff}
figcaption{font-size:13px}
";

/// A page by itself.
///
/// # Errors
/// As [`Table::groups`].
pub fn page(title: &str, table: &Table, over: &[String], pictures: &Pictures) -> Result<String> {
    let mut out = format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>{0}</title>\n<style>{STYLE}</style>\n<h1>{0}</h1>\n",
        escaped(title)
    );
    out += &summary(table, over)?;
    out += "<h2>Runs</h2>\n";
    out += &runs(table);
    if !pictures.is_empty() {
        out += "<h2>Pictures</h2>\n";
    }
    for row in &table.rows {
        for (mime, data) in pictures.get(&row.run).into_iter().flatten() {
            let named: Vec<String> =
                row.parameters.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect();
            let caption = escaped(&format!("run {}: {}", row.run, named.join(", ")));
            let _ = writeln!(
                out,
                "<figure><img src=\"data:{mime};base64,{data}\" alt=\"{caption}\"><figcaption>{caption}</figcaption></figure>"
            );
        }
    }
    Ok(out)
}

/// The table of means: a line for each setting of the other parameters.
///
/// # Errors
/// As [`Table::groups`].
pub fn summary(table: &Table, over: &[String]) -> Result<String> {
    let groups = table.groups(over)?;
    let kept: Vec<&String> = table.parameters.iter().filter(|name| !over.contains(name)).collect();
    let mut out = String::from("<table>\n<tr>");
    kept.iter().for_each(|name| out += &format!("<th class=\"text\">{}</th>", escaped(name)));
    out += "<th>runs</th>";
    table.figures.iter().for_each(|name| out += &format!("<th>{}</th>", escaped(name)));
    out += "<th class=\"text\">not done</th></tr>\n";
    for group in &groups {
        out += "<tr>";
        for name in &kept {
            let value = group.parameters.get(*name).map_or(String::new(), plain);
            out += &format!("<td class=\"text\">{}</td>", escaped(&value));
        }
        out += &format!("<td>{}</td>", group.done);
        group.figures.iter().for_each(|spread| out += &format!("<td>{}</td>", shown(spread)));
        out += &format!("<td class=\"text\">{}</td></tr>\n", escaped(&not_done(group)));
    }
    out += "</table>\n";
    if !over.is_empty() {
        out += &format!("<p>Mean ± standard deviation over {}.</p>\n", escaped(&over.join(", ")));
    }
    Ok(out)
}

/// A line for each run.
pub fn runs(table: &Table) -> String {
    let mut out = String::from("<table>\n<tr><th>run</th>");
    table.parameters.iter().for_each(|name| out += &format!("<th class=\"text\">{}</th>", escaped(name)));
    out += "<th class=\"text\">status</th><th>seconds</th>";
    table.figures.iter().for_each(|name| out += &format!("<th>{}</th>", escaped(name)));
    out += "<th class=\"text\">error</th></tr>\n";
    for row in &table.rows {
        out += &format!("<tr><td>{}</td>", row.run);
        for name in &table.parameters {
            let value = row.parameters.get(name).map_or(String::new(), plain);
            out += &format!("<td class=\"text\">{}</td>", escaped(&value));
        }
        let seconds = row.outcome.as_ref().map_or(String::new(), |outcome| format!("{:.1}", outcome.seconds));
        out += &format!("<td class=\"text\">{}</td><td>{seconds}</td>", row.status());
        for name in &table.figures {
            out += &format!("<td>{}</td>", row.figure(name).map_or(String::new(), short));
        }
        out += &format!("<td class=\"text\">{}</td></tr>\n", escaped(&row.error().unwrap_or_default()));
    }
    out + "</table>\n"
}

/// The table of means as text, columns apart by two blanks.
///
/// # Errors
/// As [`Table::groups`].
pub fn text(table: &Table, over: &[String]) -> Result<String> {
    let kept: Vec<&String> = table.parameters.iter().filter(|name| !over.contains(name)).collect();
    let mut head: Vec<String> = kept.iter().map(|name| name.to_string()).collect();
    head.push("runs".into());
    head.extend(table.figures.iter().cloned());
    head.push("not done".into());
    let mut lines = vec![head];
    for group in table.groups(over)? {
        let mut line: Vec<String> =
            kept.iter().map(|name| group.parameters.get(*name).map_or(String::new(), plain)).collect();
        line.push(group.done.to_string());
        line.extend(group.figures.iter().map(shown));
        line.push(not_done(&group));
        lines.push(line);
    }
    if lines.iter().skip(1).all(|line| line.last().is_some_and(String::is_empty)) {
        lines.iter_mut().for_each(|line| drop(line.pop()));
    }
    let columns = lines[0].len();
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let padded = |line: &Vec<String>| {
        let cells: Vec<_> = line.iter().zip(&widths).map(|(text, &width)| format!("{text:<width$}")).collect();
        cells.join("  ").trim_end().to_string()
    };
    Ok(lines.iter().map(padded).collect::<Vec<_>>().join("\n"))
}

/// The runs of a group that are not done, named.
fn not_done(group: &Group) -> String {
    let mut parts = Vec::new();
    if !group.failed.is_empty() {
        let named: Vec<_> = group.failed.iter().map(usize::to_string).collect();
        parts.push(format!("failed: {}", named.join(", ")));
    }
    if group.missing > 0 {
        parts.push(format!("missing: {}", group.missing));
    }
    parts.join("; ")
}

fn shown(spread: &Spread) -> String {
    match spread.n {
        0 => String::new(),
        1 => short(spread.mean),
        _ => format!("{} ± {}", short(spread.mean), short(spread.std)),
    }
}

/// Four significant digits.
fn short(value: f64) -> String {
    let size = value.abs().log10().floor();
    if value == 0.0 || !value.is_finite() || !(-4.0..6.0).contains(&size) {
        return if value == 0.0 || !value.is_finite() { value.to_string() } else { format!("{value:.3e}") };
    }
    let text = format!("{value:.*}", (3.0 - size).max(0.0) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
