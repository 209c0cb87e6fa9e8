"""A DCGAN with R1 and R2 (Mescheder et al. 2018): second order through convolutions."""

import torch
from timing import algorithm_1, run
from torch import nn


def networks():
    G = nn.Sequential(
        nn.Linear(100, 128 * 7 * 7), nn.Unflatten(1, (128, 7, 7)), nn.BatchNorm2d(128), nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 1, 4, stride=2, padding=1), nn.Tanh(),
    )
    D = nn.Sequential(
        nn.Conv2d(1, 64, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(128 * 7 * 7, 1),
    )
    return G, D


def make_step(m=64):
    data = torch.rand(2048, 1, 28, 28) * 2 - 1
    G, D = networks()
    opt_G = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
    opt_D = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def squared_gradient(x):
        x = x.detach().requires_grad_()
        (grad,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
        return grad.square().flatten(1).sum(1).mean()

    return algorithm_1(
        G, D, opt_G, opt_D,
        sample=lambda: data[torch.randint(len(data), (m,))],
        noise=lambda: torch.randn(m, 100),
        penalty=lambda x, x_fake: 5 * (squared_gradient(x) + squared_gradient(x_fake)),
    )


if __name__ == "__main__":
    run(make_step, steps=20, warm_up=4)
