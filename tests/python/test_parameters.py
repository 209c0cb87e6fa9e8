"""Parameters of a run: papermill's cells, types checked against the defaults, figures as JSON."""

import json

import nbformat
import pytest

DEFAULTS = 'let seed = 0;  // of the run\nlet lr = 2e-4; let name = "ring"; let fast = false; let betas = [0.5, 0.9];'
SHOW = "print(`${seed} ${lr} ${name} ${fast} ${betas}`);"


@pytest.fixture
def notebook(saddle):
    return lambda *cells: saddle.with_parameters(DEFAULTS, *cells)


def test_values_take_the_place_of_defaults_and_are_kept_as_papermill_keeps_them(saddle, notebook):
    source = notebook(SHOW)
    done = saddle("run", source, "-p", "seed=3", "-p", "lr=1", "-p", "name=a b", "-p", "fast=true", "-p", "betas=[0,1]")
    assert (done.returncode, done.stdout, done.stderr) == (0, "3 1.0 a b true [0, 1]\n", "")
    assert saddle("run", source, "-p", "seed=3", "-o", "out.ipynb").returncode == 0
    out = nbformat.read(saddle.folder / "out.ipynb", as_version=4)
    nbformat.validate(out)
    assert [cell.metadata.get("tags") for cell in out.cells] == [["parameters"], ["injected-parameters"], []]
    assert out.cells[1].source == "// Parameters\nlet seed = 3;\n"
    assert out.metadata.papermill.parameters == {"seed": 3}
    # Run again, the values are replaced and not added to.
    assert saddle("run", "out.ipynb", "-p", "seed=4", "-o", "out.ipynb").returncode == 0
    sources = [cell.source for cell in nbformat.read(saddle.folder / "out.ipynb", as_version=4).cells]
    assert sources == [DEFAULTS, "// Parameters\nlet seed = 4;\n", SHOW]


def test_a_file_of_parameters_and_the_command_line_over_it(saddle, notebook):
    (saddle.folder / "p.yaml").write_text("# of this run\nseed: 7\nlr: 1e-3\nname: 'x: y'\nbetas:\n  - 0.0\n  - 0.9\n")
    done = saddle("run", notebook(SHOW), "--parameters", "p.yaml", "-p", "seed=8")
    assert (done.returncode, done.stdout) == (0, "8 0.001 x: y false [0.0, 0.9]\n"), done.stderr


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ("sede=1", ["no parameter `sede`", "seed, lr, name, fast, betas"]),
        ("seed=1.5", ["`seed` is a whole number", "1.5"]),
        ("lr=fast", ["`lr` is a number"]),
        ("fast=1", ["`fast` is true or false"]),
        ("betas=1", ["`betas` is an array"]),
        ("seed", ["NAME=VALUE"]),
    ],
)
def test_what_does_not_fit_is_refused_before_the_run(saddle, notebook, argument, complaint):
    done = saddle("run", notebook("loop {}"), "-p", argument, timeout=20)
    assert done.returncode == 2
    assert all(part in done.stderr for part in complaint), done.stderr


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("seed: x", "a whole number"), ("- 1", "names with values"), ("a: [", "not YAML"), ("other: 1", "no parameter `other`")],
)
def test_a_file_that_does_not_fit_is_refused(saddle, notebook, text, complaint):
    (saddle.folder / "p.yaml").write_text(text)
    done = saddle("run", notebook("loop {}"), "--parameters", "p.yaml", timeout=20)
    assert done.returncode == 2 and complaint in done.stderr, done.stderr


def test_a_notebook_without_the_cell_says_how_to_make_one(saddle):
    done = saddle("run", saddle.notebook("n.ipynb", "let seed = 0;"), "-p", "seed=1")
    assert done.returncode == 2 and "no cell tagged `parameters`" in done.stderr and "Cell Tags" in done.stderr


def test_json_has_the_figures_and_how_it_ended(saddle, notebook):
    source = notebook('check("a third", 1 / 3, #{ above: 0.1 }); check("truth", true); report("seed", seed);')
    done = saddle("run", source, "-p", "seed=5", "--json")
    result = json.loads(done.stdout)
    assert (done.returncode, result["status"], result["exit"], result["error"]) == (0, "done", 0, None)
    assert result["parameters"] == {"seed": 5}
    assert result["figures"] == [
        {"what": "a third", "value": 1 / 3, "holds": True, "above": 0.1},
        {"what": "truth", "value": True, "holds": True},
        {"what": "seed", "value": 5.0},
    ]
    source = notebook('check("loss", 3.0, #{ below: 1 });')
    done = saddle("run", source, "--json")
    result = json.loads(done.stdout)
    assert (done.returncode, result["status"], result["exit"]) == (1, "failed", 1)
    assert result["figures"] == [{"what": "loss", "value": 3.0, "holds": False, "below": 1.0}]
    assert result["error"]["name"] == "CheckFailed" and result["error"]["cell"] == 2
