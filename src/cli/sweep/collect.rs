//! `saddle collect`: the figures and pictures of a sweep as CSV and as a page.

use super::super::{CommandStatus, print_all};
use clap::Args;
use saddle_fault::Result;
use saddle_notebook::document::Document;
use saddle_sweep::page::{self, Pictures};
use saddle_sweep::plan::Folder;
use saddle_sweep::table::Table;
use std::path::PathBuf;

#[derive(Args)]
pub struct Collect {
    /// The folder of the sweep; the tables are written into it.
    #[arg(default_value = "sweep")]
    folder: PathBuf,
    /// Parameters that are averaged over, apart by commas; without it `seed`, if the sweep has it.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    over: Option<Vec<String>>,
}

/// Pictures of one run at most: the last ones.
const MOST_PICTURES: usize = 6;

/// Writes `runs.csv`, `summary.csv` and `index.html` into the folder, and prints the table of means.
pub fn collect(options: &Collect) -> Result<CommandStatus> {
    let folder = Folder::open(&options.folder)?;
    let table = Table::gather(&folder)?;
    let over = options.over.clone().unwrap_or_else(|| table.replicate());
    let name = folder.plan.notebook.file_stem().unwrap_or_default().to_string_lossy();
    let html = page::page(&format!("Sweep of {name}"), &table, &over, &pictures(&folder, &table))?;
    let texts = [("runs.csv", table.csv()), ("summary.csv", table.summary_csv(&over)?), ("index.html", html)];
    for (file, text) in &texts {
        saddle_sweep::write(&folder.path.join(file), text)?;
    }
    let mut said = page::text(&table, &over)? + "\n\n";
    for row in &table.rows {
        if let Some(error) = row.error() {
            said += &format!("run {} {}: {error}\n", row.run, row.status());
        }
    }
    let at = options.folder.display();
    print_all(&format!("{said}{at}: runs.csv, summary.csv, index.html\n"));
    Ok(CommandStatus::Done)
}

/// The last pictures that each run has shown.
fn pictures(folder: &Folder, table: &Table) -> Pictures {
    let mut all = Pictures::new();
    for row in &table.rows {
        let Ok(document) = Document::read(&folder.run(row.run).join("out.ipynb")) else { continue };
        let outputs = document.cells.iter().flat_map(|cell| &cell.outputs);
        let mut found: Vec<(String, String)> = outputs
            .filter_map(|output| {
                let data = output.get("data")?.get("image/png")?.as_str()?;
                Some(("image/png".to_string(), data.split_whitespace().collect()))
            })
            .collect();
        let first = found.len().saturating_sub(MOST_PICTURES);
        found.drain(..first);
        if !found.is_empty() {
            all.insert(row.run, found);
        }
    }
    all
}
