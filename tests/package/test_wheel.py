"""The package, as its users meet it: installed by pip beside JupyterLab, without Rust. `SADDLE_WHEEL` names the file."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WHEEL = Path(os.environ.get("SADDLE_WHEEL", "")).absolute()
VERSION = re.search(r'\[workspace\.package\]\nversion = "(.*)"', (ROOT / "Cargo.toml").read_text())[1]
QUICKSTART = "00_quickstart.ipynb"
TOKEN = "saddle-package-test"

# What a user does first: starts the kernel, runs a cell, sees a picture.
FIRST_PICTURE = """
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="saddle")
shown = []
def see(message):
    if message["msg_type"] in ("display_data", "update_display_data", "error"):
        shown.append(message["content"])
client.execute_interactive('show_grid("digits", digits().sample(16))', output_hook=see, timeout=60)
info = client.kernel_info(reply=True, timeout=60)["content"]
client.stop_channels()
manager.shutdown_kernel()
import json
print(json.dumps([shown, info["implementation_version"]]))
"""

pytestmark = pytest.mark.skipif(not WHEEL.is_file(), reason="SADDLE_WHEEL names no file: kernel/build-wheel makes one")


class Environment:
    """A virtual environment of a user who has no Rust."""

    def __init__(self, folder):
        self.folder = folder / "environment"
        self.home = folder / "home"
        self.home.mkdir()
        self.path = os.pathsep.join([str(self.folder / "bin"), "/usr/bin", "/bin"])
        assert shutil.which("cargo", path=self.path) is None
        subprocess.run([sys.executable, "-m", "venv", self.folder], check=True)

    def variables(self, **more):
        return {"PATH": self.path, "HOME": str(self.home), "SADDLE_HISTORY": "off", **more}

    def run(self, *command, **options):
        options.setdefault("env", self.variables())
        command = [self.folder / "bin" / command[0], *command[1:]]
        return subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=self.home, **options)

    def pip(self, *arguments):
        # The network as this machine has it, and pip's cache.
        pip = ["python", "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
        done = self.run(*pip, env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"})
        assert done.returncode == 0, done.stderr
        return done

    def files(self):
        everything = (path.relative_to(self.folder) for path in self.folder.rglob("*") if not path.is_dir())
        return {path for path in everything if path.suffix != ".pyc"}

    def folders(self):
        everything = (path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_dir())
        return {path for path in everything if path.name != "__pycache__"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """JupyterLab in the versions that we pin, and our package."""
    environment = Environment(tmp_path_factory.mktemp("user"))
    constraints = ROOT / "src" / "cli" / "lab-constraints.txt"
    environment.pip("install", "--constraint", constraints, "jupyterlab", "ipywidgets")
    began = time.monotonic()
    environment.pip("install", "--no-index", WHEEL)
    environment.seconds = time.monotonic() - began
    return environment


def test_the_wheel_holds_what_a_user_needs_and_is_small():
    assert WHEEL.stat().st_size <= 60e6
    with zipfile.ZipFile(WHEEL) as wheel:
        entries = {re.sub(r"^saddlepoint-[^/]*?\.(data|dist-info)/", "", entry.filename): entry for entry in wheel.infolist()}
        spec = json.loads(wheel.read(entries["data/share/jupyter/kernels/saddle/kernel.json"]))
    assert spec["argv"][0].startswith("{resource_dir}/")
    library = "libsaddle_burn.dylib" if sys.platform == "darwin" else "libsaddle_burn.so"
    programs = ["scripts/saddle", "data/lib/saddlepoint/saddle-rust-host", f"data/lib/saddlepoint/{library}"]
    for name in programs:
        assert name in entries
        assert entries[name].external_attr >> 16 & 0o100, f"{name} may not be run"
    for name in ["LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY.txt"]:
        assert f"licenses/{name}" in entries
    for name in [QUICKSTART, "README.md", "REFERENCE.md"]:
        assert f"data/share/saddlepoint/notebooks/{name}" in entries


def test_licences_of_what_is_linked_in_are_there():
    with zipfile.ZipFile(WHEEL) as wheel:
        text = wheel.read(f"saddlepoint-{VERSION}.dist-info/licenses/THIRD-PARTY.txt").decode()
    for name in ["rhai ", "zeromq-src ", "libzmq", "serde_json ", "clap ", "burn-cubecl ", "evcxr "]:
        assert re.search(f"^{name}", text, re.MULTILINE), f"nothing about {name}"
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in text and "SPECIAL EXCEPTION" in text
    # Of the data that the program has inside.
    assert "CC-BY-4.0" in text and "CC-BY-SA-3.0" in text


def test_the_first_picture_comes_seconds_after_pip_install(installed, record_property):
    began = time.monotonic()
    done = installed.run("python", "-c", FIRST_PICTURE)
    assert done.returncode == 0, done.stderr
    shown, version = json.loads(done.stdout.splitlines()[-1])
    seconds = installed.seconds + time.monotonic() - began
    assert any("image/png" in content.get("data", {}) for content in shown), shown
    assert version == VERSION
    record_property("seconds from pip install to the first picture", f"{seconds:.1f}")
    print(f"{installed.seconds:.1f} s for pip install, {seconds:.1f} s until the first picture")
    assert seconds < 30


def test_package_and_program_have_one_version(installed):
    assert installed.run("saddle", "--version").stdout.split() == ["saddle", VERSION]
    asked = "from importlib.metadata import version; print(version('saddlepoint'))"
    assert installed.run("python", "-c", asked).stdout.strip() == VERSION


def test_the_kernel_is_in_the_launcher(installed):
    found = installed.run("jupyter", "kernelspec", "list", "--json")
    spec = json.loads(found.stdout)["kernelspecs"]["saddle"]
    assert Path(spec["resource_dir"]) == installed.folder / "share" / "jupyter" / "kernels" / "saddle"
    assert spec["spec"]["display_name"] == "Saddlepoint"


def test_doctor_finds_nothing_wrong(installed):
    done = installed.run("saddle", "doctor")
    assert done.returncode == 0, done.stdout
    assert "share/saddlepoint/notebooks" in done.stdout


def test_other_devices_come_with_the_package(installed):
    script = installed.home / "device.rhai"
    script.write_text('device("wgpu"); print(randn([2]).sum().item() < 1e9);')
    done = installed.run("saddle", "run", "device.rhai")
    # Without a graphics processor it says so; that the library is missing it never says.
    assert "compiled" not in done.stderr and "cargo" not in done.stderr, done.stderr
    assert done.returncode == 0 or "adapter" in done.stderr, done.stderr


def test_the_host_of_cells_of_rust_comes_with_the_package(installed):
    said = installed.run("saddle", "doctor").stdout
    assert f"{installed.folder / 'bin'}/../lib/saddlepoint/saddle-rust-host" in said, said
    # A cell names what is missing: the toolchain of Rust, and not its host.
    script = installed.home / "rust.ipynb"
    cell = {"cell_type": "code", "source": "%%rust\nfn one() -> i64 { 1 }", "metadata": {}, "outputs": [], "execution_count": None}
    script.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    done = installed.run("saddle", "run", "rust.ipynb")
    assert done.returncode == 1 and "Rust toolchain" in done.stderr and "cargo build" not in done.stderr, done.stderr


def get(url, path):
    request = urllib.request.Request(f"{url}/{path}", headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.loads(reply.read())


@pytest.fixture
def lab(installed):
    """`saddle lab`, called by its path as from a menu: the environment is not active."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, log = f"http://127.0.0.1:{port}", installed.home / "lab.log"
    command = [installed.folder / "bin" / "saddle", "lab", "--no-browser", "--port", str(port), f"--IdentityProvider.token={TOKEN}"]
    variables = installed.variables(PATH="/usr/bin:/bin")
    began = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env=variables, cwd=installed.home, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        while True:
            assert process.poll() is None and time.monotonic() - began < 60, log.read_text()
            try:
                get(url, "api/status")
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(15)


def test_saddle_lab_uses_the_jupyterlab_beside_it(installed, lab):
    specs = get(lab, "api/kernelspecs")
    assert specs["default"] == "saddle" and "saddle" in specs["kernelspecs"]
    assert QUICKSTART in [entry["name"] for entry in get(lab, "api/contents")["content"]]
    news = get(lab, "lab/api/settings/@jupyterlab/apputils-extension:notification")
    assert news["schema"]["properties"]["fetchNews"]["default"] == "false"
    assert f"/lab/tree/{QUICKSTART}" in (installed.home / "lab.log").read_text()
    # No second JupyterLab, and no kernelspec but pip's.
    assert list(installed.home.rglob("lab-*")) == [] and list(installed.home.rglob("kernel.json")) == []
    spec = json.loads((installed.folder / "share/jupyter/kernels/saddle/kernel.json").read_text())
    assert spec["argv"][0].startswith("{resource_dir}/")


def test_what_is_uninstalled_leaves_nothing(tmp_path):
    environment = Environment(tmp_path)
    files, folders = environment.files(), environment.folders()
    environment.pip("install", "--no-index", WHEEL)
    assert environment.run("saddle", "--version").returncode == 0
    environment.pip("uninstall", "--yes", "saddlepoint")
    assert environment.files() == files
    left = environment.folders() - folders
    assert not [folder for folder in left if "saddle" in str(folder)], left
