"""nbconvert runs a notebook of this kernel and prints it: every output shows, the pictures stand in the page."""

import base64
import io
import re
import subprocess
import sys

import nbformat
import pytest
from bs4 import BeautifulSoup
from PIL import Image

CELLS = [
    'print("printed < 1");\ndebug("trouble");',
    "show_grid(rand([6, 1, 8, 8]))",
    "plot([0.0, 1.0, 2.0], [1.0, 0.5, 0.25])",
    "animate([heatmap(rand([8, 8])), heatmap(rand([8, 8]))])",
    'let curves = live_plot("losses"); for i in 0..5 { curves.push(i, #{ V: 1.0 / (i + 1) }); }',
    "tensor([[1.0, 2.0], [3.0, 4.0]])",
    "summary(sequential([linear(4, 2), relu()]))",
    "%memory",
    "matmul(zeros([2, 3]), zeros([4, 5]))",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a notebook that nbconvert has executed."""
    folder = tmp_path_factory.mktemp("nbconvert")
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "saddle", "display_name": "Saddlepoint", "language": "rhai"}}
    )
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    notebook.cells[-1].metadata.tags = ["raises-exception"]
    nbformat.write(notebook, folder / "in.ipynb")
    convert(folder, "notebook", "in.ipynb", "--execute", "--output", "run.ipynb")
    return folder


def convert(folder, to, *arguments):
    command = [sys.executable, "-m", "nbconvert", "--to", to, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    # It says so when an output has no type that it knows. The alternative texts of pictures, which are in their metadata, are
    # read by its template `classic` only.
    complaints = [line for line in done.stderr.splitlines() if "WARN" in line and "Alternative text" not in line]
    assert not complaints and "Traceback" not in done.stderr, done.stderr


def test_the_executed_notebook_is_valid_and_complete(folder):
    notebook = nbformat.read(folder / "run.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert [cell.execution_count for cell in notebook.cells] == list(range(1, len(CELLS) + 1))
    assert all(cell.outputs for cell in notebook.cells)
    assert notebook.metadata.language_info.pygments_lexer == "rust"


def test_the_page_shows_every_output_with_its_pictures_in_it(folder):
    convert(folder, "html", "run.ipynb", "--output", "page.html")
    page = BeautifulSoup((folder / "page.html").read_text(), "html.parser")
    cells = page.select(".jp-CodeCell")
    assert len(cells) == len(CELLS)
    for cell, source in zip(cells, CELLS, strict=True):
        outputs = cell.select(".jp-OutputArea-output")
        assert outputs, f"nothing is shown for {source}"
        assert all(output.get_text(strip=True) or output.find("img") for output in outputs), source
    assert "printed < 1" in cells[0].get_text() and "trouble" in cells[0].get_text()
    pictures = page.select(".jp-OutputArea-output img")
    assert len(pictures) == 4
    frames = []
    for picture in pictures:
        data = re.fullmatch(r"data:image/png;base64,(.*)", picture["src"], re.DOTALL).group(1)
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            image.load()
            assert image.format == "PNG"
            # As wide on the page as in JupyterLab: half as many pixels as it has.
            assert abs(int(picture["width"]) * 2 - image.width) <= 2
            frames.append(getattr(image, "n_frames", 1))
    assert sorted(frames) == [1, 1, 1, 2], "the animation moves"
    error = cells[-1].get_text()
    assert "ShapeError" in error and "\x1b" not in error and "[2, 3]" in error


def test_who_cannot_see_a_picture_is_told_what_it_is(folder):
    convert(folder, "html", "run.ipynb", "--template", "classic", "--output", "classic.html")
    page = BeautifulSoup((folder / "classic.html").read_text(), "html.parser")
    texts = [picture["alt"] for picture in page.select(".output img")]
    assert [text.split()[0] for text in texts] == ["grid", "plot:", "animation", "live"]


def test_the_latex_has_every_picture_as_a_file(folder):
    convert(folder, "latex", "run.ipynb", "--output", "paper")
    tex = (folder / "paper.tex").read_text()
    assert tex.count(r"\begin{document}") == tex.count(r"\end{document}") == 1
    files = re.findall(r"\{([^{}]*_files/[^{}]*)\}", tex)
    # As many as the page has.
    assert len(set(files)) == 4, files
    for file in files:
        with Image.open(folder / file) as image:
            image.load()
            assert image.format == "PNG", "what LaTeX can include"
    assert "printed \\textless{} 1" in tex or "printed < 1" in tex
    assert "\x1b" not in tex


def test_the_code_alone_is_a_script_that_runs(folder):
    convert(folder, "script", "run.ipynb", "--output", "script")
    assert (folder / "script.rhai").read_text().count("show_grid") == 1
