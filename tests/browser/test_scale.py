"""A page that is shown far more than it can hold stays usable."""

import time

import nbformat
from conftest import ARTIFACTS
from jupyterlab import Notebook
from nbformat import v4

NAME = "scale.ipynb"


def test_a_million_lines_leave_the_page_usable(page, lab, workspace):
    empty = v4.new_notebook(
        metadata={"kernelspec": {"name": "saddle", "display_name": "Saddlepoint", "language": "rhai"}},
        cells=[v4.new_code_cell("")],
    )
    nbformat.write(empty, workspace / NAME)
    notebook = Notebook(page, lab, NAME)
    flood = notebook.add_cell("for i in 0..1000000 { print(i); }")
    notebook.run_cell()
    notebook.output_of(flood, "lines left out", timeout_s=90)
    notebook.wait_until_idle()
    # The pieces of both streams are in the order of the cell.
    text = flood.locator(".jp-OutputArea").inner_text()
    assert text.index("… more text follows") < text.index("lines left out") < text.index("999999")
    assert "IOPub" not in text
    began = time.monotonic()
    after = notebook.add_cell("40 + 2")
    notebook.run_cell()
    notebook.output_of(after, "42")
    assert time.monotonic() - began < 10
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / "scale.png")
