"""Kernels elsewhere: JupyterLab's server here, `saddle` behind a real jupyter-kernel-gateway, in a network namespace of its own where we may
make one.
"""

import os
import subprocess

import pytest
from elsewhere import Lab, Server, can_import
from namespaces import Namespace, free_port

PYTHON = os.environ.get("SADDLE_SCALE_PYTHON", "python3")
pytestmark = pytest.mark.skipif(not can_import(PYTHON, "kernel_gateway"), reason=f"{PYTHON} has no jupyter-kernel-gateway")

# In a gateway's log.
STARTED = "Kernel started: "


@pytest.fixture
def gateway(tmp_path):
    space = Namespace()
    port = free_port()
    subprocess.run([os.environ["SADDLE"], "install", "--prefix", tmp_path / "prefix"], check=True, capture_output=True)
    env = {**os.environ, "JUPYTER_PATH": str(tmp_path / "prefix/share/jupyter"), "KG_AUTH_TOKEN": "secret"}
    command = [*space.command, PYTHON, "-m", "kernel_gateway", f"--KernelGatewayApp.ip={space.address}", f"--KernelGatewayApp.port={port}"]
    with Server(command, f"http://{space.address}:{port}", "secret", tmp_path / "gateway.log", env=env) as gateway:
        yield gateway
    space.remove()


def test_saddle_lab_runs_cells_behind_a_gateway(saddle, gateway):
    with Lab(saddle, gateway.url, JUPYTER_GATEWAY_AUTH_TOKEN="secret") as lab:
        assert "saddle" in lab.ask("api/kernelspecs")["kernelspecs"]
        cells = lab.open(lab.start("saddle"))
        assert cells.run("tensor([1, 2]).sum().item()") == "3.0"
        cells.close()
    assert STARTED in gateway.log.read_text()


def test_a_wrong_token_is_one_error_and_starts_nothing(saddle, gateway):
    with Lab(saddle, gateway.url, JUPYTER_GATEWAY_AUTH_TOKEN="guessed") as lab:
        said = lab.start("saddle")
        assert said.startswith("401") and "Unauthorized" in said, said
    # A control: the other test's gateway says this.
    assert STARTED not in gateway.log.read_text()
