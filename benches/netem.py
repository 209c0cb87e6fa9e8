#!/usr/bin/env python3
"""The model of `scaling.py` against two ranks on slow links: two network namespaces of this machine, a link with delay and limited
bandwidth between them, Open MPI over it, one thread a rank. `tc netem` makes the link where the kernel has it; else two TUN devices do, between
which this program carries packets at that rate and so much later.

    sudo python3 benches/netem.py --saddle target/release/saddle            # a row for each link and workload

Needs root, iproute2 and Open MPI 4. What a link adds is the mean step over it less the mean step of the same two ranks without it, so that most
of what else the machine does falls out; the links are slow beside what is left.
"""

import argparse
import collections
import fcntl
import os
import re
import signal
import socket
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

# Latency of a link in ms (each way), bandwidth in Mbit/s; the first is as fast as this machine.
LINKS = [(0.0, 0), (10.0, 100), (50.0, 100), (10.0, 20)]
# Steps that are timed, after three others.
STEPS = {"mlp": 5, "dcgan": 5, "ring": 30, "tiny": 100, "unrolled": 15, "gp": 30}
SPACE = "saddle-netem"


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stderr}")
    return done.stdout


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
    """The workload in blocks of so many steps, each of which ends with a number that is read; it prints the seconds of the fastest block, since
    what the machine does besides is in the others, and their mean."""
    text = (HERE / "workloads" / f"{name}.rhai").read_text()
    text = re.sub(r"let steps = \d+;", f"let steps = {blocks * steps + 1};", text)
    text = re.sub(r"let warm_up = \d+;", "let warm_up = 3; let times = [];", text)
    mark = f"if step >= warm_up && (step - warm_up) % {steps} == 0 {{ loss_G.item(); start = clock(); times.push(start); }}"
    text, marks = re.subn(r"if step == warm_up \{.*?\}", mark, text)
    assert marks == 1, name
    least = "let least = 1e9; for i in 1..times.len() { least = min(least, times[i] - times[i - 1]); }"
    return f"{text}\n{least} print(`fastest ${{least}} mean ${{(times[-1] - times[0]) / (times.len() - 1)}}`);\n"


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
    return float(re.search(r"mean ([\d.e-]+)", run(*command, env=env)).group(1))


EXCHANGE = """let t = randn([N]); for i in 0..3 { all_reduce(t); }
let start = clock(); for i in 0..K { all_reduce(t); } if rank() == 0 { print(`mean ${(clock() - start) / K}`); }
"""


def exchange_script(folder, size):
    path = folder / f"exchange-{size}.rhai"
    path.write_text(EXCHANGE.replace("N", str(size), 1).replace("K", "20"))
    return path


# The link by itself, without MPI: how long until the other end has all bytes and says so.
LISTEN = """import socket
caller, _ = socket.create_server(("10.214.9.2", 7373)).accept()
while left := int.from_bytes(caller.recv(8, socket.MSG_WAITALL), "little"):
    while left: left -= len(caller.recv(min(left, 1 << 20)))
    caller.sendall(b"k")
"""


def plain_tcp(size):
    """The median seconds in which `size` bytes are there and a byte is back."""
    listener = subprocess.Popen(["ip", "netns", "exec", SPACE, sys.executable, "-c", LISTEN])
    for _ in range(100):
        try:
            caller = socket.create_connection(("10.214.9.2", 7373), timeout=60)
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    took = []
    for _ in range(5):
        start = time.monotonic()
        caller.sendall(size.to_bytes(8, "little") + bytes(size))
        caller.recv(1)
        took.append(time.monotonic() - start)
    caller.sendall(bytes(8))
    listener.wait(10)
    return sorted(took)[2]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--saddle", required=True)
    parser.add_argument("--workloads", nargs="*", default=["ring", "gp", "dcgan", "mlp", "unrolled"])
    options = parser.parse_args()
    saddle = str(Path(options.saddle).resolve())
    # Removed when the program ends.
    kept = tempfile.TemporaryDirectory()
    folder = Path(kept.name)
    agent = folder / "agent"
    # Open MPI calls it as it would ssh: the host, then a command.
    agent.write_text(f'#!/bin/sh\nshift\nexec ip netns exec {SPACE} unshare --uts sh -c "hostname {SPACE}; $*"\n')
    agent.chmod(0o755)
    # What is run, and the bytes of each of its exchanges in a step.
    work = {f"`{name}`": (script(folder, name), [4 * p for p in scaling.WORKLOADS[name][0]]) for name in options.workloads}
    for size in (1, 250_000, 1_000_000):
        work[f"`all_reduce` of {4 * size:,} bytes"] = (exchange_script(folder, size), [4 * size])
    bare = {}
    print("| link | | two ranks without it | with it | what it adds | model | measured ÷ model |")
    print("|---|---|---|---|---|---|---|")
    for delay, mbit in LINKS:
        link = Link(delay, mbit)
        try:
            if mbit:
                took, model = plain_tcp(4_000_000), 2 * delay / 1e3 + 4e6 / (mbit * 1e6 / 8)
                print(f"| {delay:g} ms, {mbit} Mbit/s | 4,000,000 bytes one way by TCP | | {1e3 * took:.0f} ms | | {1e3 * model:.0f} ms | {took / model:.2f} |")
            for name, (path, exchanges) in work.items():
                took = seconds(mpirun(str(agent), saddle, "run", str(path)))
                if not mbit:
                    bare[name] = took
                    continue
                added = took - bare[name]
                model = sum(scaling.exchange(2, size, delay / 1e3, mbit * 1e6 / 8) for size in exchanges)
                cells = " | ".join(f"{1e3 * t:.0f} ms" for t in (bare[name], took, added, model))
                print(f"| {delay:g} ms, {mbit} Mbit/s | {name} | {cells} | {added / model:.2f} |", flush=True)
        finally:
            link.end()


if __name__ == "__main__":
    main()
