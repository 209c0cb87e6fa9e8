"""A kernel over SSH: the kernelspec that kernel/README.md shows, against an sshd in a network namespace of its own."""

import os
import subprocess
import time

import pytest
from elsewhere import SSHD, kernelspec_of_the_readme
from jupyter_client.manager import KernelManager

pytestmark = [
    pytest.mark.skipif(not SSHD, reason="there is no sshd (apt install openssh-server)"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a network namespace"),
]


def test_the_kernelspec_of_the_readme_runs_cells_on_the_other_machine(host, tmp_path, monkeypatch):
    ssh = host.ssh
    place = tmp_path / "share/jupyter/kernels/saddle-ssh"
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(kernelspec_of_the_readme("ssh -tt"))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share/jupyter"))
    left = lambda: subprocess.run([*ssh, "ls -A | grep -c '^[.]saddle-.*json$'"], capture_output=True, text=True).stdout.strip()
    before = left()
    manager = KernelManager(kernel_name="saddle-ssh")
    manager.start_kernel(env={**os.environ, "PATH": f"{host.here}:{os.environ['PATH']}"})
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        shown = []
        hear = lambda message: shown.append(message["content"].get("text", ""))
        client.execute_interactive("print(6 * 7);", timeout=60, output_hook=hear)
        assert "42\n" in shown
        # It runs there, where this machine's loopback is another one: no process of this session has its sockets.
        sockets = subprocess.run([*ssh, "ss -ltn"], capture_output=True, text=True, check=True).stdout
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
    host.wait_until(lambda: not host.processes("saddle kernel --connection-file [.]saddle-"), "the kernel is still there")
    assert left() == before
