//! What the kernel holds in memory, and which variables hold most of it.

use rhai::{Array, Dynamic, Map};
use saddle_catalog::Catalog;
use saddle_tensor::{device, tape::live_nodes};
use std::fmt::Write;

/// How many variables are listed.
const MAX_LISTED: usize = 10;
/// Smaller ones (bytes) are not.
const MIN_BYTES: usize = 1000;

/// The memory of the process, the tape, and the largest variables, largest first.
pub fn report(variables: &[(String, Dynamic)], catalog: &Catalog) -> String {
    let mut text = match resident_bytes() {
        Some(bytes) => format!("{} resident\n", shown(bytes as f64)),
        None => "this system does not say how much memory the kernel uses\n".to_string(),
    };
    let nodes = match live_nodes() {
        1 => "1 operation".to_string(),
        n => format!("{n} operations"),
    };
    let _ = writeln!(text, "{nodes} recorded for gradients");
    for (name, memory) in device::memory() {
        let (used, reserved) = (shown(memory.used as f64), shown(memory.reserved as f64));
        let _ = writeln!(text, "{used} used on {name}, {reserved} reserved there");
    }
    let mut sizes: Vec<(usize, &str)> = variables
        .iter()
        .map(|(name, value)| (bytes(value, catalog), name.as_str()))
        .filter(|(size, _)| *size >= MIN_BYTES)
        .collect();
    sizes.sort_by(|a, b| b.cmp(a));
    let width = sizes.iter().take(MAX_LISTED).map(|(_, name)| name.chars().count());
    let width = width.max().unwrap_or(0);
    for (size, name) in sizes.iter().take(MAX_LISTED) {
        let _ = writeln!(text, "  {name:width$}  {}", shown(*size as f64));
    }
    if let Some(more) = sizes.len().checked_sub(MAX_LISTED + 1) {
        let _ = writeln!(text, "  and {} smaller variables", more + 1);
    }
    text
}

/// The memory that a value holds, as far as its kind tells. Storage shared between values counts for each.
fn bytes(value: &Dynamic, catalog: &Catalog) -> usize {
    // Locked only while a method of this very value runs.
    let Some(value) = value.read_lock::<Dynamic>() else {
        return 0;
    };
    if let Some(kind) = catalog.kind_of(&value) {
        return kind.bytes.map_or(0, |bytes| bytes(&value));
    }
    if let Some(items) = value.read_lock::<Array>() {
        return items.iter().map(|v| size_of::<Dynamic>() + bytes(v, catalog)).sum();
    }
    if let Some(map) = value.read_lock::<Map>() {
        return map.values().map(|v| size_of::<Dynamic>() + bytes(v, catalog)).sum();
    }
    value.as_immutable_string_ref().map_or(0, |text| text.len())
}

/// The resident memory of this process.
pub fn resident_bytes() -> Option<u64> {
    // Linux. In kB, where /proc/self/statm counts pages: on ARM they may have 4, 16 or 64 KiB.
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    resident.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// A size in MB, or in kB where that says more.
fn shown(bytes: f64) -> String {
    match bytes {
        b if b >= 1e6 => format!("{:.1} MB", b / 1e6),
        b => format!("{:.1} kB", b / 1e3),
    }
}
