"""A notebook of this kernel as a PDF, by nbconvert's `webpdf` in Debian's Chromium."""

import os
import re

import nbformat
from conftest import CHROMIUM_FLAGS
from nbconvert.exporters import WebPDFExporter
from nbconvert.preprocessors import ExecutePreprocessor
from playwright.async_api import BrowserType


def test_a_notebook_prints_with_its_pictures(monkeypatch):
    launch = BrowserType.launch

    async def launch_debians(self, **options):
        # nbconvert knows only the browser that Playwright downloads.
        options["args"] = [*options.get("args", []), *CHROMIUM_FLAGS]
        return await launch(self, executable_path=os.environ.get("SADDLE_CHROMIUM", "/usr/bin/chromium"), **options)

    monkeypatch.setattr(BrowserType, "launch", launch_debians)
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "saddle", "display_name": "Saddlepoint", "language": "rhai"}}
    )
    notebook.cells = [
        nbformat.v4.new_code_cell('print("printed");'),
        nbformat.v4.new_code_cell("show_grid(rand([6, 1, 8, 8]))"),
        nbformat.v4.new_code_cell("plot([0.0, 1.0, 2.0], [1.0, 0.5, 0.25])"),
    ]
    ExecutePreprocessor().preprocess(notebook, {})
    pdf, _ = WebPDFExporter().from_notebook_node(notebook)
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")
    pictures = [
        (int(width), int(height))
        for header in re.findall(rb"<<[^<>]*/Subtype /Image[^<>]*", pdf)
        for width, height in [re.search(rb"/Width (\d+)\s*/Height (\d+)", header).groups()]
    ]
    # Twice as many pixels as on the screen: crisp on paper.
    assert any(width >= 600 for width, _ in pictures) and len(pictures) >= 2, pictures
