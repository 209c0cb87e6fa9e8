"""A variational autoencoder 784-400-20 (Kingma and Welling 2014)."""

import torch
import torch.nn.functional as F
from timing import run
from torch import nn


def make_step(m=128):
    data = (torch.rand(6000, 784) < 0.2).float()
    encoder = nn.Sequential(nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 40))
    decoder = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))
    opt = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)

    def step():
        x = data[torch.randint(len(data), (m,))]
        mu, log_var = encoder(x).chunk(2, dim=1)
        z = mu + (log_var / 2).exp() * torch.randn_like(mu)
        kl = -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum() / m
        loss = F.binary_cross_entropy_with_logits(decoder(z), x) * 784 + kl
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss, loss

    return step


if __name__ == "__main__":
    run(make_step, steps=200, warm_up=20)
