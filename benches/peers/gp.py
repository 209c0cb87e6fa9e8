"""The ring with a penalty on the norm of D's gradient (Gulrajani et al. 2017)."""

import torch
from ring import networks, sample_ring
from timing import algorithm_1, run


def make_step(m=512, weight=10.0):
    G, D, opt_G, opt_D = networks()

    def penalty(x, x_fake):
        e = torch.rand(m, 1)
        between = (e * x + (1 - e) * x_fake).requires_grad_()
        (grad,) = torch.autograd.grad(D(between).sum(), between, create_graph=True)
        return weight * ((grad.norm(dim=1) - 1) ** 2).mean()

    return algorithm_1(
        G, D, opt_G, opt_D,
        sample=lambda: sample_ring(m),
        noise=lambda: torch.randn(m, 256),
        penalty=penalty,
    )


if __name__ == "__main__":
    run(make_step, steps=500, warm_up=50)
