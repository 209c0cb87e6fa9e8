"""`saddle test`: notebooks compared with what is stored in them, judged beside nbval where that has an opinion."""

import base64
import io
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

import nbformat
import psutil
import pytest
from bs4 import BeautifulSoup
from PIL import Image, ImageDraw


@pytest.fixture
def stored(saddle):
    """Writes a notebook of these cells that has been run; its path."""

    def write(name, *cells, tags=(), **options):
        path = saddle.notebook(name, *cells, tags=tags)
        done = saddle("run", path, "-o", path, **options)
        assert done.returncode == 0, done.stderr
        return path

    return write


def edit(path, change):
    """Applies `change` to the notebook in the file."""
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)


def cases(path):
    """The cases of a JUnit report: what became of each."""
    found = []
    for case in xml.parse(path).getroot().iter("testcase"):
        problems = [element.tag for element in case]
        assert len(problems) <= 1
        found.append(problems[0] if problems else "passed")
    return found


CELLS = ['print("one"); print("two");\n40 + 2', "fn half(x) { x / 2.0 }\nlet a = half(3);", "a"]


def test_a_notebook_agrees_with_itself_and_a_change_is_shown(saddle, stored):
    source = stored("n.ipynb", *CELLS)
    done = saddle("test", source)
    assert done.returncode == 0, done.stdout
    assert "3 same, 0 different" in done.stdout
    source.write_text(source.read_text().replace('"1.5"', '"1.6"'))
    done = saddle("test", source)
    assert done.returncode == 1
    assert "cell 3: a" in done.stdout and "- 1.6" in done.stdout and "+ 1.5" in done.stdout
    assert saddle("test", "--tolerance", "0.1", source).returncode == 0


def test_each_notebook_has_a_session_of_its_own_and_a_folder_stands_for_its_notebooks(saddle):
    (saddle.folder / "all").mkdir()
    saddle.notebook("all/good.ipynb", "let a = 1;")
    saddle.notebook("all/leaning.ipynb", "a")
    done = saddle("test", "all")
    assert done.returncode == 1
    assert "1 notebooks passed, 1 failed" in done.stdout
    assert done.stdout.index("good.ipynb") < done.stdout.index("leaning.ipynb")
    (saddle.folder / "none").mkdir()
    done = saddle("test", "none")
    assert done.returncode == 2 and "there is no notebook in the folder none" in done.stderr


def test_a_notebook_with_no_outputs_says_how_to_get_them(saddle):
    source = saddle.notebook("n.ipynb", "40 + 2")
    done = saddle("test", source)
    assert done.returncode == 1 and "--update" in done.stdout
    assert saddle("test", "--update", source).returncode == 0
    notebook = nbformat.read(source, as_version=4)
    assert notebook.cells[0].outputs[0]["data"]["text/plain"] == "42" and notebook.cells[0].execution_count == 1
    assert saddle("test", source).returncode == 0


# --- marks, beside nbval ---------------------------------------------------------------------------------------------

MARKED = [
    # code, tags, what is stored for it
    ("1 + 1", [], "2"),
    ("1 + 2", [], "wrong"),
    ("1 + 3", ["nbval-ignore-output"], "wrong"),
    ("/*\n# NBVAL_IGNORE_OUTPUT\n*/\n1 + 4", [], "wrong"),
    ("/*\n# PYTEST_VALIDATE_IGNORE_OUTPUT\n*/\n1 + 5", [], "wrong"),
    ("/*\n# NBVAL_CHECK_OUTPUT\n*/\n1 + 6", ["nbval-ignore-output"], "wrong"),
    ("/*\n# NBVAL_SKIP\n*/\nloop {}", [], None),
    ("loop {}", ["nbval-skip"], None),
    ('throw "a"', ["raises-exception"], None),
    ('/*\n# NBVAL_RAISES_EXCEPTION\n*/\nthrow "b"', [], None),
    ("1 + 7", ["nbval-check-output"], "8"),
    ("1 + 8", ["nbval-check-output"], "wrong"),
]


@pytest.mark.parametrize("lax", [False, True])
def test_the_marks_of_nbval_mean_what_they_mean_to_nbval(saddle, lax):
    path = saddle.notebook("marked.ipynb", *(code for code, _, _ in MARKED))

    def store(notebook):
        for number, (cell, (_, tags, result)) in enumerate(zip(notebook.cells, MARKED, strict=True), 1):
            cell.metadata.tags, cell.execution_count = tags, number
            if result:
                data = {"text/plain": result}
                cell.outputs = [nbformat.v4.new_output("execute_result", data=data, execution_count=number)]
            elif "throw" in cell.source:
                value = cell.source[-2]
                cell.outputs = [nbformat.v4.new_output("error", ename="Thrown", evalue=value, traceback=[])]

    edit(path, store)
    ours = saddle("test", path, "--junit", "ours.xml", *["--lax"] * lax)
    assert ours.returncode == 1
    mode = "--nbval-lax" if lax else "--nbval"
    nbval = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", mode, "--junitxml=theirs.xml", path]
    subprocess.run(nbval, cwd=saddle.folder, capture_output=True, timeout=120)
    theirs = cases(saddle.folder / "theirs.xml")
    assert len(theirs) == len(MARKED) and {"passed", "failure", "skipped"} == set(theirs)
    assert cases(saddle.folder / "ours.xml") == theirs


def test_marks_after_two_slashes_and_limits_of_single_cells(saddle, stored):
    source = stored("n.ipynb", "0.5", "// NBVAL_IGNORE_OUTPUT\n1", "// SADDLE_TOLERANCE 0.1\n1.0", "2.0")
    edit(source, lambda notebook: [cell.outputs[0]["data"].update({"text/plain": "1.05"}) for cell in notebook.cells])
    saddle("test", source, "--junit", "r.xml")
    assert cases(saddle.folder / "r.xml") == ["failure", "passed", "passed", "failure"]


# --- pictures --------------------------------------------------------------------------------------------------------


def repaint(path, paint):
    """Draws into the stored picture of the first cell."""

    def change(notebook):
        data = notebook.cells[0].outputs[0]["data"]
        picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGBA")
        picture = paint(picture) or picture
        file = io.BytesIO()
        picture.save(file, "PNG")
        data["image/png"] = base64.b64encode(file.getvalue()).decode()

    edit(path, change)


def nudge(picture):
    """What rounding may do: every other pixel is off by one."""
    for x in range(0, picture.width, 2):
        for y in range(picture.height):
            *colour, opacity = picture.getpixel((x, y))
            picture.putpixel((x, y), (*(max(0, value - 1) for value in colour), opacity))


def blot(picture):
    ImageDraw.Draw(picture).ellipse((40, 40, 60, 55), fill=(200, 30, 30, 255))


def crop(picture):
    return picture.crop((0, 0, picture.width - 3, picture.height))


PLOT = "plot([0.0, 1.0, 2.0, 3.0], [1.0, 0.5, 0.25, 0.125])"


@pytest.mark.parametrize(
    ("paint", "status", "said"),
    [(nudge, 0, "1 same"), (blot, 1, "at least 0.9 is wanted"), (crop, 1, "pixels are stored, now there are")],
)
def test_pictures_are_compared_by_their_looks(saddle, stored, paint, status, said):
    source = stored("n.ipynb", PLOT)
    assert saddle("test", source).returncode == 0
    repaint(source, paint)
    done = saddle("test", source)
    assert (done.returncode, said in done.stdout) == (status, True), done.stdout
    assert saddle("test", source, "--similarity", "0").returncode == (status if paint is crop else 0)


def test_the_page_shows_both_values_and_both_pictures(saddle, stored):
    source = stored("n.ipynb", PLOT, 'print("<i>old</i>");', "40 + 2")
    repaint(source, blot)
    edit(source, lambda notebook: notebook.cells[1].update(source='print("<i>new</i>");'))
    done = saddle("test", source, "--html", "report.html")
    assert done.returncode == 1
    text = (saddle.folder / "report.html").read_text()
    page = BeautifulSoup(text, "html.parser")
    sizes = []
    for picture in page.find_all("img"):
        data = re.fullmatch(r"data:image/png;base64,(.*)", picture["src"]).group(1)
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            sizes.append(image.size)
    assert len(sizes) == 3 and len(set(sizes)) == 1, "stored, now, and where they differ"
    captions = [caption.get_text() for caption in page.find_all("figcaption")]
    assert captions == ["stored", "now", "where they differ", "stored", "now"]
    assert [mark.get_text() for mark in page.find_all(["del", "ins"])] == ["<i>old</i>", "<i>new</i>"]
    assert [heading.get_text() for heading in page.find_all("h3")] == ["Cell 1", "Cell 2"]
    assert "prefers-color-scheme: dark" in text
    for foreign in ["<script", "<link", 'src="http', "url(", "@import"]:
        assert foreign not in text


def test_a_live_display_is_compared_by_its_final_state(saddle, stored):
    source = stored("n.ipynb", 'for i in 0..30 { show_grid("live", full([1, 1, 8, 8], i / 29.0)); sleep(0.02); }')
    notebook = nbformat.read(source, as_version=4)
    assert len(notebook.cells[0].outputs) == 1
    assert saddle("test", source).returncode == 0
    # The last state is what counts, not how it was reached.
    edit(source, lambda notebook: notebook.cells[0].update(source='show_grid("live", full([1, 1, 8, 8], 1.0));'))
    assert saddle("test", source).returncode == 0
    edit(source, lambda notebook: notebook.cells[0].update(source='show_grid("live", full([1, 1, 8, 8], 0.5));'))
    assert saddle("test", source).returncode == 1


def test_a_bar_that_tells_the_time_does_not_make_a_difference(saddle, stored):
    source = stored("n.ipynb", "for i in progress(0..3) { sleep(0.2); }")
    edit(source, lambda notebook: notebook.cells[0].update(source="for i in progress(0..3) { sleep(0.5); }"))
    done = saddle("test", source)
    assert done.returncode == 0, done.stdout


# --- the run ---------------------------------------------------------------------------------------------------------


def test_several_notebooks_run_at_a_time(saddle):
    # Each waits for the other: neither ends unless both run.
    wait = 'save("{0}.npy", zeros([1])); loop {{ try {{ load("{1}.npy"); break; }} catch {{ sleep(0.05); }} }}'
    for a, b in ("ab", "ba"):
        saddle.notebook(f"{a}.ipynb", wait.format(a, b))
    assert saddle("test", "--jobs", 2, "--timeout", 60, "a.ipynb", "b.ipynb").returncode == 0


def test_a_cell_that_takes_too_long_is_stopped(saddle, stored):
    source = saddle.notebook("n.ipynb", "let a = 1;", "loop {}", "a")
    done = saddle("test", "--timeout", 1, source, "--junit", "r.xml")
    assert done.returncode == 1
    assert "cell 2: loop {}" in done.stdout and "more than 1 s (--timeout)" in done.stdout
    assert cases(saddle.folder / "r.xml") == ["passed", "error", "skipped"]


def worker_of(process):
    """The process in which the notebook runs, once its cell does."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for child in psutil.Process(process.pid).children(recursive=True):
            if child.is_running() and child.cpu_times().user > 0.3:
                return child
        time.sleep(0.05)
    raise AssertionError("no process runs the notebook")


def test_a_killed_worker_takes_only_its_own_notebook(saddle, stored):
    endless = saddle.notebook("endless.ipynb", "loop {}")
    good = stored("good.ipynb", "40 + 2")
    running = saddle.start("test", endless, good)
    worker_of(running).kill()
    out, _ = running.communicate(timeout=30)
    assert running.returncode == 1
    assert "cell 1: loop {}" in out and "the process that ran the cell was killed" in out
    assert "1 notebooks passed, 1 failed" in out


def test_no_worker_outlives_the_command(saddle):
    running = saddle.start("test", saddle.notebook("n.ipynb", "loop {}"))
    worker = worker_of(running)
    running.kill()
    running.communicate()
    psutil.wait_procs([worker], timeout=3)
    assert not worker.is_running()


def test_ctrl_c_stops_the_cell_and_the_notebooks_behind_it(saddle):
    first, second = (saddle.notebook(name, "loop {}") for name in ("a.ipynb", "b.ipynb"))
    running = saddle.start("test", first, second)
    worker = worker_of(running)
    pressed = time.monotonic()
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=10)
    assert running.returncode == 130 and time.monotonic() - pressed < 2
    assert "interrupted" in out and "1 not tested" in out
    assert not worker.is_running()


def test_what_cannot_be_read_is_named_and_the_others_are_tested(saddle, stored):
    good = stored("good.ipynb", "40 + 2")
    (saddle.folder / "bad.ipynb").write_text("{")
    done = saddle("test", "missing.ipynb", "bad.ipynb", good, "--junit", "r.xml", "--html", "r.html")
    assert done.returncode == 1
    assert "cannot read missing.ipynb" in done.stdout and "not valid JSON" in done.stdout
    assert "1 notebooks passed, 2 failed" in done.stdout
    assert cases(saddle.folder / "r.xml") == ["error", "error", "passed"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--tolerance", "-1"], "not a fraction"),
        (["--similarity", "2"], "more than any picture reaches"),
        (["--timeout", "-3"], "not a number of seconds"),
        (["--jobs", "0"], "--jobs 0"),
        (["--html", "no/such/r.html"], "folder does not exist"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_anything_runs(saddle, options, complaint):
    options = [f"{options[0]}={options[1]}"]
    done = saddle("test", saddle.notebook("n.ipynb", "loop {}"), *options, timeout=20)
    assert done.returncode == 2 and complaint in done.stderr, done.stderr


# --- storing ---------------------------------------------------------------------------------------------------------


def test_an_update_rewrites_the_outputs_that_differ_and_nothing_else(saddle, stored):
    source = stored("n.ipynb", PLOT, 'print("kept 0.5000000");', 'print("a"); show("b"); 1')
    repaint(source, nudge)
    edit(source, lambda notebook: notebook.cells[1].outputs[0].update(text="kept 0.5000001\n"))
    edit(source, lambda notebook: notebook.cells[2].update(source='print("a"); show("c"); 1'))
    os.chmod(source, 0o640)
    before = nbformat.read(source, as_version=4)
    done = saddle("test", "--update", source)
    assert done.returncode == 0 and "1 cell updated" in done.stdout
    after = nbformat.read(source, as_version=4)
    nbformat.validate(after)
    assert after.cells[:2] == before.cells[:2], "not even their bytes"
    changed = [old != new for old, new in zip(before.cells[2].outputs, after.cells[2].outputs, strict=True)]
    assert changed == [False, True, False]
    assert source.stat().st_mode & 0o777 == 0o640
    stamp = source.read_bytes()
    done = saddle("test", "--update", source)
    assert done.returncode == 0 and "nothing to update" in done.stdout
    assert source.read_bytes() == stamp
    assert saddle("test", source).returncode == 0


def test_a_failing_notebook_is_not_updated(saddle, stored):
    source = stored("n.ipynb", "1", "2")
    edit(source, lambda notebook: notebook.cells[0].update(source="3"))
    edit(source, lambda notebook: notebook.cells[1].update(source='throw "boom"'))
    stamp = source.read_bytes()
    done = saddle("test", "--update", source)
    assert done.returncode == 1 and "boom" in done.stdout
    assert source.read_bytes() == stamp
