#!/usr/bin/env python3
"""The model of `scaling.py` against two ranks on a slow link: two network namespaces of this machine, a link with delay and limited
bandwidth between them, Open MPI over it, one thread a rank. `tc netem` makes the link where the kernel has it; else two TUN devices do, between
which this program carries packets at that rate and so much later.

    sudo python3 benches/netem.py --saddle target/release/saddle            # a row for each link and workload

Needs root, iproute2 and Open MPI 4. The time is that of the fastest step, so that what else the machine does counts little.
"""

import argparse
import collections
import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import scaling  # noqa: E402

# Latency of a link in ms (each way), bandwidth in Mbit/s.
LINKS = [(0.0, 0), (1.0, 1000), (1.0, 100), (5.0, 1000)]
STEPS = {"mlp": 8, "dcgan": 6, "ring": 40, "tiny": 200, "unrolled": 20, "gp": 40}  # timed, after three others
SPACE = "saddle-netem"


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def address_ends():
    run("ip", "addr", "add", "10.214.9.1/30", "dev", "sdna")
    run("ip", "link", "set", "sdna", "up")
    run("ip", "-n", SPACE, "addr", "add", "10.214.9.2/30", "dev", "sdnb")
    run("ip", "-n", SPACE, "link", "set", "sdnb", "up")
    run("ip", "-n", SPACE, "link", "set", "lo", "up")


def tun(name):
    """A TUN device of that name: what the system sends into it is read from the descriptor."""
    device = os.open("/dev/net/tun", os.O_RDWR)
    # TUNSETIFF with IFF_TUN | IFF_NO_PI
    fcntl.ioctl(device, 0x400454CA, struct.pack("16sH", name.encode(), 0x1001))
    run("ip", "link", "set", name, "mtu", "30000", "txqueuelen", "10000")
    return device


def carry(source, target, delay, rate):
    """Packets from one descriptor to the other, one after the other at `rate` bytes a second, each `delay` seconds later."""
    waiting, there = collections.deque(), threading.Condition()

    def read():
        free = 0.0
        while True:
            packet = os.read(source, 65536)
            free = max(free, time.monotonic()) + len(packet) / rate
            with there:
                waiting.append((free + delay, packet))
                there.notify()

    threading.Thread(target=read, daemon=True).start()
    while True:
        with there:
            while not waiting:
                there.wait()
            due, packet = waiting.popleft()
        time.sleep(max(0.0, due - time.monotonic()))
        os.write(target, packet)


class Link:
    """A namespace at the other end of a link with that delay (ms) and bandwidth (Mbit/s; 0: as it is)."""

    def __init__(self, delay, mbit):
        self.carrier = None
        subprocess.run(["ip", "netns", "del", SPACE], capture_output=True)
        subprocess.run(["ip", "link", "del", "sdna"], capture_output=True)
        run("ip", "netns", "add", SPACE)
        if not mbit or self.netem(delay, mbit):
            if not mbit:
                self.veth()
            return
        here, there = tun("sdna"), tun("sdnb")
        run("ip", "link", "set", "sdnb", "netns", SPACE)
        address_ends()
        self.carrier = os.fork()
        if self.carrier == 0:
            numbers = (delay / 1e3, mbit * 1e6 / 8)
            threading.Thread(target=carry, args=(here, there, *numbers), daemon=True).start()
            carry(there, here, *numbers)
        os.close(here)
        os.close(there)

    def veth(self):
        run("ip", "link", "add", "sdna", "type", "veth", "peer", "name", "sdnb", "netns", SPACE)
        address_ends()

    def netem(self, delay, mbit):
        self.veth()
        rule = ["root", "netem", "delay", f"{delay}ms", "rate", f"{mbit}mbit", "limit", "100000"]
        ends = [[], ["ip", "netns", "exec", SPACE]]
        added = [subprocess.run([*end, "tc", "qdisc", "add", "dev", f"sdn{name}", *rule], capture_output=True) for end, name in zip(ends, "ab")]
        if all(done.returncode == 0 for done in added):
            return True
        run("ip", "link", "del", "sdna")
        return False

    def end(self):
        if self.carrier:
            os.kill(self.carrier, signal.SIGKILL)
            os.waitpid(self.carrier, 0)
        subprocess.run(["ip", "netns", "del", SPACE], capture_output=True)


def mpirun(agent, *command):
    return [
        "mpirun", "--allow-run-as-root", "-n", "2", "--host", "10.214.9.1:1,10.214.9.2:1", "--bind-to", "none",
        "--mca", "plm_rsh_agent", agent, "--mca", "pml", "ob1", "--mca", "btl", "tcp,self",
        "--mca", "btl_tcp_if_include", "10.214.9.0/30", "--mca", "oob_tcp_if_include", "10.214.9.0/30", *command,
    ]


def timed(name, blocks, steps):
    """The workload in blocks of so many steps, each of which ends with a number that is read, and the seconds of the fastest block: what the
    machine does besides is in the others."""
    text = (HERE / "workloads" / f"{name}.rhai").read_text()
    text = re.sub(r"let steps = \d+;", f"let steps = {blocks * steps + 1};", text)
    text = re.sub(r"let warm_up = \d+;", "let warm_up = 3; let times = [];", text)
    mark = f"if step >= warm_up && (step - warm_up) % {steps} == 0 {{ loss_G.item(); start = clock(); times.push(start); }}"
    text, marks = re.subn(r"if step == warm_up \{.*?\}", mark, text)
    assert marks == 1, name
    least = "let least = 1e9; for i in 1..times.len() { least = min(least, times[i] - times[i - 1]); }"
    return f"{text}\n{least} print(`fastest ${{least}}`);\n"


def script(folder, name):
    """The workload, each rank with its own rows of the noise."""
    text = timed(name, STEPS[name], 1)
    text = re.sub(r"rand(n?)\(\[m, (\w+)\]\)", r"shard(rand\1([m, \2]))", text)
    text = re.sub(r"randint\(0, 6000, \[m\]\)", "shard(randint(0, 6000, [m]))", text)
    path = folder / f"{name}.rhai"
    path.write_text(text)
    return path


def seconds(command):
    env = {**os.environ, "SADDLE_THREADS": "1"}
    out = run(*command, env=env)
    return float(re.search(r"fastest ([\d.e-]+)", out).group(1))


EXCHANGE = """let t = randn([N]); for i in 0..3 { all_reduce(t); } let least = 1e9;
for i in 0..K { let start = clock(); all_reduce(t); least = min(least, clock() - start); }
if rank() == 0 { print(`fastest ${least}`); }
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--saddle", required=True)
    parser.add_argument("--workloads", nargs="*", default=["ring", "gp", "dcgan", "mlp", "unrolled"])
    options = parser.parse_args()
    saddle = str(Path(options.saddle).resolve())
    folder = Path(tempfile.mkdtemp())
    agent = folder / "agent"
    # Open MPI calls it as it would ssh: the host, then a command.
    agent.write_text(f'#!/bin/sh\nshift\nexec ip netns exec {SPACE} unshare --uts sh -c "hostname {SPACE}; $*"\n')
    agent.chmod(0o755)
    link = None
    try:
        scripts = {name: script(folder, name) for name in options.workloads}
        alone = {name: min(seconds([saddle, "run", str(path)]) for _ in range(3)) for name, path in scripts.items()}
        print("| link | workload | one process | two ranks, measured | model | speed-up, measured | model |")
        print("|---|---|---|---|---|---|---|")
        for delay, mbit in LINKS:
            if link:
                link.end()
            link = Link(delay, mbit)
            # What the exchange costs without the link: copies, system calls, the turns of the processes.
            told = f"{delay:g} ms, {mbit} Mbit/s" if mbit else "as it is"
            for size in (1, 1_000_000):
                path = folder / "exchange.rhai"
                path.write_text(EXCHANGE.replace("N", str(size), 1).replace("K", "10"))
                took = seconds(mpirun(str(agent), saddle, "run", str(path)))
                model = scaling.exchange(2, 4 * size, delay / 1e3, mbit * 1e6 / 8) if mbit else 0
                print(f"| {told} | `all_reduce` of {4 * size / 1e6:g} MB | | {1e3 * took:.2f} ms | {1e3 * model:.2f} ms | | |", flush=True)
            for name, path in scripts.items():
                took = min(seconds(mpirun(str(agent), saddle, "run", str(path))) for _ in range(2))
                c = alone[name]
                model = c / 2 + (sum(scaling.exchange(2, 4 * p, delay / 1e3, mbit * 1e6 / 8) for p in scaling.WORKLOADS[name][0]) if mbit else 0)
                print(
                    f"| {told} | `{name}` | {1e3 * c:.1f} ms | {1e3 * took:.1f} ms | {1e3 * model:.1f} ms | {c / took:.2f} | {c / model:.2f} |",
                    flush=True,
                )
    finally:
        if link:
            link.end()


if __name__ == "__main__":
    main()
