"""Network namespaces: a second machine as far as the network goes, joined to this one by a pair of devices."""

import itertools
import os
import shutil
import socket
import subprocess

numbers = itertools.count()


class Namespace:
    """A namespace of its own; this machine's own loopback where none can be made (only root may), with `name` None. From there this machine
    is `here`.
    """

    def __init__(self):
        self.name, self.address, self.here, self.command = None, "127.0.0.1", "127.0.0.1", []
        number = next(numbers)
        name, net = f"sd{os.getpid() % 100000}n{number}", f"10.213.{os.getpid() % 200}.{4 * (number % 60)}"
        here, there = (f"{net.rsplit('.', 1)[0]}.{int(net.rsplit('.', 1)[1]) + i}" for i in (1, 2))
        made = [
            ["ip", "netns", "add", name],
            ["ip", "link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name],
            ["ip", "addr", "add", f"{here}/30", "dev", f"{name}a"],
            ["ip", "link", "set", f"{name}a", "up"],
            ["ip", "-n", name, "addr", "add", f"{there}/30", "dev", f"{name}b"],
            ["ip", "-n", name, "link", "set", f"{name}b", "up"],
            ["ip", "-n", name, "link", "set", "lo", "up"],
        ]
        if not shutil.which("ip"):
            return
        for command in made:
            if subprocess.run(command, capture_output=True).returncode != 0:
                self.remove(name)
                return
        self.name, self.address, self.here, self.command = name, there, here, ["ip", "netns", "exec", name]

    def unplug(self):
        """As if the cable were pulled at the other end: nothing goes through any more, and nobody is told."""
        subprocess.run(["ip", "-n", self.name, "link", "set", f"{self.name}b", "down"], check=True)

    def remove(self, name=None):
        name = name or self.name
        if name:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
