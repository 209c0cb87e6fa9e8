"""Papermill with the package in `kernel/`, installed by pip as a user does: parameters reach the cells as they were given."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PARAMETERS = """let steps = 2000;   // how long to train
let m = 64; /* a /* nested */ ; */ let name = "a;b";
let adam = #{
    lr: 2e-4,
    betas: [0.5, 0.999],
};  // of both networks
const on = true; let none = ();"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The folder into which pip installed `kernel/`."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--target", folder, ROOT / "kernel"], check=True, timeout=120)
    return folder


@pytest.fixture
def papermill(package, tmp_path):
    def run(*arguments, **options):
        command = [sys.executable, "-m", "papermill", "--no-progress-bar", *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(package)}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, **options
        )

    return run


@pytest.fixture
def notebook(tmp_path):
    def write(*cells, parameters=PARAMETERS):
        document = nbformat.v4.new_notebook(
            metadata={"kernelspec": {"name": "saddle", "display_name": "Saddlepoint", "language": "rhai"}}
        )
        document.cells = [nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})]
        document.cells += map(nbformat.v4.new_code_cell, cells)
        nbformat.write(document, tmp_path / "in.ipynb")

    return write


def printed(path):
    """What the cells of a notebook printed, in all."""
    document = nbformat.read(path, as_version=4)
    outputs = [output for cell in document.cells for output in cell.get("outputs", [])]
    return "".join(output["text"] for output in outputs if output["output_type"] == "stream")


def test_a_parameter_takes_the_place_of_its_default(papermill, notebook, tmp_path):
    notebook("print(steps); print(m);")
    done = papermill("in.ipynb", "out.ipynb", "-p", "steps", 10, "-k", "saddle")
    assert done.returncode == 0, done.stderr
    assert "unknown parameter" not in done.stderr
    assert printed(tmp_path / "out.ipynb") == "10\n64\n"
    injected = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[1]
    assert injected.metadata.tags == ["injected-parameters"]
    assert injected.source == "// Parameters\nlet steps = 10;\n"


def test_papermill_reads_the_parameters_that_a_cell_declares(papermill, notebook):
    notebook()
    done = papermill("--help-notebook", "in.ipynb")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[lines.index("steps: int (default 2000) how long to train") :] == [
        "steps: int (default 2000) how long to train",
        "m: int (default 64)",
        'name: text (default "a;b")',
        "adam: map (default #{ lr: 2e-4, betas: [0.5, 0.999], })",
        "of both networks",
        "on: bool (default true)",
        "none: NoneType (default ())",
    ]


TEXTS = [
    "",
    "plain",
    'she said "D(x)" \\ \'z\' `w` ${x} #{a: 1}',
    "line\nreturn\rtab\tbell\x07 nul\x00 del\x7f",
    "größe 数 😀 👩‍👩‍👧 e\u0301 \u00a0 \u2028 \ufeff \U000e0001",
    "// not a comment /* nor this",
    "\\u0041 \\x41 %s {} \\",
]


def test_texts_arrive_character_for_character(papermill, notebook, tmp_path):
    # Printed as numbers, so that nothing on the way back can hide a loss.
    notebook("for t in texts { let codes = ``; for c in t { codes += `${c.to_int()} `; } print(codes); }", parameters="")
    (tmp_path / "p.yaml").write_text(yaml.safe_dump({"texts": TEXTS}))
    done = papermill("in.ipynb", "out.ipynb", "-f", "p.yaml")
    assert done.returncode == 0, done.stderr
    lines = printed(tmp_path / "out.ipynb").splitlines()
    assert ["".join(chr(int(code)) for code in line.split()) for line in lines] == TEXTS


NUMBERS = [0, -1, 2**63 - 1, -(2**63), 0.0, -0.0, 1.0, 0.1, -2.5e-7, 1e16, 1e22, 5e-324, 1.7976931348623157e308]


def test_numbers_arrive_exactly(papermill, notebook, tmp_path):
    notebook("for x in numbers { print(`${type_of(x)} ${x}`); }", parameters="")
    (tmp_path / "p.yaml").write_text(yaml.safe_dump({"numbers": NUMBERS}))
    done = papermill("in.ipynb", "out.ipynb", "-f", "p.yaml")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in printed(tmp_path / "out.ipynb").splitlines()]
    read = [float(text) if kind == "float" else int(text) for kind, text in lines]
    assert [(type(x), str(x)) for x in read] == [(type(x), str(x)) for x in NUMBERS]


def test_other_values_arrive_as_what_rhai_has_for_them(papermill, notebook, tmp_path):
    checks = [
        "`${up}` == `inf` && `${down}` == `-inf`",
        "nothing.is_nan()",
        "none == ()",
        "yes && !no",
        "empty_list == [] && empty_map == #{}",
        'deep["a key"][1].inner == [(), [1, 2.5], "x"]',
        'deep[""] == 0',
    ]
    notebook(*(f"print({check});" for check in checks), parameters="")
    deep = "{a key: [1, {inner: [null, [1, 2.5], x]}], '': 0}"
    simple = "{up: .inf, down: -.inf, nothing: .nan, none: null, yes: true, no: false, empty_list: [], empty_map: {}}"
    # Quoted, for YAML 1.1 takes yes and no for booleans.
    simple = simple.replace("yes:", "'yes':").replace("no:", "'no':")
    done = papermill("in.ipynb", "out.ipynb", "-y", simple, "-y", f"{{deep: {deep}}}")
    assert done.returncode == 0, done.stderr
    assert printed(tmp_path / "out.ipynb") == "true\n" * len(checks)


def test_values_of_the_command_line_are_typed_as_papermill_types_them(papermill, notebook, tmp_path):
    notebook("print([type_of(a), type_of(b), type_of(c), type_of(d), type_of(e)]);", parameters="")
    done = papermill("in.ipynb", "out.ipynb", *"-p a 1 -p b 2e-4 -p c True -p d None -r e 1".split())
    assert done.returncode == 0, done.stderr
    assert json.loads(printed(tmp_path / "out.ipynb")) == ["int", "float", "bool", "nothing", "text"]


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("seed", 2**63, "does not fit into the 64 bits"),
        ("größe", 1, "cannot be the name of a parameter"),
        ("a; print", 1, "cannot be the name of a parameter"),
    ],
)
def test_what_rhai_cannot_write_is_refused_before_anything_runs(papermill, notebook, tmp_path, name, value, complaint):
    notebook("print(1);")
    done = papermill("in.ipynb", "out.ipynb", "-p", name, value)
    assert done.returncode != 0 and complaint in done.stderr
    assert not (tmp_path / "out.ipynb").exists()


def test_python_values_beyond_json_are_translated_or_refused(package):
    script = """
import numpy, pathlib, saddlepoint_papermill.engine
from papermill.exceptions import PapermillException
from papermill.translators import translate_parameters
def rhai(value):
    return translate_parameters("saddle", "rhai", {"v": value}).splitlines()[1]
print(rhai((1, numpy.int64(2), numpy.float32(0.5), numpy.float64(1e-5), pathlib.PurePosixPath("a/b"))))
print(translate_parameters("my-own-name", "rhai", {}, "two\\nlines"))
for value in ({1, 2}, b"bytes", 1j, "\\ud800"):
    try:
        print("not refused:", rhai(value))
    except PapermillException as refusal:
        print("refused")
"""
    environment = {**os.environ, "PYTHONPATH": str(package)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.split("\n") == [
        'let v = [1, 2, 0.5, 1e-05, "a/b"];',
        "// two lines",
        "",
        *["refused"] * 4,
        "",
    ], done.stderr


@pytest.mark.parametrize("first", ["papermill", "saddlepoint_papermill.engine"])
def test_it_does_not_matter_which_is_imported_first(package, first):
    script = f"import {first}; from papermill.translators import translate_parameters as t; print(t('k', 'rhai', {{}}))"
    environment = {**os.environ, "PYTHONPATH": str(package)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "// Parameters"), done.stderr


def test_a_failing_cell_fails_papermill_and_the_output_shows_where(papermill, notebook, tmp_path):
    notebook("let x = 1;", "throw `steps = ${steps}`", "print(3);")
    done = papermill("in.ipynb", "out.ipynb", "-p", "steps", 7, "--engine", "saddle")
    assert done.returncode != 0 and "steps = 7" in done.stderr
    document = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert [o.evalue for c in document.cells for o in c.get("outputs", []) if o.output_type == "error"] == ["steps = 7"]
    assert document.cells[-1].execution_count is None


def test_the_package_has_the_version_of_the_kernel(package):
    versions = [line for line in (ROOT / "Cargo.toml").read_text().splitlines() if line.startswith("version = ")]
    [metadata] = package.glob("saddlepoint_papermill-*.dist-info")
    assert versions == [f'version = "{metadata.stem.removeprefix("saddlepoint_papermill-")}"']
