"""WGAN-GP with convolutions (Gulrajani et al. 2017): a critic without batch norm, the norm of its gradient held at 1."""

import torch
from r1 import networks
from timing import run, two_losses


def make_step(m=64):
    data = torch.rand(2048, 1, 28, 28) * 2 - 1
    G, D = networks()
    opt_G = torch.optim.Adam(G.parameters(), lr=1e-4, betas=(0.0, 0.9))
    opt_D = torch.optim.Adam(D.parameters(), lr=1e-4, betas=(0.0, 0.9))

    def loss_of_d(x, x_fake):
        e = torch.rand(m, 1, 1, 1)
        between = (e * x + (1 - e) * x_fake).requires_grad_()
        (grad,) = torch.autograd.grad(D(between).sum(), between, create_graph=True)
        penalty = ((grad.flatten(1).norm(dim=1) - 1) ** 2).mean()
        return D(x_fake).mean() - D(x).mean() + 10 * penalty

    return two_losses(
        G, opt_G, opt_D,
        sample=lambda: data[torch.randint(len(data), (m,))],
        noise=lambda: torch.randn(m, 100),
        loss_of_d=loss_of_d,
        loss_of_g=lambda x_fake: -D(x_fake).mean(),
    )


if __name__ == "__main__":
    run(make_step, steps=20, warm_up=4)
