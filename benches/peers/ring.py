"""Eight Gaussians on a ring, two networks of two hidden layers."""

import math

import torch
from timing import algorithm_1, run
from torch import nn


def sample_ring(m, modes=8, radius=2.0, std=0.02):
    angle = torch.randint(modes, (m,)) * (2 * math.pi / modes)
    return radius * torch.stack([angle.cos(), angle.sin()], dim=1) + std * torch.randn(m, 2)


def networks():
    G = nn.Sequential(nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 2))
    D = nn.Sequential(nn.Linear(2, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1))
    opt_G = torch.optim.Adam(G.parameters(), lr=1e-4, betas=(0.5, 0.999))
    opt_D = torch.optim.Adam(D.parameters(), lr=1e-4, betas=(0.5, 0.999))
    return G, D, opt_G, opt_D


def make_step(m=512):
    return algorithm_1(*networks(), sample=lambda: sample_ring(m), noise=lambda: torch.randn(m, 256))


if __name__ == "__main__":
    run(make_step, steps=500, warm_up=50)
