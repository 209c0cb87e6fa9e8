"""What the tests of the command line share: the binary under test (`SADDLE`), and notebooks made on the spot."""

import os
import subprocess
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]


class Saddle:
    """The `saddle` command, run in a folder of its own."""

    def __init__(self, folder):
        self.program = os.environ["SADDLE"]
        self.folder = folder

    def __call__(self, *arguments, **options):
        options.setdefault("cwd", self.folder)
        options.setdefault("timeout", 120)
        return subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True, **options)

    def start(self, *arguments, **options):
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [self.program, *map(str, arguments)], cwd=self.folder, stdout=pipe, stderr=pipe, text=True, **options
        )

    def with_parameters(self, defaults, *cells):
        """Writes `n.ipynb`, whose first cell holds the defaults of its parameters; its path."""
        path = self.notebook("n.ipynb", defaults, *cells)
        book = nbformat.read(path, as_version=4)
        book.cells[0].metadata["tags"] = ["parameters"]
        nbformat.write(book, path)
        return path

    def notebook(self, name, *cells, tags=()):
        """Writes a notebook of these code cells; its path. `tags` are those of every cell."""
        notebook = nbformat.v4.new_notebook(
            metadata={"kernelspec": {"name": "saddle", "display_name": "Saddlepoint", "language": "rhai"}}
        )
        for source in cells:
            notebook.cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)}))
        path = self.folder / name
        nbformat.write(notebook, path)
        return path


@pytest.fixture
def saddle(tmp_path):
    return Saddle(tmp_path)
