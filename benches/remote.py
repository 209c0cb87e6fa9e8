#!/usr/bin/env python3
"""What a device elsewhere costs: workloads on a device of this machine, and on the same device through `saddle serve-device`, over
loopback and over a link with delay and limited bandwidth (see `netem.py`); and how many bytes a step sends.

    sudo python3 benches/remote.py --saddle target/release/saddle --device wgpu

Times are those of the fastest block of a few steps; both sides share this machine's cores. Bytes do not depend on what else it does.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from netem import SPACE, Link, run, timed  # noqa: E402

TOKEN = "0123456789abcdef0123"
# Latency in ms each way, Mbit/s.
LINK = (10.0, 100)
# Steps of a block, after which a loss is read; blocks, of which the fastest counts.
STEPS = {"tiny": 20, "ring": 8, "gp": 5, "quickstart": 8, "unrolled": 2, "mlp": 2, "dcgan": 2}
BLOCKS = 4
# Round trips, and bytes there and back.
SMALL = """let x = ones([1]); for i in 0..5 { (x + 1).item(); }
let least = 1e9; for i in 0..50 { let start = clock(); (x + 1).item(); least = min(least, clock() - start); } print(`fastest ${least}`);"""
LARGE = """let x = randn([1000, 1000]).to("cpu"); for i in 0..2 { x.to(device()).to("cpu"); }
let least = 1e9; for i in 0..4 { let start = clock(); x.to(device()).to("cpu"); least = min(least, clock() - start); } print(`fastest ${least}`);"""


def script(folder, name, device):
    if name in STEPS:
        text = timed(name, BLOCKS, STEPS[name])
    else:
        text = {"(x + 1).item()": SMALL, "4 MB there and back": LARGE}[name].replace("device()", f'"{device}"')
    path = folder / "workload.rhai"
    path.write_text(f'device("{device}");\n{text}')
    return path


def seconds(saddle, folder, name, device):
    env = {**os.environ, "SADDLE_DEVICE_TOKEN": TOKEN}
    out = run(saddle, "run", str(script(folder, name, device)), env=env)
    return float(re.search(r"fastest ([\d.e-]+)", out).group(1)) / STEPS.get(name, 1)


class Server:
    def __init__(self, saddle, address, device, inside=()):
        command = [*inside, saddle, "serve-device", "--listen", address, "--device", device]
        env = {**os.environ, "SADDLE_DEVICE_TOKEN": TOKEN}
        self.process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout.readline().startswith("serving")

    def end(self):
        self.process.kill()
        self.process.wait()


def crossed():
    """Bytes that have gone over the link so far: to the server, and back."""
    return [int(Path(f"/sys/class/net/sdna/statistics/{way}_bytes").read_text()) for way in ("tx", "rx")]


def bytes_a_step(saddle, folder, name, device):
    """What a step sends and gets, from the difference between a run and one of twice as many steps."""
    env = {**os.environ, "SADDLE_DEVICE_TOKEN": TOKEN}
    counts = []
    for steps in (STEPS[name], 2 * STEPS[name]):
        path = folder / "counted.rhai"
        path.write_text(f'device("{device}");\n' + timed(name, 1, steps))
        before = crossed()
        run(saddle, "run", str(path), env=env)
        counts.append([now - then for now, then in zip(crossed(), before)])
    return [(more - less) / STEPS[name] for less, more in zip(*counts)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--saddle", required=True)
    parser.add_argument("--device", default="wgpu")
    parser.add_argument("--workloads", nargs="*", default=["(x + 1).item()", "4 MB there and back", *STEPS])
    options = parser.parse_args()
    saddle, kept = str(Path(options.saddle).resolve()), tempfile.TemporaryDirectory()
    folder, link, servers = Path(kept.name), Link(*LINK), []
    try:
        inside = ["ip", "netns", "exec", SPACE]
        servers = [Server(saddle, "127.0.0.1:7171", options.device), Server(saddle, "10.214.9.2:7171", options.device, inside)]
        far = "tcp://10.214.9.2:7171"
        print(f"| on `{options.device}`, a step | here | loopback | {LINK[0]:g} ms, {LINK[1]} Mbit/s | bytes sent | received |")
        print("|---|---|---|---|---|---|")
        for name in options.workloads:
            count = [f"{n:,.0f}" for n in bytes_a_step(saddle, folder, name, far)] if name in STEPS else ["", ""]
            took = [seconds(saddle, folder, name, device) for device in (options.device, "tcp://127.0.0.1:7171", far)]
            print(f"| `{name}` | " + " | ".join([f"{1e3 * t:.2f} ms" for t in took] + count) + " |", flush=True)
    finally:
        for server in servers:
            server.end()
        link.end()
        kept.cleanup()


if __name__ == "__main__":
    main()
