"""The ring with D unrolled: G's gradient passes through five steps of D (Metz et al. 2017)."""

import jax
from ring import ADAM, D, params, sources
from timing import bce, mlp, run, two_losses


def make(m=512, unrolled=5, lr=0.1):
    def loss_D(p, x, x_fake, key=None):
        return (bce(D(p, x), 1.0) + bce(D(p, x_fake), 0.0)) / 2

    def loss_G(p_G, p_D, z, x, key):
        x_fake = mlp(p_G, z)
        for _ in range(unrolled):
            p_D = jax.tree.map(lambda p, g: p - lr * g, p_D, jax.grad(loss_D)(p_D, x, x_fake))
        return bce(D(p_D, x_fake), 1.0)

    return two_losses(loss_D, loss_G, mlp, *params(), ADAM, ADAM, *sources(m))


if __name__ == "__main__":
    run(make, steps=150, warm_up=15)
