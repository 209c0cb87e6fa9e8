"""Engines that exist, started on this machine for the tests: Slurm with munge on one node, Dask, Ray, MPI, a kernel gateway. `tests/run scale`
installs them; a test whose engine is missing is skipped with the reason.
"""

import os
import sys
from pathlib import Path

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
from conftest import Saddle  # noqa: E402

# Two cores, shared: what is tested is who runs what, and not how fast.
os.environ.setdefault("SADDLE_THREADS", "1")


@pytest.fixture
def saddle(tmp_path):
    return Saddle(tmp_path)


@pytest.fixture
def notebook(saddle):
    def write(code, defaults="let seed = 0;"):
        path = saddle.notebook("n.ipynb", defaults, code)
        book = nbformat.read(path, as_version=4)
        book.cells[0].metadata["tags"] = ["parameters"]
        nbformat.write(book, path)
        return path

    return write
