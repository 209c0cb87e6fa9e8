"""A DCGAN with R1 and R2 (Mescheder et al. 2018): second order through convolutions."""

import jax
import jax.numpy as jnp
import dcgan
from timing import run


def squared_gradient(p, x):
    return jnp.square(jax.grad(lambda x: dcgan.D(p, x).sum())(x)).reshape(len(x), -1).sum(1).mean()


def penalty(p, x, x_fake, key):
    return 5 * (squared_gradient(p, x) + squared_gradient(p, x_fake))


if __name__ == "__main__":
    run(lambda: dcgan.make(penalty=penalty, normed=False), steps=20, warm_up=4)
