"""Kernels behind Enterprise Gateway and behind gateway-provisioners: on the gateway's machine, and on another one that they start kernels on by SSH,
with the kernelspec that kernel/README.md shows and `kernel/launcher/launch_saddle.py`.

`SADDLE_ENTERPRISE_PYTHON` is a Python with Enterprise Gateway, whose jupyter_client of 2022 needs an environment of its own;
`SADDLE_SCALE_PYTHON` one with gateway-provisioners and Jupyter's kernel gateway. `tests/run scale` installs both.
"""

import json
import os
import subprocess
import time

import pytest
from conftest import command_line
from elsewhere import SSHD, Lab, Server, can_import, kernelspec_of_the_readme
from namespaces import Namespace, free_port

ENTERPRISE = os.environ.get("SADDLE_ENTERPRISE_PYTHON", "python3")
PROVISIONERS = os.environ.get("SADDLE_SCALE_PYTHON", "python3")

enterprise = pytest.mark.skipif(not can_import(ENTERPRISE, "enterprise_gateway"), reason=f"{ENTERPRISE} has no jupyter_enterprise_gateway")
provisioners = pytest.mark.skipif(
    not (can_import(PROVISIONERS, "gateway_provisioners") and can_import(PROVISIONERS, "kernel_gateway")),
    reason=f"{PROVISIONERS} has no gateway_provisioners or no jupyter-kernel-gateway",
)
by_ssh = [
    pytest.mark.skipif(not SSHD, reason="there is no sshd (apt install openssh-server)"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a network namespace"),
]


class EnterpriseGateway(Server):
    def __init__(self, folder, address, variables, inside=()):
        port = free_port()
        command = [*inside, ENTERPRISE, "-m", "enterprise_gateway", f"--EnterpriseGatewayApp.ip={address}", f"--EnterpriseGatewayApp.port={port}"]
        # Its own record of kernels, and no answer expected on a port that another test has.
        env = {**os.environ, "EG_AUTH_TOKEN": "secret", "EG_KERNEL_LAUNCH_TIMEOUT": "90", "EG_RESPONSE_PORT": str(free_port()), **variables}
        super().__init__(command, f"http://{address}:{port}", "secret", folder / "gateway.log", cwd=folder, env=env)


class KernelGateway(Server):
    """Jupyter's own, whose kernels gateway-provisioners start."""

    def __init__(self, folder, address, variables):
        port = free_port()
        command = [PROVISIONERS, "-m", "kernel_gateway", f"--KernelGatewayApp.ip={address}", f"--KernelGatewayApp.port={port}"]
        # Of both names of a setting each program reads its own.
        own = {f"GP_{name.removeprefix('EG_')}": value for name, value in variables.items() if name.startswith("EG_")}
        env = {**os.environ, "KG_AUTH_TOKEN": "secret", "GP_LAUNCH_TIMEOUT": "90", "GP_RESPONSE_PORT": str(free_port()), **variables, **own}
        super().__init__(command, f"http://{address}:{port}", "secret", folder / "gateway.log", cwd=folder, env=env)


@pytest.fixture
def space():
    space = Namespace()
    yield space
    space.remove()


@enterprise
def test_saddle_lab_runs_cells_behind_an_enterprise_gateway(saddle, tmp_path, space):
    """The kernelspec as `saddle install` writes it: without a process proxy in it the kernel is a process of the gateway's machine."""
    subprocess.run([saddle.program, "install", "--prefix", tmp_path / "prefix"], check=True, capture_output=True)
    variables = {"JUPYTER_PATH": str(tmp_path / "prefix/share/jupyter"), "EG_UNAUTHORIZED_USERS": "nobody"}
    with EnterpriseGateway(tmp_path, space.address, variables, space.command) as gateway:
        with Lab(saddle, gateway.url, JUPYTER_GATEWAY_AUTH_TOKEN="secret", KERNEL_USERNAME="ada") as lab:
            assert "saddle" in lab.ask("api/kernelspecs")["kernelspecs"]
            kernel = lab.start("saddle")
            cells = lab.open(kernel)
            assert cells.run("tensor([1, 2]).sum().item()") == "3.0"
            running = cells.send("let n = 0; while true { n += 1; }")
            time.sleep(1)
            lab.ask(f"api/kernels/{kernel}/interrupt", "POST", {})
            assert cells.outcome(running) == "KeyboardInterrupt"
            assert cells.run("print(n > 0);") == "true\n"
            cells.close()
        with Lab(saddle, gateway.url, JUPYTER_GATEWAY_AUTH_TOKEN="guessed", KERNEL_USERNAME="ada") as lab:
            said = lab.start("saddle")
            assert said.startswith("401") and "Unauthorized" in said, said


@pytest.fixture
def variables(host, tmp_path):
    """What a gateway needs to know of that machine, in its environment; Enterprise Gateway's names."""
    place = tmp_path / "share/jupyter/kernels/saddle-there"
    place.mkdir(parents=True)
    spec = kernelspec_of_the_readme("process_proxy").replace("HOST", host.address)
    spec = json.loads(spec.replace("/opt/saddlepoint/", f"{command_line.ROOT}/kernel/launcher/"))
    # That of this machine may lack pycryptodomex.
    spec["argv"][0] = next(python for python in (ENTERPRISE, PROVISIONERS) if can_import(python, "Cryptodome"))
    (place / "kernel.json").write_text(json.dumps(spec))
    return {
        "JUPYTER_PATH": str(tmp_path / "share/jupyter"),
        # The gateways' own clients of SSH look for keys there. Enterprise Gateway has its kernels take over its path.
        "HOME": str(host.home),
        "PATH": host.path,
        "EG_REMOTE_USER": "root",
        "EG_RESPONSE_IP": host.space.here,
    }


KINDS = [pytest.param(EnterpriseGateway, marks=[enterprise, *by_ssh]), pytest.param(KernelGateway, marks=[provisioners, *by_ssh])]


@pytest.mark.parametrize("kind", KINDS)
def test_cells_run_on_a_machine_that_the_gateway_reaches_by_ssh(saddle, tmp_path, host, variables, kind):
    kernels = lambda: host.processes("saddle kernel -f")
    with kind(tmp_path, "127.0.0.1", variables) as gateway, Lab(saddle, gateway.url, JUPYTER_GATEWAY_AUTH_TOKEN="secret", KERNEL_USERNAME="ada") as lab:
        kernel = lab.start("saddle-there")
        cells = lab.open(kernel)
        assert cells.run("tensor([1, 2]).sum().item()") == "3.0", gateway.log.read_text()
        first = kernels()
        assert len(first) == 1, "it runs there"
        (connection,) = [word for word in open(f"/proc/{first[0]}/cmdline").read().split("\0") if word.endswith(".json")]
        assert os.stat(connection).st_mode & 0o077 == 0, "its key is its own"
        running = cells.send("let n = 0; while true { n += 1; }")
        time.sleep(1)
        lab.ask(f"api/kernels/{kernel}/interrupt", "POST", {})
        assert cells.outcome(running) == "KeyboardInterrupt"
        assert cells.run("print(n > 0);") == "true\n"
        lab.ask(f"api/kernels/{kernel}/restart", "POST", {})
        host.wait_until(lambda: len(kernels()) == 1 and kernels() != first, gateway.log)
        cells.close()
        cells = lab.open(kernel)
        assert "true" not in cells.run("print(n > 0);"), "a kernel started anew knows no n"
        assert cells.run("6 * 7") == "42"
        cells.close()
        lab.ask(f"api/kernels/{kernel}", "DELETE")
        # Nothing is left there: neither a kernel, nor what has started it, nor a file with a key.
        host.wait_until(lambda: not host.processes("saddle kernel|launch_saddle"), gateway.log.read_text())
        assert not os.path.exists(connection)


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_whom_the_gateway_refuses_is_told_so(saddle, tmp_path, host, variables, kind):
    """Both gateways refuse root where nothing else is set: a server that runs as root has to name its user."""
    with kind(tmp_path, "127.0.0.1", variables) as gateway:
        with Lab(saddle, gateway.url, JUPYTER_GATEWAY_AUTH_TOKEN="secret", KERNEL_USERNAME="root") as lab:
            said = lab.start("saddle-there")
            assert said[:3] in ["403", "500"], said
        # The client hears it from Enterprise Gateway; with gateway-provisioners it stands in the gateway's log.
        assert "User 'root' is not authorized to start kernel" in gateway.log.read_text(), said
    assert not host.processes("launch_saddle")


@pytest.mark.parametrize("python", [pytest.param(ENTERPRISE, marks=enterprise), pytest.param(PROVISIONERS, marks=provisioners)])
def test_a_launcher_without_kernel_or_gateway_ends_with_the_reason(saddle, python):
    launcher = command_line.ROOT / "kernel/launcher/launch_saddle.py"
    key = "from Cryptodome.PublicKey import RSA; import base64; print(base64.b64encode(RSA.generate(1024).public_key().export_key('DER')).decode())"
    key = subprocess.run([python, "-c", key], capture_output=True, text=True, check=True).stdout.strip()
    options = ["--kernel-id", "x", "--response-address", f"127.0.0.1:{free_port()}"]
    for program, public, says in [
        ("/no/such/saddle", key, "/no/such/saddle cannot be started: "),
        (saddle.program, key, "cannot be told: "),
        (saddle.program, "nonsense", "cannot be told: "),
    ]:
        command = [python, launcher, *options, "--public-key", public, "--program", program]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=saddle.folder)
        assert done.returncode == 1 and says in done.stderr, done.stderr
