"""A DCGAN of 28 × 28 pixels: transposed convolutions and batch norm in G, strided convolutions in D, Adam."""

import torch
from timing import algorithm_1, run
from torch import nn


def make_step(m=64):
    data = torch.rand(2048, 1, 28, 28) * 2 - 1
    G = nn.Sequential(
        nn.Linear(100, 128 * 7 * 7), nn.Unflatten(1, (128, 7, 7)), nn.BatchNorm2d(128), nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 1, 4, stride=2, padding=1), nn.Tanh(),
    )
    D = nn.Sequential(
        nn.Conv2d(1, 64, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, stride=2, padding=1), nn.BatchNorm2d(128), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(128 * 7 * 7, 1),
    )
    opt_G = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
    opt_D = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
    return algorithm_1(
        G, D, opt_G, opt_D,
        sample=lambda: data[torch.randint(len(data), (m,))],
        noise=lambda: torch.randn(m, 100),
    )


if __name__ == "__main__":
    run(make_step, steps=60, warm_up=10)
