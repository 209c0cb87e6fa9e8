"""`saddle run`: notebooks without Jupyter, judged by Jupyter's own libraries."""

import json
import os
import signal
import subprocess
import time

import nbclient
import nbformat
import pytest


def outputs_of(path):
    """The outputs of each cell, without what may differ between two runs."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = []
    for cell in notebook.cells:
        outputs = []
        for output in cell.get("outputs", []):
            output.pop("traceback", None)
            outputs.append(dict(output))
        cells.append((cell.get("execution_count"), outputs))
    return cells


CELLS = [
    'print("one"); print("two");\n40 + 2',
    "fn half(x) { x / 2.0 }\nlet a = half(3);",
    "a",
    "undefined_name",
]


def test_the_file_is_written_exactly_as_nbformat_writes_it(saddle):
    source = saddle.notebook("source.ipynb", *CELLS[:3])
    done = saddle("run", source, "-o", "out.ipynb")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    out = saddle.folder / "out.ipynb"
    notebook = nbformat.read(out, as_version=4)
    nbformat.validate(notebook)
    assert out.read_text() == nbformat.writes(notebook) + "\n"


def test_outputs_are_those_that_nbclient_gets_from_the_kernel(saddle):
    source = saddle.notebook("source.ipynb", *CELLS, tags=["raises-exception"])
    assert saddle("run", source, "-o", "ours.ipynb").returncode == 0
    notebook = nbformat.read(source, as_version=4)
    nbclient.NotebookClient(notebook, coalesce_streams=True).execute()
    nbformat.write(notebook, saddle.folder / "theirs.ipynb")
    assert outputs_of(saddle.folder / "ours.ipynb") == outputs_of(saddle.folder / "theirs.ipynb")


def test_without_an_output_file_what_cells_print_is_printed(saddle):
    done = saddle("run", saddle.notebook("n.ipynb", *CELLS[:3]))
    assert (done.returncode, done.stdout) == (0, "one\ntwo\n42\n1.5\n")


def test_an_error_ends_the_run_and_is_kept(saddle):
    source = saddle.notebook("n.ipynb", "let a = 1;", "a +\nundefined_name", "a")
    done = saddle("run", source, "-o", "out.ipynb")
    assert done.returncode == 1
    assert "undefined_name" in done.stderr and "cell 2 of 3" in done.stderr
    assert "\x1b" not in done.stderr, "no colours where there is no terminal"
    counts = [count for count, _ in outputs_of(saddle.folder / "out.ipynb")]
    assert counts == [1, 2, None]
    assert saddle("run", source, "--keep-going", "-o", "out.ipynb").returncode == 1
    assert [count for count, _ in outputs_of(saddle.folder / "out.ipynb")] == [1, 2, 3]


@pytest.mark.parametrize("code", ["loop {}", "let x = 0; while true { x += 1; }", "fn f(n) { loop { n += 1; } }\nf(1)"])
def test_ctrl_c_stops_the_cell_within_100_ms(saddle, code):
    source = saddle.notebook("n.ipynb", "let a = 42; a", 'save("begun.npy", ones([1]));\n' + code, "a")
    running = saddle.start("run", source, "-o", "out.ipynb")
    deadline = time.monotonic() + 60
    while not (saddle.folder / "begun.npy").exists():
        assert time.monotonic() < deadline and running.poll() is None, running.communicate()
        time.sleep(0.01)
    time.sleep(0.1)
    pressed = time.monotonic()
    running.send_signal(signal.SIGINT)
    _, complaint = running.communicate(timeout=10)
    assert running.returncode == 130
    assert time.monotonic() - pressed < 0.1 + 0.05, "100 ms, and the process's own end"
    assert "KeyboardInterrupt" in complaint
    cells = outputs_of(saddle.folder / "out.ipynb")
    assert [count for count, _ in cells] == [1, 2, None]
    assert cells[0][1][0]["data"]["text/plain"] == "42"


def test_a_script_runs_and_says_where_it_failed(saddle):
    script = saddle.folder / "s.rhai"
    script.write_text("let a = 20;\nprint(a * 2);\na + undefined_name\n")
    done = saddle("run", script)
    assert (done.returncode, done.stdout) == (1, "40\n")
    assert "line 3" in done.stderr and "undefined_name" in done.stderr


def test_figures_of_others_in_the_folder_of_temporary_files_are_not_taken(saddle, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (tmp_path / "victim").write_text("")
    script = tmp_path / "s.rhai"
    script.write_text('report("own", 1);')
    # The process that is to be run makes the traps itself: then their names have its number.
    trap = f"""cd {temporary}
        for end in "" -0; do ln -s ../victim saddle-figures-$$$end; done
        echo '{{"what":"foreign","value":1}}' > saddle-figures-$$-1
        exec {saddle.program} run --json {script}"""
    done = subprocess.run(["sh", "-c", trap], capture_output=True, text=True, env=dict(os.environ, TMPDIR=str(temporary)))
    assert [figure["what"] for figure in json.loads(done.stdout)["figures"]] == ["own"], done.stderr
    assert (tmp_path / "victim").read_text() == ""
    assert len(list(temporary.glob("saddle-figures-*"))) == 3, "its own file is removed"


def test_a_page_needs_nothing_but_itself(saddle):
    source = saddle.notebook("n.ipynb", 'print("a < b");')
    assert saddle("run", source, "-o", "out.html").returncode == 0
    page = (saddle.folder / "out.html").read_text()
    assert "a &lt; b" in page and "prefers-color-scheme: dark" in page
    for foreign in ["<script", "<link", "src=\"http", "url(", "@import"]:
        assert foreign not in page


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("missing.ipynb", None, "cannot read"),
        ("damaged.ipynb", '{"nbformat": 4, "cells": [', "not valid JSON"),
        ("old.ipynb", '{"nbformat": 3, "worksheets": []}', "format 3"),
        ("python.ipynb", '{"nbformat": 4, "metadata": {"kernelspec": {"language": "python"}}, "cells": []}', "python"),
        ("notes.txt", "hello", "neither a notebook nor a script"),
    ],
)
def test_what_cannot_be_run_is_named(saddle, name, text, complaint):
    if text is not None:
        (saddle.folder / name).write_text(text)
    done = saddle("run", name)
    assert done.returncode == 2
    assert complaint in done.stderr and name in done.stderr
    assert "panicked" not in done.stderr


def test_an_output_that_cannot_be_written_is_refused_before_the_run(saddle):
    source = saddle.notebook("n.ipynb", "loop {}")
    for out, complaint in [("out.txt", ".ipynb or .html"), ("no/such/out.html", "folder does not exist")]:
        done = saddle("run", source, "-o", out, timeout=10)
        assert done.returncode == 2 and complaint in done.stderr
