"""WGAN-GP with convolutions (Gulrajani et al. 2017): a critic without batch norm, the norm of its gradient held at 1."""

import jax
import jax.numpy as jnp
import optax
from dcgan import D, G, params, sources
from timing import run, two_losses


def loss_D(p, x, x_fake, key):
    e = jax.random.uniform(key, (len(x), 1, 1, 1))
    grad = jax.grad(lambda x: D(p, x).sum())(e * x + (1 - e) * x_fake).reshape(len(x), -1)
    penalty = ((jnp.linalg.norm(grad, axis=1) - 1) ** 2).mean()
    return D(p, x_fake).mean() - D(p, x).mean() + 10 * penalty


def loss_G(p_G, p_D, z, x, key):
    return -D(p_D, G(p_G, z)).mean()


def make(m=64):
    adam = optax.adam(1e-4, b1=0.0, b2=0.9)
    return two_losses(loss_D, loss_G, G, *params(normed=False), adam, adam, *sources(m))


if __name__ == "__main__":
    run(make, steps=20, warm_up=4)
