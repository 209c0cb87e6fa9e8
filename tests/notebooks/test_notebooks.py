"""The notebooks of this repository: `saddle test` finds what is stored in each, and nbclient executes a short one."""

import os
import subprocess
from pathlib import Path

import nbclient
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# Each is to take at most 90 s on two cores; a loaded machine may need more.
CELL_S = 300


# The longest come first, so that none of them runs alone on one core while nothing is left for the others.
LONG = "39 38 12 17 14 15 40 36 25 34 20 33 21 18 05 16 30 22 06 24 00 08 13".split()


def by_length(path):
    number = path.stem[:2]
    return LONG.index(number) if number in LONG else len(LONG)


@pytest.fixture(params=sorted(NOTEBOOKS, key=by_length), ids=lambda path: path.stem)
def notebook(request):
    return request.param


def test_is_valid_and_stored_with_outputs_of_this_kernel(notebook):
    document = nbformat.read(notebook, as_version=4)
    nbformat.validate(document)
    assert document.metadata.kernelspec.name == "saddle"
    first = nbformat.read(NOTEBOOKS[0], as_version=4)
    assert document.metadata.language_info == first.metadata.language_info, "as the kernel says it: nothing to save anew"
    code = [cell for cell in document.cells if cell.cell_type == "code" and cell.source.strip()]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run from start to end, in order"
    checks = [cell for cell in code if "check(" in cell.source]
    assert checks, "a notebook proves what it shows"


def test_nbclient_stores_what_is_stored_of_the_language():
    # nbval runs more of them through Jupyter's own client.
    notebook = ROOT / "notebooks" / "03_any_order.ipynb"
    document = nbformat.read(notebook, as_version=4)
    stored = dict(document.metadata.language_info)
    nbclient.NotebookClient(document, timeout=CELL_S, resources={"metadata": {"path": str(notebook.parent)}}).execute()
    assert dict(document.metadata.language_info) == stored


def test_saddle_test_finds_what_is_stored(notebook):
    done = subprocess.run([os.environ["SADDLE"], "test", notebook], capture_output=True, text=True, timeout=4 * CELL_S)
    assert done.returncode == 0, done.stdout + done.stderr
