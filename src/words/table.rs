//! The kind `table`: columns with names, shown as a table on the page and as aligned text elsewhere.

use super::format::significant;
use crate::types;

use rhai::{Array, Dynamic, Map};
use saddle_catalog::{Call, ENTRY, Entry, Field, KIND, Kind, Maybe, Param, Ty, fails, param, runs, type_of, value};
use saddle_fault::{Fault, Result};
use saddle_session::output::{Bundle, Data, escape_html};
use saddle_tensor::Tensor;
use std::any::TypeId;
use std::rc::Rc;

pub static ENTRIES: &[&Entry] = &[&TABLE_OF_ROWS, &TABLE];
pub static KINDS: &[&Kind] = &[&KIND_TABLE];

/// A table as a value of the language.
#[derive(Clone)]
pub struct Table(Rc<Content>);

struct Content {
    caption: String,
    columns: Vec<String>,
    /// As many cells as columns in each.
    rows: Vec<Vec<Dynamic>>,
    texts: Vec<Vec<String>>,
}

static KIND_TABLE: Kind = Kind {
    name: "table",
    summary: "columns with names and rows of cells",
    id: || TypeId::of::<Table>(),
    show: |v| match v.read_lock::<Table>() {
        Some(table) => table.0.bundle(),
        None => Bundle::text("table"),
    },
    text: Some(|v| v.read_lock::<Table>().map_or_else(String::new, |table| table.0.text())),
    fields: &[
        Field {
            name: "columns",
            ty: Ty::Array,
            doc: "the names of the columns",
            get: |v| read(v, |t| t.columns.iter().map(|c| Dynamic::from(c.clone())).collect::<Array>().into()),
        },
        Field {
            name: "rows",
            ty: Ty::Array,
            doc: "an array of cells for each row",
            get: |v| read(v, |t| t.rows.iter().map(|r| Dynamic::from(r.clone())).collect::<Array>().into()),
        },
    ],
    ..KIND
};

fn read(v: &Dynamic, get: impl FnOnce(&Content) -> Dynamic) -> Result<Dynamic> {
    v.read_lock::<Table>().map(|t| get(&t.0)).ok_or_else(|| Fault::type_("expected a table"))
}

const DIGITS: Param<usize> = param("digits", types::SIZE, "significant digits of floats, 1 to 17").or(4);
const CAPTION: Maybe<String> = param("caption", types::TEXT, "written above").maybe("none");
const NAMES: Maybe<Array> = param("columns", types::ARRAY, "which columns, in which order").maybe("all, by name");

const COLUMNS: Param<Array> = param("columns", types::ARRAY, "the names of the columns");
const ROWS: Param<Dynamic> = param(
    "rows",
    types::any(Ty::OneOf(&[Ty::Array, Ty::Tensor])),
    "an array of cells for each row, or a tensor [rows, columns]",
);
static TABLE_OF_ROWS: Entry = Entry {
    name: "table",
    group: "notebook",
    summary: "a table of rows under a head",
    params: &[COLUMNS.param(), ROWS.param()],
    options: &[CAPTION.opt(), DIGITS.opt()],
    returns: Ty::Of("table"),
    errors: &["a row that has not as many cells as there are columns"],
    examples: &[
        value(
            "two runs",
            "table([\"K\", \"modes\", \"share\"], [[0, 2, 0.51234], [10, 8, 0.95]])",
            " K  modes   share\n─────────────────\n 0      2  0.5123\n10      8  0.95",
        ),
        fails("a cell too few", "table([\"a\", \"b\"], [[1]])", "row 0 has 1 cell, there are 2 columns"),
    ],
    call: |call| {
        let columns = texts(call, &COLUMNS.of(call)?)?;
        made(call, columns, cells(call, ROWS)?)
    },
    ..ENTRY
};

const TABLE_ROWS: Param<Dynamic> = param(
    "rows",
    types::any(Ty::OneOf(&[Ty::Array, Ty::Map, Ty::Tensor])),
    "maps with the same keys, a map of arrays, or a matrix",
);
static TABLE: Entry = Entry {
    name: "table",
    group: "notebook",
    summary: "a table of maps, one for each row, or of one map of columns",
    params: &[TABLE_ROWS.param()],
    options: &[NAMES.opt(), CAPTION.opt(), DIGITS.opt()],
    returns: Ty::Of("table"),
    errors: &["a row without one of the columns", "columns of different length"],
    examples: &[
        value(
            "rows that a loop has collected",
            "let rows = []; for k in [1, 5] { rows.push(#{ k: k, error: 1.0 / k }); }\ntable(rows, #{ columns: [\"k\", \"error\"] })",
            "k  error\n────────\n1    1\n5    0.2",
        ),
        runs("columns", "table(#{ x: [1, 2, 3], y: linspace(0, 1, 3) })"),
        fails("a column that is not there", "table([#{ a: 1 }], #{ columns: [\"b\"] })", "row 0 has no b"),
    ],
    call: |call| {
        let names = NAMES.of(call)?.map(|names| texts(call, &names)).transpose()?;
        let given = TABLE_ROWS.value(call);
        if let Some(map) = given.read_lock::<Map>() {
            let names = names.unwrap_or_else(|| map.keys().map(ToString::to_string).collect());
            let rows = transposed(call, &map, &names)?;
            return made(call, names, rows);
        }
        let maps = given.read_lock::<Array>().and_then(|rows| rows.iter().map(as_map).collect::<Option<Vec<Map>>>());
        match maps.filter(|maps| !maps.is_empty()) {
            Some(maps) => {
                let names = names.unwrap_or_else(|| maps[0].keys().map(ToString::to_string).collect());
                let row = |(i, map): (usize, &Map)| {
                    let cell = |name: &String| {
                        map.get(name.as_str())
                            .cloned()
                            .ok_or_else(|| Fault::value(format!("table: row {i} has no {name}")))
                    };
                    names.iter().map(cell).collect::<Result<Vec<_>>>()
                };
                let rows = maps.iter().enumerate().map(row).collect::<Result<Vec<_>>>()?;
                made(call, names, rows)
            }
            None => {
                let rows = cells(call, TABLE_ROWS)?;
                let width = rows.first().map_or(0, Vec::len);
                made(call, names.unwrap_or_else(|| vec![String::new(); width]), rows)
            }
        }
    },
    ..ENTRY
};

fn as_map(v: &Dynamic) -> Option<Map> {
    v.read_lock::<Map>().map(|map| map.clone())
}

/// Names, whatever they are made of.
fn texts(call: &Call, values: &[Dynamic]) -> Result<Vec<String>> {
    values.iter().map(|v| text(call, v, 4)).collect()
}

/// Rows of cells from an array of arrays, or from a matrix.
fn cells(call: &Call, parameter: Param<Dynamic>) -> Result<Vec<Vec<Dynamic>>> {
    let row = |v: &Dynamic| {
        list(call, v)?.ok_or_else(|| {
            Fault::type_(format!("table: a row must be an array of cells, got {}", type_of(v)))
                .hint("table([\"a\", \"b\"], [[1, 2], [3, 4]])")
        })
    };
    match list(call, parameter.value(call))? {
        Some(rows) => rows.iter().map(row).collect(),
        None => Err(parameter.wrong(call)),
    }
}

/// The elements of an array, or of a tensor's first dim.
fn list(call: &Call, v: &Dynamic) -> Result<Option<Vec<Dynamic>>> {
    if v.read_lock::<Tensor>().is_some() {
        return Ok(call.apply_word("to_array", vec![v.clone()])?.try_cast::<Array>());
    }
    Ok(v.read_lock::<Array>().map(|items| items.clone()))
}

/// Columns as rows.
fn transposed(call: &Call, map: &Map, names: &[String]) -> Result<Vec<Vec<Dynamic>>> {
    let column = |name: &String| {
        let column = map.get(name.as_str()).ok_or_else(|| Fault::value(format!("table: there is no column {name}")))?;
        list(call, column)?
            .ok_or_else(|| Fault::type_(format!("table: {name} must be an array, got {}", type_of(column))))
    };
    let columns = names.iter().map(column).collect::<Result<Vec<_>>>()?;
    let n = columns.first().map_or(0, Vec::len);
    if let Some((name, column)) = names.iter().zip(&columns).find(|(_, column)| column.len() != n) {
        return Err(Fault::shape(format!("table: {} has {n} cells, {name} has {}", names[0], column.len())));
    }
    Ok((0..n).map(|i| columns.iter().map(|column| column[i].clone()).collect()).collect())
}

fn made(call: &Call, columns: Vec<String>, rows: Vec<Vec<Dynamic>>) -> Result<Dynamic> {
    let digits = DIGITS.of(call)?;
    if !(1..=17).contains(&digits) {
        return Err(Fault::value(format!("table: digits must be 1 to 17, got {digits}")));
    }
    let caption = CAPTION.of(call)?.unwrap_or_default();
    new(call, caption, columns, rows, digits)
}

/// A table as a value of the language; other words make their results such.
pub fn new(
    call: &Call,
    caption: String,
    columns: Vec<String>,
    rows: Vec<Vec<Dynamic>>,
    digits: usize,
) -> Result<Dynamic> {
    if let Some((i, row)) = rows.iter().enumerate().find(|(_, row)| row.len() != columns.len()) {
        let (cells, names) = (row.len(), columns.len());
        let s = |n: usize| if n == 1 { "" } else { "s" };
        let text = format!("table: row {i} has {cells} cell{}, there are {names} column{}", s(cells), s(names));
        return Err(Fault::shape(text));
    }
    let texts = |row: &Vec<Dynamic>| row.iter().map(|v| text(call, v, digits)).collect::<Result<Vec<_>>>();
    let texts = rows.iter().map(texts).collect::<Result<Vec<_>>>()?;
    Ok(Dynamic::from(Table(Rc::new(Content { caption, columns, rows, texts }))))
}

/// How cells of plain numbers and texts are shown as a table.
pub fn shown(columns: Vec<String>, rows: Vec<Vec<Dynamic>>) -> Bundle {
    let texts = |row: &Vec<Dynamic>| row.iter().map(|v| plain(v, 4).unwrap_or_default()).collect();
    let texts = rows.iter().map(texts).collect();
    Content { caption: String::new(), columns, rows, texts }.bundle()
}

/// A number, a text or nothing as it stands in a cell; `None` for anything else.
fn plain(v: &Dynamic, digits: usize) -> Option<String> {
    if let Ok(v) = v.as_float() {
        return Some(significant(v, digits));
    }
    if v.is_unit() {
        return Some(String::new());
    }
    match v.as_immutable_string_ref() {
        Ok(text) => Some(text.to_string()),
        Err(_) => v.as_int().ok().map(|n| n.to_string()),
    }
}

/// What stands in a cell.
fn text(call: &Call, v: &Dynamic, digits: usize) -> Result<String> {
    if let Some(text) = plain(v, digits) {
        return Ok(text);
    }
    if let Some(t) = v.read_lock::<Tensor>().filter(|t| t.len() == 1) {
        let item = call.apply_word("item", vec![Dynamic::from(t.clone())])?;
        return text(call, &item, digits);
    }
    if let Some(kind) = call.catalog.kind_of(v) {
        return Ok(kind.plain(v));
    }
    Ok(call.apply_word("to_string", vec![v.clone()])?.to_string())
}

impl Content {
    /// Whether the cells of a column are numbers, which stand at its right.
    fn is_numeric(&self, column: usize) -> bool {
        let is_number = |v: &Dynamic| v.is_int() || v.is_float() || v.is_unit() || v.read_lock::<Tensor>().is_some();
        !self.rows.is_empty() && self.rows.iter().all(|row| is_number(&row[column]))
    }

    /// Texts of numbers padded so that their points stand one below the other.
    fn aligned(&self, column: usize) -> Vec<String> {
        let cells = self.texts.iter().map(|row| row[column].clone());
        if !self.is_numeric(column) {
            return cells.collect();
        }
        let after = |text: &str| text.find('.').map_or(0, |at| text.len() - at);
        let cells: Vec<String> = cells.collect();
        let most = cells.iter().map(|text| after(text)).max().unwrap_or(0);
        cells.iter().map(|text| format!("{text}{}", " ".repeat(most - after(text)))).collect()
    }

    fn bundle(&self) -> Bundle {
        Bundle::text(self.text()).with("text/html", Data::Text(self.html()))
    }

    fn text(&self) -> String {
        let wide = |text: &str| text.chars().count();
        let mut lines = vec![String::new(); self.rows.len() + 2];
        for (j, name) in self.columns.iter().enumerate() {
            let cells = self.aligned(j);
            let width = cells.iter().map(|text| wide(text)).chain([wide(name)]).max().unwrap_or(0);
            let gap = if j == 0 { "" } else { "  " };
            let pad = |text: &str, right: bool| {
                let room = " ".repeat(width - wide(text));
                if right { format!("{gap}{room}{text}") } else { format!("{gap}{text}{room}") }
            };
            lines[0] += &pad(name, self.is_numeric(j));
            lines[1] += &"─".repeat(width + gap.len());
            for (line, cell) in lines[2..].iter_mut().zip(&cells) {
                *line += &pad(cell, self.is_numeric(j));
            }
        }
        if !self.caption.is_empty() {
            lines.insert(0, self.caption.clone());
        }
        lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
    }

    /// Without colours: the page's own, in the light and the dark theme.
    fn html(&self) -> String {
        let align: Vec<&str> =
            (0..self.columns.len()).map(|j| if self.is_numeric(j) { "right" } else { "left" }).collect();
        let row = |tag: &str, cells: &[String]| {
            let cell = |(text, align): (&String, &&str)| {
                format!("<{tag} style=\"text-align: {align}\">{}</{tag}>", escape_html(text))
            };
            format!("<tr>{}</tr>", cells.iter().zip(&align).map(cell).collect::<String>())
        };
        let caption = match self.caption.is_empty() {
            true => String::new(),
            false => format!("<caption>{}</caption>", escape_html(&self.caption)),
        };
        let body: String = self.texts.iter().map(|cells| row("td", cells)).collect();
        format!("<table>{caption}<thead>{}</thead><tbody>{body}</tbody></table>", row("th", &self.columns))
    }
}
