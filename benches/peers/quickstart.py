"""The training loop of notebooks/00_quickstart: an MLP GAN on the 8 × 8 digits."""

import gzip
from pathlib import Path

import torch
from timing import algorithm_1, run
from torch import nn

DIGITS = Path(__file__).resolve().parents[2] / "data" / "digits.csv.gz"


def digits():
    with gzip.open(DIGITS, "rt") as lines:
        rows = [[int(n) for n in line.split(",")] for line in lines]
    return torch.tensor(rows)[:, :-1] / 16.0


def make_step(m=64):
    data = digits()
    G = nn.Sequential(
        nn.Linear(64, 256), nn.ReLU(),
        nn.Linear(256, 256), nn.ReLU(),
        nn.Linear(256, 64), nn.Sigmoid(),
    )
    D = nn.Sequential(
        nn.Linear(64, 256), nn.LeakyReLU(0.2), nn.Dropout(0.4),
        nn.Linear(256, 256), nn.LeakyReLU(0.2), nn.Dropout(0.4),
        nn.Linear(256, 1),
    )
    opt_G = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
    opt_D = torch.optim.Adam(D.parameters(), lr=5e-4, betas=(0.5, 0.999))
    return algorithm_1(
        G, D, opt_G, opt_D,
        sample=lambda: data[torch.randint(len(data), (m,))],
        noise=lambda: torch.randn(m, 64),
    )


if __name__ == "__main__":
    run(make_step, steps=2000, warm_up=100)
