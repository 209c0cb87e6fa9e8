"""`saddle lab`, first starts and bad ones: what JupyterLab is told to open, and one clear sentence, with the way out and nothing
half installed, where it cannot be had."""

import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

QUICKSTART = "00_quickstart.ipynb"
BARE = os.pathsep.join([os.path.join(sys.base_prefix, "bin"), "/usr/bin", "/bin"])

# Stands in for JupyterLab: says how it was called.
JUPYTERLAB = "import json, os, sys\ndef main():\n    print(json.dumps([sys.argv[1:], os.environ['JUPYTER_CONFIG_PATH']]))\n"


@pytest.fixture
def home(tmp_path):
    """A new user's home folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def environment(home, **more):
    """What a user has who has a Python, no JupyterLab, and none of this machine's settings."""
    return {"PATH": BARE, "HOME": str(home), "PIP_CONFIG_FILE": os.devnull} | more


def with_jupyterlab(home, version):
    """The environment of a user whose Python has a JupyterLab; the Python is one of their own, for a kernelspec is written there."""
    own = home.parent / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", own], check=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(own), "platbase": str(own)}))
    (site / "jupyterlab").mkdir()
    (site / "jupyterlab" / "__init__.py").touch()
    (site / "jupyterlab" / "labapp.py").write_text(JUPYTERLAB)
    metadata = site / f"jupyterlab-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: jupyterlab\nVersion: {version}\n")
    return environment(home, PATH=os.pathsep.join([str(own / "bin"), BARE]))


def with_index(home, url):
    """The environment of a user for whom something answers as the package index, or nothing does."""
    return environment(home, PIP_INDEX_URL=f"{url}/simple", PIP_TRUSTED_HOST="127.0.0.1")


def nobody():
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def serve():
    """Starts servers: `serve(status, body)` gives every request that answer; `body` may depend on the path."""
    servers = []

    def start(status, body):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                answer = body(self.path) if callable(body) else body
                self.send_response(status, {407: "Proxy Authentication Required"}.get(status))
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_CONNECT = do_GET

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()


def refused(done, *words):
    """It ended with one sentence and a way out, which hold the words, and no trace of a program."""
    assert done.returncode == 2, done.stderr
    for alien in ["panicked", "Traceback"]:
        assert alien not in done.stderr
    said = done.stderr[done.stderr.rindex("saddle: ") :]
    assert said.count("saddle: ") == 1 and "\nhint: " in said, done.stderr
    for word in words:
        assert word in said, said


def nothing_installed(home):
    """No JupyterLab, and no part of one."""
    data = home / ".local" / "share" / "saddlepoint"
    return [entry.name for entry in data.glob("lab-*") if entry.is_dir()] == []


# --- what is opened ---------------------------------------------------------------------------------------------------


def opened(saddle, variables, *arguments, **options):
    """What JupyterLab is called with: its arguments, its folders of settings; and what was said on the way."""
    done = saddle("lab", "--no-browser", *arguments, env=variables, **options)
    assert done.returncode == 0, done.stderr
    arguments, settings = json.loads(done.stdout)
    return arguments, settings, done.stderr


def test_the_quickstart_is_opened_in_a_copy_of_the_users_own(saddle, home):
    variables = with_jupyterlab(home, "4.2.0")
    arguments, settings, said = opened(saddle, variables)
    copy = home / "saddlepoint-notebooks"
    assert f"--ServerApp.root_dir={copy}" in arguments
    assert f"--LabApp.default_url=/lab/tree/{QUICKSTART}" in arguments
    assert str(copy) in said
    assert json.loads((copy / QUICKSTART).read_text())["cells"]
    # The question about news is answered, in a folder of ours.
    [folder] = settings.split(os.pathsep)
    answer = json.loads((Path(folder) / "labconfig" / "default_setting_overrides.json").read_text())
    assert answer["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"

    (copy / QUICKSTART).write_text("my own")
    _, _, said = opened(saddle, variables)
    assert (copy / QUICKSTART).read_text() == "my own"
    assert said == ""


def test_a_folder_and_a_notebook_of_ones_own_are_opened_as_they_are(saddle, home):
    variables = with_jupyterlab(home, "4.2.0")
    notebook = saddle.notebook("my gan.ipynb", "1")
    arguments, _, _ = opened(saddle, variables, notebook.parent, "--LabApp.x=1")
    assert f"--ServerApp.root_dir={notebook.parent}" in arguments and "--LabApp.x=1" in arguments
    assert not any("default_url" in argument for argument in arguments)
    arguments, _, _ = opened(saddle, variables, "my gan.ipynb")
    assert "--LabApp.default_url=/lab/tree/my%20gan.ipynb" in arguments
    assert not (home / "saddlepoint-notebooks").exists()


def test_settings_of_the_users_own_come_first(saddle, home):
    variables = with_jupyterlab(home, "4.2.0")
    _, settings, _ = opened(saddle, {**variables, "JUPYTER_CONFIG_PATH": "/mine"})
    assert settings.split(os.pathsep)[0] == "/mine" and len(settings.split(os.pathsep)) == 2


# --- what cannot be opened --------------------------------------------------------------------------------------------


def test_a_folder_that_is_not_there(saddle, home):
    refused(saddle("lab", "no/such/folder", env=with_jupyterlab(home, "4.2.0")), "no/such/folder", "saddle lab")


def test_a_port_in_use(saddle, home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(saddle("lab", "--port", port, env=environment(home)), f"port {port}", "in use", "--port")
    assert list(home.iterdir()) == []


def test_a_copy_that_cannot_be_written(saddle, home):
    (home / "saddlepoint-notebooks").write_text("in the way")
    refused(saddle("lab", env=with_jupyterlab(home, "4.2.0")), "saddlepoint-notebooks", "saddle lab FOLDER")


def test_a_data_folder_that_cannot_be_written(saddle, home):
    (home / "file").write_text("in the way")
    variables = with_index(home, nobody()) | {"XDG_DATA_HOME": str(home / "file")}
    refused(saddle("lab", env=variables), str(home / "file"), "XDG_DATA_HOME")


# --- what cannot be installed -----------------------------------------------------------------------------------------


def test_no_network_at_the_first_start(saddle, home):
    began = time.monotonic()
    refused(saddle("lab", env=with_index(home, nobody())), "cannot be reached", "network", "saddle run")
    assert nothing_installed(home)
    assert time.monotonic() - began < 60


def page(path):
    """An index as a proxy may give it: what the page of a package names is an error page too."""
    name = path.strip("/").split("/")[-1]
    if name.endswith(".whl"):
        return b"<html>Access denied</html>"
    return f'<a href="/{name}-4.6.6-py3-none-any.whl">{name}-4.6.6-py3-none-any.whl</a>'.encode()


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (200, b"<html>Please log in</html>", "proxy"),
        (403, b"<html>Access denied</html>", "proxy"),
        (502, b"<html>Bad gateway</html>", "proxy"),
        (200, page, "proxy"),
    ],
    ids=["a page", "forbidden", "a bad gateway", "a page in place of a package"],
)
def test_a_proxy_that_answers_with_an_error_page(saddle, home, serve, status, body, word):
    refused(saddle("lab", env=with_index(home, serve(status, body))), "jupyterlab", word, "HTTPS_PROXY")
    assert nothing_installed(home)


def test_a_proxy_that_wants_a_password(saddle, home, serve):
    proxy = serve(407, b"<html>Who are you?</html>")
    variables = environment(home, PIP_INDEX_URL="https://index.invalid/simple", https_proxy=proxy)
    refused(saddle("lab", env=variables), "proxy", "password")
    assert nothing_installed(home)


@pytest.mark.parametrize("room", ["8m", "600m"], ids=["before it begins", "on the way"])
def test_a_full_disk(saddle, home, room):
    disk = home / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={room},nr_inodes=400", "tmpfs", disk]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root can make a small disk")
    try:
        variables = with_index(home, nobody()) | {"XDG_DATA_HOME": str(disk)}
        refused(saddle("lab", env=variables), "disk is full", "XDG_DATA_HOME")
        assert [path.name for path in disk.glob("saddlepoint/lab-*") if path.is_dir()] == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_what_a_killed_start_left_is_cleared_away(saddle, home, serve):
    answered = []

    def never(path):
        answered.append(path)
        time.sleep(30)
        return b""

    data = home / ".local" / "share" / "saddlepoint"
    first = saddle.start("lab", env=with_index(home, serve(200, never)), start_new_session=True)
    deadline = time.monotonic() + 60
    while not answered and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    assert answered and [path for path in data.glob("lab-*.part")]
    refused(saddle("lab", env=with_index(home, nobody())), "cannot be reached")
    assert nothing_installed(home)


def test_a_jupyterlab_that_is_too_old_is_left_alone(saddle, home):
    variables = with_index(home, nobody()) | with_jupyterlab(home, "3.6.8")
    done = saddle("lab", env=variables)
    refused(done, "cannot be reached")
    assert "3.6.8" in done.stderr and "private" in done.stderr
