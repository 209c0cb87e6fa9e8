"""WGAN-GP with convolutions (Gulrajani et al. 2017): a critic without batch norm, the norm of its gradient held at 1."""

import torch
from r1 import networks
from timing import run


def make_step(m=64):
    data = torch.rand(2048, 1, 28, 28) * 2 - 1
    G, D = networks()
    opt_G = torch.optim.Adam(G.parameters(), lr=1e-4, betas=(0.0, 0.9))
    opt_D = torch.optim.Adam(D.parameters(), lr=1e-4, betas=(0.0, 0.9))

    def step():
        x = data[torch.randint(len(data), (m,))]
        with torch.no_grad():
            x_fake = G(torch.randn(m, 100))
        e = torch.rand(m, 1, 1, 1)
        between = (e * x + (1 - e) * x_fake).requires_grad_()
        (grad,) = torch.autograd.grad(D(between).sum(), between, create_graph=True)
        loss_D = D(x_fake).mean() - D(x).mean() + 10 * ((grad.flatten(1).norm(dim=1) - 1) ** 2).mean()
        opt_D.zero_grad()
        loss_D.backward()
        opt_D.step()

        loss_G = -D(G(torch.randn(m, 100))).mean()
        opt_G.zero_grad()
        loss_G.backward(inputs=list(G.parameters()))
        opt_G.step()
        return loss_D, loss_G

    return step


if __name__ == "__main__":
    run(make_step, steps=20, warm_up=4)
