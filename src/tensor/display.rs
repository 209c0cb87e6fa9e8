//! How a tensor is shown as text: its shape and dtype, statistics, and a corner of the values.

use super::{Dtype, Tensor, shown};
use std::fmt::Write;

/// Rows and columns of the corner.
const ROWS: usize = 6;
const COLUMNS: usize = 8;

impl Tensor {
    /// The text of a tensor as the last value of a cell: a single number for rank 0, else shape, statistics and a
    /// corner.
    pub fn describe(&self) -> String {
        let shape = self.shape();
        if self.dtype() == Dtype::F32 {
            let Ok(values) = self.to_floats() else {
                return format!("tensor {}", shown(&shape));
            };
            return describe(&shape, "f32", &statistics(&values), |i| short(values[i]));
        }
        let Ok(values) = self.to_ints() else {
            return format!("tensor {}", shown(&shape));
        };
        match self.dtype() {
            Dtype::Bool => describe(&shape, "bool", "", |i| (values[i] != 0).to_string()),
            _ => describe(&shape, "int", "", |i| values[i].to_string()),
        }
    }
}

/// The text of a tensor whose element at a place is shown by `show`.
fn describe(shape: &[usize], dtype: &str, statistics: &str, show: impl Fn(usize) -> String) -> String {
    if shape.is_empty() {
        return format!("tensor {}", show(0));
    }
    let mut text = format!("tensor {} {dtype}", shown(shape));
    if shape.contains(&0) {
        return text;
    }
    if !statistics.is_empty() {
        let _ = write!(text, "   {statistics}");
    }
    text.push('\n');
    text.push_str(&corner(shape, show));
    text
}

/// `mean 0.013  std 0.988  min -2.1  max 2.3`, and how many are not finite.
fn statistics(values: &[f32]) -> String {
    let finite: Vec<f64> = values.iter().filter(|v| v.is_finite()).map(|&v| v as f64).collect();
    let odd = values.len() - finite.len();
    let n = finite.len().max(1) as f64;
    let mean = finite.iter().sum::<f64>() / n;
    let std = (finite.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    let (lo, hi) = finite.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), &v| (lo.min(v), hi.max(v)));
    let mut text = match finite.is_empty() {
        true => String::new(),
        false => format!(
            "mean {}  std {}  min {}  max {}",
            short(mean as f32),
            short(std as f32),
            short(lo as f32),
            short(hi as f32)
        ),
    };
    if odd > 0 {
        let _ = write!(text, "  {odd} not finite");
    }
    text
}

/// Four significant digits, without a tail of zeros.
pub(super) fn short(v: f32) -> String {
    if v == 0.0 || !v.is_finite() {
        return format!("{v}");
    }
    let size = v.abs();
    if (1e-4..1e6).contains(&size) {
        let digits = (3 - size.log10().floor() as i32).clamp(0, 7) as usize;
        let text = format!("{v:.digits$}");
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
            false => text,
        }
    } else {
        format!("{v:.3e}")
    }
}

fn corner(shape: &[usize], show: impl Fn(usize) -> String) -> String {
    let columns = *shape.last().unwrap_or(&1);
    let rows = if shape.len() == 1 { 1 } else { shape[shape.len() - 2] };
    let cells: Vec<Vec<String>> =
        (0..rows.min(ROWS)).map(|r| (0..columns.min(COLUMNS)).map(|c| show(r * columns + c)).collect()).collect();
    let width = cells.iter().flatten().map(|s| s.chars().count()).max().unwrap_or(0);
    let mut lines: Vec<String> = cells
        .iter()
        .map(|row| {
            let row: Vec<String> = row.iter().map(|s| format!("{s:>width$}")).collect();
            let more = if columns > COLUMNS { "  …" } else { "" };
            format!("  {}{more}", row.join("  "))
        })
        .collect();
    if rows > ROWS || shape.len() > 2 {
        lines.push("  …".into());
    }
    lines.join("\n")
}
