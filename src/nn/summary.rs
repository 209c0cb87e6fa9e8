//! The table that `summary` shows: a network's layers, their weights and outputs.

use super::layers::Mode;
use super::network::{Body, Caller, Network, Part, Slot};
use super::param::Param;
use saddle_fault::Result;
use saddle_tensor::{Tensor, device, no_grad, shown};
use std::fmt::{self, Write};

/// Description, shapes of the weights, shape of the output, number of single weights.
type Row = [String; 4];

impl Network {
    /// A table of the layers: description, the shapes of the parameters, their number; `inputs` adds each layer's
    /// output shape for zeros of those shapes.
    ///
    /// # Errors
    /// Inputs that do not fit.
    pub fn summary<C: Caller>(&self, inputs: &[Vec<usize>], caller: &C) -> Result<String> {
        let on = self.params().first().map_or_else(device::current, |p| p.value().device());
        let zeros = |shape: &Vec<usize>| caller.value(Tensor::full(0.0, shape, &on));
        let outputs = match inputs {
            [] => vec![],
            shapes => no_grad(|| self.features(shapes.iter().map(zeros).collect(), caller))?,
        };
        let outputs: Vec<String> = outputs
            .iter()
            .map(|y| {
                let y = caller.tensor(y).ok();
                y.map(|t| shown(&t.shape())).unwrap_or_default()
            })
            .collect();
        Ok(self.shown_with(&outputs))
    }

    /// The table with the shapes of the outputs, if there are any.
    fn shown_with(&self, outputs: &[String]) -> String {
        let mut rows = Vec::new();
        for (i, layer) in self.layers().iter().enumerate() {
            let output = outputs.get(i).cloned().unwrap_or_default();
            rows_of(layer, "", 0, output, &mut rows);
        }
        let mut text = table(&rows, !outputs.is_empty());
        let frozen = match self.params().iter().any(Param::is_frozen) {
            true => ", frozen",
            false => "",
        };
        let mode = match self.mode() {
            Mode::Train => "train",
            Mode::Eval => "eval",
        };
        let _ = write!(text, "{} parameters, {mode} mode{frozen}", grouped(self.size()));
        text
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown_with(&[]))
    }
}

fn rows_of(network: &Network, name: &str, depth: usize, output: String, rows: &mut Vec<Row>) {
    let title = |what: String| match name {
        "" => format!("{}{what}", "  ".repeat(depth)),
        _ => format!("{}{name}: {what}", "  ".repeat(depth)),
    };
    match network.body() {
        Body::Layer(Slot { layer, params, .. }) => {
            rows.push(row(title(layer.describe()), params, output));
        }
        Body::Sequence(parts) => {
            rows.push(row(title("sequential".into()), &[], output));
            for (i, part) in parts.iter().enumerate() {
                rows_of(part, &i.to_string(), depth + 1, String::new(), rows);
            }
        }
        Body::Custom(custom) => {
            rows.push(row(title("network".into()), &[], output));
            for (name, part) in &*custom.parts {
                rows_of_part(part, name, depth + 1, rows);
            }
        }
        Body::Referenced(network, batch) => {
            let what = format!("with reference batch {}", shown(&batch.value().shape()));
            rows.push(row(title(what), &[], output));
            for (i, layer) in network.layers().iter().enumerate() {
                rows_of(layer, &i.to_string(), depth + 1, String::new(), rows);
            }
        }
    }
}

fn rows_of_part(part: &Part, name: &str, depth: usize, rows: &mut Vec<Row>) {
    match part {
        Part::Network(network) => rows_of(network, name, depth, String::new(), rows),
        Part::Param(p) => {
            let title = format!("{}{name}", "  ".repeat(depth));
            rows.push(row(title, std::slice::from_ref(p), String::new()));
        }
        Part::List(parts) => {
            for (i, part) in parts.iter().enumerate() {
                rows_of_part(part, &format!("{name}[{i}]"), depth, rows);
            }
        }
    }
}

fn row(title: String, params: &[Param], output: String) -> Row {
    let shapes: Vec<String> = params.iter().map(|p| shown(&p.value().shape())).collect();
    let size: usize = params.iter().map(|p| p.value().len()).sum();
    let size = if size > 0 { grouped(size) } else { String::new() };
    [title, shapes.join(" "), output, size]
}

fn table(rows: &[Row], outputs: bool) -> String {
    let titles = ["layer", "weights", "output", "parameters"];
    let columns: &[usize] = if outputs { &[0, 1, 2, 3] } else { &[0, 1, 3] };
    let width = |c: usize| {
        let widest = rows.iter().map(|r| r[c].chars().count()).max();
        widest.unwrap_or(0).max(titles[c].len())
    };
    let widths: Vec<usize> = (0..4).map(width).collect();
    let line = |cells: [&str; 4]| {
        let cells: Vec<String> = columns
            .iter()
            .map(|&c| match c {
                3 => format!("{:>w$}", cells[c], w = widths[c]),
                _ => format!("{:<w$}", cells[c], w = widths[c]),
            })
            .collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    let mut text = line(titles);
    for row in rows {
        text += &line([&row[0], &row[1], &row[2], &row[3]]);
    }
    text
}

/// `1234567` as `1,234,567`.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}
