"""The peer of growth.py's script: a GAN step of two networks of two hidden layers, any batch and width."""

import argparse
import time

import torch
from timing import algorithm_1
from torch import nn


def make_step(batch, width):
    G = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))
    D = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))
    opt_G = torch.optim.Adam(G.parameters(), lr=1e-4, betas=(0.5, 0.999))
    opt_D = torch.optim.Adam(D.parameters(), lr=1e-4, betas=(0.5, 0.999))
    noise, sample = lambda: torch.randn(batch, 64), lambda: torch.randn(batch, 2)
    return algorithm_1(G, D, opt_G, opt_D, sample=sample, noise=noise)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int)
    parser.add_argument("--width", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seconds", type=float)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    step = make_step(options.batch, options.width)
    for _ in range(3):
        step()
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < options.seconds:
        step()
        steps += 1
    print(steps / (time.perf_counter() - start))
