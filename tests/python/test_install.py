"""`saddle install`, `uninstall`, `doctor` and `lab`, where they meet Jupyter and Python."""

import json
import os
import subprocess
import sys
import time

import pytest


def specs(prefix):
    """The kernelspecs that Jupyter finds under a prefix."""
    environment = dict(os.environ, JUPYTER_PATH=str(prefix / "share" / "jupyter"))
    found = subprocess.run(
        [sys.executable, "-m", "jupyter", "kernelspec", "list", "--json"], env=environment, capture_output=True, check=True
    )
    return json.loads(found.stdout)["kernelspecs"]


def test_jupyter_finds_what_is_installed_and_not_what_is_uninstalled(saddle, tmp_path):
    done = saddle("install", "--prefix", tmp_path, "--name", "mine", "--display-name", "My GANs", "--env", "A=b=c")
    assert done.returncode == 0, done.stderr
    spec = specs(tmp_path)["mine"]["spec"]
    assert spec["display_name"] == "My GANs"
    assert spec["language"] == "rhai"
    assert spec["interrupt_mode"] == "message"
    assert spec["env"] == {"A": "b=c"}
    assert spec["argv"][0] == os.path.realpath(saddle.program)
    assert saddle("uninstall", "--prefix", tmp_path, "--name", "mine").returncode == 0
    assert "mine" not in specs(tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [["--env", "no-equals-sign"], ["--name", "a name / with a slash"], ["--user", "--prefix", "x"]],
    ids=" ".join,
)
def test_what_cannot_be_installed_is_refused(saddle, arguments):
    done = saddle("install", *arguments, env=dict(os.environ, HOME=str(saddle.folder)))
    assert done.returncode == 2
    assert done.stderr and "panicked" not in done.stderr


def test_doctor_tells_what_is_there(saddle, tmp_path):
    assert saddle("install", "--prefix", tmp_path).returncode == 0
    done = saddle("doctor", env=dict(os.environ, XDG_DATA_HOME=str(tmp_path)))
    for word in ["rhai", "burn", "cores", "SIMD", "python", "cpu"]:
        assert word in done.stdout
    assert done.returncode == 0, done.stdout


def test_doctor_finds_a_kernelspec_whose_program_is_gone(saddle, tmp_path):
    folder = tmp_path / "kernels" / "saddle"
    environment = dict(os.environ, JUPYTER_DATA_DIR=str(tmp_path))
    assert saddle("install", "--user", env=environment).returncode == 0
    spec = json.loads((folder / "kernel.json").read_text())
    spec["argv"][0] = "/no/such/saddle"
    (folder / "kernel.json").write_text(json.dumps(spec))
    done = saddle("doctor", env=environment)
    assert done.returncode == 1
    assert "/no/such/saddle" in done.stdout and "saddle install" in done.stdout


def test_a_command_that_needs_no_device_starts_at_once(saddle):
    took = []
    for _ in range(5):
        began = time.monotonic()
        assert saddle("--version").returncode == 0
        took.append(time.monotonic() - began)
    # The goal is 20 ms; a busy build server gets three times that, once in five times: other suites run beside this one.
    assert min(took) < 0.060, took


def test_lab_without_python_names_the_packages(saddle, tmp_path):
    done = saddle("lab", env={"PATH": str(tmp_path), "HOME": str(tmp_path)})
    assert done.returncode == 2
    assert "python3" in done.stderr and "apt install python3 python3-venv" in done.stderr


def test_lab_without_the_venv_module_names_the_package(saddle, tmp_path):
    # A Python as Debian ships it without python3-venv: it has no ensurepip.
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['ensurepip'] = None\n")
    bare = os.path.join(sys.base_prefix, "bin")
    done = saddle("lab", env={"PATH": bare, "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2
    assert "apt install python3-venv" in done.stderr


def test_the_reference_holds_the_words_of_the_language(saddle):
    done = saddle("reference")
    assert done.returncode == 0
    for word in ["sequential", "adam", "randn", "leaky_relu"]:
        assert f"`{word}" in done.stdout
