"""What the tests of kernels elsewhere share: gateways, JupyterLab's server before one, asked as its page asks it, and a machine that is reached
by SSH.
"""

import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
import uuid

import websocket
from conftest import command_line
from namespaces import Namespace, free_port

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")


def kernelspec_of_the_readme(word):
    """The kernelspec in kernel/README.md that has this word in it, as text."""
    (found,) = [
        block
        for block in re.findall(r"```json\n(.*?)```", (command_line.ROOT / "kernel/README.md").read_text(), re.DOTALL)
        if word in block
    ]
    return found


def can_import(python, module):
    try:
        return subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode == 0
    except OSError:
        return False


def ask(url, token="", method="GET", body=None):
    """The answer of a Jupyter server; of one that refuses, too."""
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), method=method)
    if token:
        request.add_header("Authorization", f"token {token}")
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read() or "null")
    except urllib.error.HTTPError as refused:
        return {**json.loads(refused.read()), "status": refused.code}


class Server:
    """A program that serves HTTP, and its log."""

    def __init__(self, command, url, token, log, **options):
        self.url, self.token, self.log = url, token, log
        with open(log, "w") as out:
            self.process = subprocess.Popen([*map(str, command)], stdout=out, stderr=out, **options)
        deadline = time.monotonic() + 120
        while True:
            try:
                self.ask("api")
                return
            except (OSError, ValueError):
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.end()
                    raise AssertionError(f"{url} does not answer\n{log.read_text()}") from None
                time.sleep(0.3)

    def ask(self, path, method="GET", body=None):
        return ask(f"{self.url}/{path}", self.token, method, body)

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


class Lab(Server):
    """`saddle lab --gateway-url`; `variables` are its environment's."""

    def __init__(self, saddle, gateway, **variables):
        port = free_port()
        (saddle.folder / "own").mkdir(exist_ok=True)
        command = [saddle.program, "lab", "--no-browser", "--port", port, "own", f"--gateway-url={gateway}", "--IdentityProvider.token=own"]
        env = {**os.environ, **variables}
        super().__init__(command, f"http://127.0.0.1:{port}", "own", saddle.folder / "lab.log", cwd=saddle.folder, env=env)

    def start(self, name):
        """A kernel's id, or the status of the refusal and what the server's log says of it: its answer leaves a `%s` where the reason belongs."""
        answer = self.ask("api/kernels", "POST", {"name": name})
        if "id" in answer:
            return answer["id"]
        return f"{answer['status']} {[line for line in self.log.read_text().splitlines() if 'POST /api/kernels' in line]}"

    def open(self, kernel):
        return Cells(f"ws{self.url.removeprefix('http')}/api/kernels/{kernel}/channels?session_id=x")


class Cells:
    """A notebook's connection to its kernel."""

    def __init__(self, url):
        self.socket = websocket.create_connection(url, timeout=90, header=["Authorization: token own"])

    def send(self, code):
        """Has a cell run; what its messages refer to."""
        number = uuid.uuid4().hex
        header = {"msg_id": number, "msg_type": "execute_request", "username": "", "session": "x", "date": "2026-01-01T00:00:00Z", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}
        message = {"header": header, "parent_header": {}, "metadata": {}, "channel": "shell", "buffers": [], "content": content}
        self.socket.send(json.dumps(message))
        return number

    def outcome(self, number):
        """What the cell has printed and given, or its error's name."""
        said = []
        while True:
            message = json.loads(self.socket.recv())
            if message["parent_header"].get("msg_id") != number:
                continue
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    said.append(content["text"])
                case "execute_result":
                    said.append(content["data"]["text/plain"])
                case "error":
                    said.append(content["ename"])
                case "status" if content["execution_state"] == "idle":
                    return "".join(said)

    def run(self, code):
        return self.outcome(self.send(code))

    def close(self):
        self.socket.close()


class Host:
    """An sshd in a network namespace, with `saddle` on the path there. `HOST` is its name to the `ssh` and `scp` in the folder `here`; other clients
    find keys in `home`.
    """

    def __init__(self, folder):
        self.space = Namespace()
        self.address, self.here, self.home = self.space.address, folder / "here", folder / "home"
        if not self.space.name:
            self.serving = None
            return
        there, own = folder / "there", self.home / ".ssh"
        for made in [there, self.here, own]:
            made.mkdir(parents=True)
        keys = {name: folder / name for name in ["host", "user"]}
        for key in keys.values():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        shutil.copy(f"{keys['user']}.pub", folder / "authorized")
        shutil.copy(keys["user"], own / "id_ed25519")
        (own / "known_hosts").write_text(f"{self.address} {(folder / 'host.pub').read_text()}")
        (there / "saddle").symlink_to(os.environ["SADDLE"])
        self.path = f"{there}:/usr/bin:/bin"
        (folder / "sshd_config").write_text(
            f"ListenAddress {self.address}\nPort 22\nHostKey {keys['host']}\nAuthorizedKeysFile {folder}/authorized\nStrictModes no\n"
            f"PermitRootLogin yes\nUsePAM no\nPidFile none\nSetEnv PATH={self.path} SADDLE_HISTORY=off\n"
            "Subsystem sftp internal-sftp\n"
        )
        (folder / "ssh_config").write_text(
            f"Host HOST\nHostName {self.address}\nUser root\nIdentityFile {keys['user']}\nStrictHostKeyChecking no\n"
            f"UserKnownHostsFile {folder}/known\nLogLevel ERROR\n"
        )
        for program in ["ssh", "scp"]:
            (self.here / program).write_text(f'#!/bin/sh\nexec {shutil.which(program)} -F {folder}/ssh_config "$@"\n')
            (self.here / program).chmod(0o755)
        os.makedirs("/run/sshd", exist_ok=True)
        with open(folder / "sshd.log", "w") as log:
            self.serving = subprocess.Popen([*self.space.command, SSHD, "-D", "-e", "-f", folder / "sshd_config"], stderr=log)
        self.ssh = [self.here / "ssh", "HOST"]
        deadline = time.monotonic() + 20
        while subprocess.run([*self.ssh, "true"], capture_output=True).returncode != 0:
            if time.monotonic() > deadline:
                self.end()
                raise AssertionError((folder / "sshd.log").read_text())
            time.sleep(0.3)

    def processes(self, pattern):
        """The numbers of the processes there whose command line has it."""
        found = []
        for number in subprocess.run(["ip", "netns", "pids", self.space.name], capture_output=True, text=True).stdout.split():
            try:
                with open(f"/proc/{number}/cmdline") as text:
                    if re.search(pattern, text.read().replace("\0", " ")):
                        found.append(int(number))
            except OSError:
                continue
        return found

    def wait_until(self, holds, what):
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, what
            time.sleep(0.3)

    def end(self):
        if self.serving:
            self.serving.terminate()
            self.serving.wait(10)
        self.space.remove()
