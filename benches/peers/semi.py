"""A step of semi-supervised learning on MNIST (Salimans et al. 2016): weight norm, noise, ten logits, feature matching."""

import torch
import torch.nn.functional as F
from timing import run
from torch import nn
from torch.nn.utils.parametrizations import weight_norm


class Noise(nn.Module):
    def __init__(self, std):
        super().__init__()
        self.std = std

    def forward(self, x):
        return x + self.std * torch.randn_like(x)


def make_step(m=100):
    data, x_lab, y_lab = torch.rand(6000, 784), torch.rand(100, 784), torch.randint(10, (100,))
    G = nn.Sequential(
        nn.Linear(100, 500), nn.BatchNorm1d(500), nn.Softplus(), nn.Linear(500, 500), nn.BatchNorm1d(500), nn.Softplus(),
        weight_norm(nn.Linear(500, 784)), nn.Sigmoid(),
    )
    sizes = [784, 1000, 500, 250, 250, 250]
    body = nn.Sequential()
    for i, (n_in, n_out) in enumerate(zip(sizes, sizes[1:])):
        body.extend([Noise(0.5 if i else 0.3), weight_norm(nn.Linear(n_in, n_out)), nn.ReLU()])
    head = nn.Sequential(Noise(0.5), weight_norm(nn.Linear(250, 10)))
    opt_G = torch.optim.Adam(G.parameters(), lr=3e-3, betas=(0.5, 0.999))
    opt_D = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=3e-3, betas=(0.5, 0.999))

    def step():
        with torch.no_grad():
            x_fake = G(torch.rand(m, 100))
        logits = head(body(torch.cat([x_lab, data[torch.randint(len(data), (m,))], x_fake])))
        Z = logits.logsumexp(dim=1)
        Z_x = Z[m : 2 * m]
        loss_D = F.cross_entropy(logits[:m], y_lab)
        loss_D = loss_D + (-0.5 * Z_x + 0.5 * F.softplus(Z_x)).mean() + 0.5 * F.softplus(Z[2 * m :]).mean()
        opt_D.zero_grad()
        loss_D.backward()
        opt_D.step()

        with torch.no_grad():
            f = body(data[torch.randint(len(data), (m,))]).mean(dim=0)
        loss_G = (f - body(G(torch.rand(m, 100))).mean(dim=0)).square().mean()
        opt_G.zero_grad()
        loss_G.backward(inputs=list(G.parameters()))
        opt_G.step()
        return loss_D, loss_G

    return step


if __name__ == "__main__":
    run(make_step, steps=30, warm_up=5)
