"""One Gaussian of one dimension, 16 hidden units: what a step costs besides arithmetic."""

import torch
from timing import algorithm_1, run
from torch import nn


def make_step(m=128):
    G = nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 1))
    D = nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 1))
    opt_G = torch.optim.SGD(G.parameters(), lr=0.01, momentum=0.5)
    opt_D = torch.optim.SGD(D.parameters(), lr=0.01, momentum=0.5)
    return algorithm_1(
        G, D, opt_G, opt_D,
        sample=lambda: 4 + 0.5 * torch.randn(m, 1),
        noise=lambda: torch.randn(m, 1),
    )


if __name__ == "__main__":
    run(make_step, steps=5000, warm_up=500)
