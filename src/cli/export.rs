//! `saddle export`: a notebook with the outputs that it holds, or a text in Markdown, as a web page. Nothing is run.

use super::CommandStatus;
use super::run::{check_folder_of, has_ending, write_whole};
use clap::Args;
use saddle_fault::{Fault, Result};
use saddle_notebook::document::Document;
use saddle_notebook::html;
use std::path::PathBuf;

#[derive(Args)]
pub struct Options {
    /// A notebook (.ipynb) or a text in Markdown (.md), such as `saddle reference` prints.
    file: PathBuf,
    /// The page; without it, beside the file and named as it.
    #[arg(short, long, value_name = "OUT.html")]
    output: Option<PathBuf>,
}

pub fn export(options: &Options) -> Result<CommandStatus> {
    let file = &options.file;
    let document = if has_ending(file, "ipynb") {
        Document::read(file)?
    } else if has_ending(file, "md") {
        let source = std::fs::read_to_string(file)
            .map_err(|error| Fault::file(format!("cannot read {}: {error}", file.display())))?;
        Document::markdown(&source)
    } else {
        return Err(Fault::file(format!("{} is neither a notebook nor a text in Markdown", file.display())).hint(
            "a notebook ends in .ipynb, a text in .md; `saddle run FILE.rhai -o OUT.html` makes a page of a script",
        ));
    };
    let page = options.output.clone().unwrap_or_else(|| file.with_extension("html"));
    // `-o n.ipynb` would put the page in the place of the notebook.
    if !has_ending(&page, "html") {
        return Err(Fault::value(format!("cannot write {}: a page ends in .html", page.display()))
            .hint("`saddle run NOTEBOOK -o OUT.ipynb` runs a notebook and keeps its outputs"));
    }
    let page = check_folder_of(&page)?;
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    write_whole(&page, &html::page(&document, &name))?;
    Ok(CommandStatus::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_does_not_take_the_place_of_its_notebook() {
        let file = std::env::temp_dir().join(format!("saddle-export-{}.ipynb", std::process::id()));
        let notebook = r#"{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}"#;
        std::fs::write(&file, notebook).unwrap();
        let fault = export(&Options { file: file.clone(), output: Some(file.clone()) }).err().unwrap();
        assert!(fault.message.contains("ends in .html"), "{fault}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), notebook);
        std::fs::remove_file(&file).unwrap();
    }
}
