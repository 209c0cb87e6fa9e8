"""Kernels elsewhere: JupyterLab's server here, `saddle` behind a real jupyter-kernel-gateway, in a network namespace of its own where we may
make one.
"""

import json
import os
import subprocess
import time
import urllib.request

import pytest
from namespaces import Namespace, free_port

PYTHON = os.environ.get("SADDLE_SCALE_PYTHON", "python3")
HAS = subprocess.run([PYTHON, "-c", "import kernel_gateway"], capture_output=True).returncode == 0
pytestmark = pytest.mark.skipif(not HAS, reason=f"{PYTHON} has no jupyter-kernel-gateway")


def answers(url, token=""):
    request = urllib.request.Request(url, headers={"Authorization": f"token {token}"} if token else {})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.loads(answer.read())


def wait_for(url, log, token=""):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return answers(url, token)
        except OSError:
            time.sleep(0.3)
    raise AssertionError(f"{url} does not answer\n{log.read_text()}")


@pytest.fixture
def gateway(tmp_path):
    space = Namespace()
    port = free_port()
    log = tmp_path / "gateway.log"
    subprocess.run([os.environ["SADDLE"], "install", "--prefix", tmp_path / "prefix"], check=True, capture_output=True)
    env = {**os.environ, "JUPYTER_PATH": str(tmp_path / "prefix/share/jupyter"), "KG_AUTH_TOKEN": "secret"}
    with open(log, "w") as out:
        serving = subprocess.Popen(
            [*space.command, PYTHON, "-m", "kernel_gateway", f"--KernelGatewayApp.ip={space.address}", f"--KernelGatewayApp.port={port}"],
            env=env, stdout=out, stderr=out,
        )
    url = f"http://{space.address}:{port}"
    wait_for(f"{url}/api/kernelspecs", log, "secret")
    yield url
    serving.terminate()
    serving.wait(20)
    space.remove()


def test_saddle_lab_runs_cells_behind_a_gateway(saddle, gateway, tmp_path):
    port = free_port()
    env = {**os.environ, "JUPYTER_GATEWAY_AUTH_TOKEN": "secret"}
    log = tmp_path / "lab.log"
    (tmp_path / "own").mkdir()
    with open(log, "w") as out:
        lab = subprocess.Popen(
            [saddle.program, "lab", "--no-browser", "--port", str(port), "own", f"--gateway-url={gateway}",
             "--IdentityProvider.token=own"],
            cwd=tmp_path, env=env, stdout=out, stderr=out,
        )
    try:
        specs = wait_for(f"http://127.0.0.1:{port}/api/kernelspecs", log, "own")
        assert "saddle" in specs["kernelspecs"]
        script = f"""
import json, uuid, urllib.request, websocket
start = urllib.request.Request("http://127.0.0.1:{port}/api/kernels", json.dumps({{"name": "saddle"}}).encode(), {{"Authorization": "token own"}}, method="POST")
kernel = json.loads(urllib.request.urlopen(start, timeout=60).read())["id"]
ws = websocket.create_connection(f"ws://127.0.0.1:{port}/api/kernels/{{kernel}}/channels?session_id=x", timeout=60, header=["Authorization: token own"])
message = {{"header": {{"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": "x", "date": "2026-01-01T00:00:00Z", "version": "5.3"}},
    "parent_header": {{}}, "metadata": {{}}, "channel": "shell", "buffers": [],
    "content": {{"code": "tensor([1, 2]).sum().item()", "silent": False, "store_history": True, "user_expressions": {{}}, "allow_stdin": False, "stop_on_error": True}}}}
ws.send(json.dumps(message))
while True:
    got = json.loads(ws.recv())
    if got["msg_type"] == "execute_result":
        print(got["content"]["data"]["text/plain"])
        break
"""
        done = subprocess.run(["python", "-c", script], capture_output=True, text=True, timeout=120)
        assert done.stdout == "3.0\n", done.stderr + log.read_text()
    finally:
        lab.terminate()
        lab.wait(20)
