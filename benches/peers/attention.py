"""A DCGAN with a block of self-attention in both networks (Zhang et al. 2019), hinge loss."""

import torch
from timing import run, two_losses
from torch import nn


class SelfAttention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        inner = max(1, channels // 8)
        self.query, self.key = nn.Conv2d(channels, inner, 1), nn.Conv2d(channels, inner, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.factor = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        query, key, value = self.query(x).flatten(2), self.key(x).flatten(2), self.value(x).flatten(2)
        weights = (query.transpose(1, 2) @ key).softmax(2)
        return x + self.factor * (value @ weights.transpose(1, 2)).view_as(x)


def make_step(m=64):
    data = torch.rand(2048, 1, 28, 28) * 2 - 1
    G = nn.Sequential(
        nn.Linear(100, 64 * 7 * 7), nn.Unflatten(1, (64, 7, 7)), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU(), SelfAttention(32),
        nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1), nn.Tanh(),
    )
    D = nn.Sequential(
        nn.Conv2d(1, 32, 4, stride=2, padding=1), nn.LeakyReLU(0.2), SelfAttention(32),
        nn.Conv2d(32, 64, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(64 * 7 * 7, 1),
    )
    opt_G = torch.optim.Adam(G.parameters(), lr=1e-4, betas=(0.0, 0.9))
    opt_D = torch.optim.Adam(D.parameters(), lr=4e-4, betas=(0.0, 0.9))

    return two_losses(
        G, opt_G, opt_D,
        sample=lambda: data[torch.randint(len(data), (m,))],
        noise=lambda: torch.randn(m, 100),
        loss_of_d=lambda x, x_fake: (1 - D(x)).relu().mean() + (1 + D(x_fake)).relu().mean(),
        loss_of_g=lambda x_fake: -D(x_fake).mean(),
    )


if __name__ == "__main__":
    run(make_step, steps=20, warm_up=4)
