"""Sampling from a PixelCNN, one pixel after the other: as many passes as pixels. The places of the losses have the mean."""

import jax
import jax.numpy as jnp
from pixelcnn import network, params
from timing import run


def make(m=16, side=14):
    def draw(at, state):
        p, x, key = state
        i, j = at // side, at % side
        key, k = jax.random.split(key)
        on = jax.random.bernoulli(k, jax.nn.sigmoid(network(p, x)[:, i, j, 0]))
        return p, x.at[:, i, j, 0].set(on.astype(jnp.float32)), key

    def step(state):
        p, key = state
        _, x, key = jax.lax.fori_loop(0, side * side, draw, (p, jnp.zeros((m, side, side, 1)), key))
        return (p, key), x.mean(), x.mean()

    return step, (params(), jax.random.key(1))


if __name__ == "__main__":
    run(make, steps=4, warm_up=1)
