"""A kernel over SSH: the kernelspec that kernel/README.md shows, against an sshd in a network namespace of its own."""

import json
import os
import re
import shutil
import subprocess
import time

import pytest
from conftest import command_line
from jupyter_client.manager import KernelManager
from namespaces import Namespace

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
pytestmark = [
    pytest.mark.skipif(not SSHD, reason="there is no sshd (apt install openssh-server)"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a network namespace"),
]


def kernelspec():
    text = (command_line.ROOT / "kernel/README.md").read_text()
    return json.loads(re.search(r"```json\n(.*?)```", text, re.DOTALL).group(1))


@pytest.fixture
def host(tmp_path):
    """An sshd in a namespace, known as HOST to the `ssh` and `scp` of the folder that is given."""
    space = Namespace()
    if not space.name:
        pytest.skip("no network namespace can be made")
    keys = {name: tmp_path / name for name in ["host", "user"]}
    for key in keys.values():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    shutil.copy(f"{keys['user']}.pub", tmp_path / "authorized")
    there = tmp_path / "there"
    there.mkdir()
    (there / "saddle").symlink_to(os.environ["SADDLE"])
    (tmp_path / "sshd_config").write_text(
        f"ListenAddress {space.address}\nPort 22\nHostKey {keys['host']}\nAuthorizedKeysFile {tmp_path}/authorized\nStrictModes no\n"
        f"PermitRootLogin yes\nUsePAM no\nPidFile none\nSetEnv PATH={there}:/usr/bin:/bin SADDLE_HISTORY=off\n"
        "Subsystem sftp internal-sftp\n"
    )
    (tmp_path / "ssh_config").write_text(
        f"Host HOST\nHostName {space.address}\nUser root\nIdentityFile {keys['user']}\nStrictHostKeyChecking no\n"
        f"UserKnownHostsFile {tmp_path}/known\nLogLevel ERROR\n"
    )
    here = tmp_path / "here"
    here.mkdir()
    for program in ["ssh", "scp"]:
        (here / program).write_text(f'#!/bin/sh\nexec {shutil.which(program)} -F {tmp_path}/ssh_config "$@"\n')
        (here / program).chmod(0o755)
    os.makedirs("/run/sshd", exist_ok=True)
    serving = subprocess.Popen([*space.command, SSHD, "-D", "-e", "-f", tmp_path / "sshd_config"], stderr=open(tmp_path / "sshd.log", "w"))
    ssh = [here / "ssh", "HOST"]
    deadline = time.monotonic() + 20
    while subprocess.run([*ssh, "true"], capture_output=True).returncode != 0:
        assert time.monotonic() < deadline, (tmp_path / "sshd.log").read_text()
        time.sleep(0.3)
    yield ssh, {**os.environ, "PATH": f"{here}:{os.environ['PATH']}"}
    serving.terminate()
    serving.wait(10)
    space.remove()


def test_the_kernelspec_of_the_readme_runs_cells_on_the_other_machine(host, tmp_path, monkeypatch):
    ssh, env = host
    place = tmp_path / "share/jupyter/kernels/saddle-ssh"
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps(kernelspec()))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share/jupyter"))
    left = lambda: subprocess.run([*ssh, "ls -A | grep -c '^[.]saddle-.*json$'"], capture_output=True, text=True).stdout.strip()
    before = left()
    manager = KernelManager(kernel_name="saddle-ssh")
    manager.start_kernel(env=env)
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        shown = []
        hear = lambda message: shown.append(message["content"].get("text", ""))
        client.execute_interactive("print(6 * 7);", timeout=60, output_hook=hear)
        assert "42\n" in shown
        # It runs there, where this machine's loopback is another one: no process of this session has its sockets.
        sockets = subprocess.run([*ssh, "ss -ltn"], capture_output=True, text=True).stdout
        if sockets:
            assert f"127.0.0.1:{manager.shell_port} " in sockets
        # An interrupt is a message, since a signal would end `ssh`.
        client.execute("let n = 0; while true { n += 1; }")
        time.sleep(1)
        manager.interrupt_kernel()
        deadline = time.monotonic() + 30
        while (reply := client.get_shell_msg(timeout=30))["content"].get("ename") != "KeyboardInterrupt":
            assert time.monotonic() < deadline, reply
        shown.clear()
        client.execute_interactive("print(n > 0);", timeout=60, output_hook=hear)
        assert "true\n" in shown
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=False)
    # Nothing is left there: neither a kernel nor the file with its key.
    deadline = time.monotonic() + 20
    while subprocess.run([*ssh, "pgrep -f 'saddle kernel --connection-file [.]saddle-'"], capture_output=True).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert left() == before
