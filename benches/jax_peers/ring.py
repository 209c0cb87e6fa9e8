"""Eight Gaussians on a ring, two networks of two hidden layers."""

import math

import jax
import jax.numpy as jnp
import optax
from timing import algorithm_1, mlp, mlp_params, run

ADAM = optax.adam(1e-4, b1=0.5)


def sample_ring(key, m, modes=8, radius=2.0, std=0.02):
    k1, k2 = jax.random.split(key)
    angle = jax.random.randint(k1, (m,), 0, modes) * (2 * math.pi / modes)
    return radius * jnp.stack([jnp.cos(angle), jnp.sin(angle)], 1) + std * jax.random.normal(k2, (m, 2))


def params():
    k1, k2 = jax.random.split(jax.random.key(0))
    return mlp_params(k1, [256, 128, 128, 2]), mlp_params(k2, [2, 128, 128, 1])


def D(p, x, key=None):
    return mlp(p, x)


def sources(m):
    return lambda key: sample_ring(key, m), lambda key: jax.random.normal(key, (m, 256))


def make(m=512, penalty=None):
    return algorithm_1(mlp, D, *params(), ADAM, ADAM, *sources(m), penalty)


if __name__ == "__main__":
    run(make, steps=500, warm_up=50)
