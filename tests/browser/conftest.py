"""A real JupyterLab, started as a user starts it (`saddle lab`), and a real browser in front of it."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "tests" / "artifacts"
TOKEN = "saddle-browser-test"
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# The first start installs JupyterLab over the network; the second one has everything.
FIRST_START_S = 600
SECOND_START_S = 20

# The user's copy of the notebooks, in their home folder.
COPY = "saddlepoint-notebooks"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Lab:
    """A running `saddle lab`."""

    def __init__(self, folder, home, log_path, start_s):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # The test's own Python environment stands back: a new user has none, and gets a private JupyterLab.
        caches = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
        environment = dict(os.environ, HOME=str(home), XDG_CACHE_HOME=caches)
        virtual = environment.pop("VIRTUAL_ENV", None)
        if virtual:
            parts = environment["PATH"].split(os.pathsep)
            environment["PATH"] = os.pathsep.join(p for p in parts if not p.startswith(virtual))
        self.log_path = log_path
        began = time.monotonic()
        with open(log_path, "w") as log:
            self.process = subprocess.Popen(
                [os.environ["SADDLE"], "lab", "--no-browser", "--port", str(self.port), f"--IdentityProvider.token={TOKEN}"],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while not self.answers():
            assert self.process.poll() is None, f"saddle lab ended:\n{self.log()}"
            assert time.monotonic() - began < start_s, f"saddle lab does not answer:\n{self.log()}"
            time.sleep(0.1)
        self.start_s = time.monotonic() - began

    def answers(self):
        try:
            with urllib.request.urlopen(f"{self.url}/api", timeout=2) as reply:
                return reply.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def call(self, method, path):
        """Asks the server's REST interface; what it answers, as JSON."""
        request = urllib.request.Request(f"{self.url}/api/{path}", method=method, headers={"Authorization": f"token {TOKEN}"})
        with urllib.request.urlopen(request, timeout=20) as reply:
            return json.loads(reply.read() or "null")

    def end_kernels(self):
        for session in self.call("GET", "sessions"):
            self.call("DELETE", f"sessions/{session['id']}")

    def log(self):
        return Path(self.log_path).read_text(errors="replace")[-4000:]

    def stop(self):
        """Ends JupyterLab and its kernels; by force if need be."""
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(15)


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A new user's home folder."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def workspace(home, lab):
    """The folder that JupyterLab shows: the user's copy of the notebooks."""
    return home / COPY


@pytest.fixture(scope="session")
def lab(home, tmp_path_factory):
    checkout = tmp_path_factory.mktemp("checkout")
    shutil.copytree(Path(os.environ.get("SADDLE_NOTEBOOKS", ROOT / "notebooks")), checkout / "notebooks")
    logs = tmp_path_factory.mktemp("logs")
    first = Lab(checkout, home, logs / "first.log", FIRST_START_S)
    first.stop()
    running = Lab(checkout, home, logs / "second.log", SECOND_START_S)
    running.first_start_s = first.start_s
    yield running
    running.stop()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("chromium")),
            executable_path=os.environ.get("SADDLE_CHROMIUM", "/usr/bin/chromium"),
            args=CHROMIUM_FLAGS,
            viewport={"width": 1280, "height": 1600},
        )
        context.set_default_timeout(30_000)
        yield context
        context.close()


@pytest.fixture
def page(browser, lab, request):
    page = browser.new_page()
    yield page
    name = re.sub(r"\W+", "_", request.node.name)
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{name}_end.png")
    page.close()
    lab.end_kernels()
