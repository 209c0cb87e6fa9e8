"""The ring with D unrolled: G's gradient passes through five steps of D (Metz et al. 2017)."""

import torch
from ring import networks, sample_ring
from timing import bce, loss_of_d, run
from torch.func import functional_call


def make_step(m=512, unrolled=5, lr=0.1):
    G, D, opt_G, opt_D = networks()

    def step():
        x = sample_ring(m)
        with torch.no_grad():
            x_fake = G(torch.randn(m, 256))
        loss_D = loss_of_d(D, x, x_fake)
        opt_D.zero_grad()
        loss_D.backward()
        opt_D.step()

        x, x_fake = sample_ring(m), G(torch.randn(m, 256))
        params = dict(D.named_parameters())
        for _ in range(unrolled):
            loss = loss_of_d(lambda x: functional_call(D, params, (x,)), x, x_fake)
            grads = torch.autograd.grad(loss, params.values(), create_graph=True)
            params = {name: p - lr * g for (name, p), g in zip(params.items(), grads)}
        loss_G = bce(functional_call(D, params, (x_fake,)), 1.0)
        opt_G.zero_grad()
        loss_G.backward(inputs=list(G.parameters()))
        opt_G.step()
        return loss_D, loss_G

    return step


if __name__ == "__main__":
    run(make_step, steps=150, warm_up=15)
