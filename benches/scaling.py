#!/usr/bin/env python3
"""What data-parallel training costs as it grows: a model of a training step on n ranks, for the workloads of `benches/`.

    python3 benches/scaling.py                # the tables of scaling.md
    python3 benches/scaling.py --every 10     # with averaging every 10 steps

A step of one process computes `c` seconds for the whole batch; n ranks compute c / n (never less than `floor`, what a step costs however
small its batch is) and exchange the gradients of each player, `b` bytes, one exchange after the other, each step or every k steps. An
exchange takes the less of a ring, 2 (n − 1) (l + b / (n w)), and a tree, 2 ceil(log2 n) (l + b / w), with latency l and bandwidth w of a link (Thakur, Rabenseifner
and Gropp 2005).
"""

import argparse
import math


def linear(a, b):
    return a * b + b


# Parameters of G and of D, and steps a second of one process on two cores (benches/README.md, machine C).
RING = (
    linear(256, 128) + linear(128, 128) + linear(128, 2),
    linear(2, 128) + linear(128, 128) + linear(128, 1),
)
WORKLOADS = {
    "mlp": (
        (
            linear(100, 1200) + linear(1200, 1200) + linear(1200, 784),
            5 * linear(784, 240) + 5 * linear(240, 240) + linear(240, 1),
        ),
        57.1,
    ),
    "dcgan": (
        (
            linear(100, 128 * 49) + 2 * 128 + (128 * 64 * 16 + 64) + 2 * 64 + (64 * 16 + 1),
            (64 * 16 + 64) + (64 * 128 * 16 + 128) + 2 * 128 + linear(128 * 49, 1),
        ),
        17.1,
    ),
    "ring": (RING, 589),
    "tiny": (2 * (linear(1, 16) + linear(16, 1),), 20190),
    "unrolled": (RING, 97),
    "gp": (RING, 467),
}
# Latency in seconds, bandwidth in bytes a second.
NETWORKS = {
    "gigabit Ethernet": (50e-6, 117e6),
    "10-gigabit Ethernet": (20e-6, 1.17e9),
    "InfiniBand HDR": (1.5e-6, 24e9),
}
RANKS = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
# A step of the smallest workload: what calls and dispatch cost, whatever the batch.
FLOOR = 1 / 20190


def exchange(n, size, latency, bandwidth):
    """Seconds of one sum over n ranks of `size` bytes."""
    ring = 2 * (n - 1) * (latency + size / (n * bandwidth))
    tree = 2 * math.ceil(math.log2(n)) * (latency + size / bandwidth)
    return min(ring, tree)


def speed(workload, network, n, every, dearer=1.0):
    """How much faster than one process n ranks are, if an exchange costs so many times what the formula says."""
    parameters, rate = WORKLOADS[workload]
    compute = 1 / rate
    exchanges = dearer * sum(exchange(n, 4 * each, *NETWORKS[network]) for each in parameters)
    step = max(compute / n, min(FLOOR, compute)) + exchanges / every
    return compute / step


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--every", type=int, default=1, help="steps between two exchanges")
    parser.add_argument("--dearer", type=float, default=1, help="how many times the formula's cost an exchange has")
    options = parser.parse_args()
    every, dearer = options.every, options.dearer
    for network in NETWORKS:
        print(f"\n### {network}, an exchange every {'step' if every == 1 else f'{every} steps'}\n")
        print("| workload | MB of gradients | " + " | ".join(map(str, RANKS)) + " | best |")
        print("|---|---|" + "---|" * (len(RANKS) + 1))
        for workload, (parameters, _) in WORKLOADS.items():
            speeds = [speed(workload, network, n, every, dearer) for n in RANKS]
            best = max(range(len(RANKS)), key=speeds.__getitem__)
            told = f"{RANKS[best]} ranks" if speeds[best] > 1 else "1 rank"
            cells = " | ".join(f"{value:.2f}" if value < 10 else f"{value:.0f}" for value in speeds)
            print(f"| `{workload}` | {4 * sum(parameters) / 1e6:.2f} | {cells} | {told} |")


if __name__ == "__main__":
    main()
