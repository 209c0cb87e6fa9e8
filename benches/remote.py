#!/usr/bin/env python3
"""What a device elsewhere costs: the workloads on a device of this machine, and on the same device through `saddle serve-device`, over
loopback and over links with delay and limited bandwidth (see `netem.py`).

    sudo python3 benches/remote.py --saddle target/release/saddle --device wgpu

The difference is what the way there and back costs a step, whatever the device; both sides share this machine's cores.
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
# Latency in ms each way, Mbit/s; None is loopback.
LINKS = [None, (1.0, 100), (10.0, 100)]
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--saddle", required=True)
    parser.add_argument("--device", default="wgpu")
    parser.add_argument("--workloads", nargs="*", default=["(x + 1).item()", "4 MB there and back", *STEPS])
    options = parser.parse_args()
    saddle, folder = str(Path(options.saddle).resolve()), Path(tempfile.mkdtemp())
    table = {name: [seconds(saddle, folder, name, options.device)] for name in options.workloads}
    for place in LINKS:
        link = Link(*place) if place else None
        try:
            address = "10.214.9.2:7171" if link else "127.0.0.1:7171"
            server = Server(saddle, address, options.device, ["ip", "netns", "exec", SPACE] if link else [])
            try:
                for name in options.workloads:
                    table[name].append(seconds(saddle, folder, name, f"tcp://{address}"))
            finally:
                server.end()
        finally:
            if link:
                link.end()
    told = ["loopback" if place is None else f"{place[0]:g} ms, {place[1]} Mbit/s" for place in LINKS]
    print(f"| ms a step on `{options.device}` | here | " + " | ".join(told) + " |")
    print("|---|---|" + "---|" * len(LINKS))
    for name, row in table.items():
        print(f"| `{name}` | " + " | ".join(f"{1e3 * t:.2f}" for t in row) + " |")


if __name__ == "__main__":
    main()
