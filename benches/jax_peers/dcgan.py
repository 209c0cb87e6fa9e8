"""A DCGAN of 28 × 28 pixels: transposed convolutions and batch norm in G, strided convolutions in D, Adam."""

import jax
import jax.numpy as jnp
import optax
from timing import (
    algorithm_1, apply_conv, apply_conv_transpose, apply_linear, batch_norm, conv, linear, norm, rows, run,
)


def G(p, z):
    x = apply_linear(p["linear"], z).reshape(-1, 7, 7, 128)
    x = jax.nn.relu(batch_norm(p["norm1"], x))
    x = jax.nn.relu(batch_norm(p["norm2"], apply_conv_transpose(p["conv1"], x)))
    return jnp.tanh(apply_conv_transpose(p["conv2"], x))


def D(p, x, key=None):
    x = jax.nn.leaky_relu(apply_conv(p["conv1"], x, 2, 1), 0.2)
    x = apply_conv(p["conv2"], x, 2, 1)
    if "norm" in p:
        x = batch_norm(p["norm"], x)
    x = jax.nn.leaky_relu(x, 0.2)
    return apply_linear(p["linear"], x.reshape(len(x), -1))


def params(normed):
    k = jax.random.split(jax.random.key(0), 6)
    p_G = {
        "linear": linear(k[0], 100, 6272), "norm1": norm(128), "norm2": norm(64),
        "conv1": conv(k[1], 4, 128, 64, transposed=True), "conv2": conv(k[2], 4, 64, 1, transposed=True),
    }
    p_D = {"conv1": conv(k[3], 4, 1, 64), "conv2": conv(k[4], 4, 64, 128), "linear": linear(k[5], 6272, 1)}
    if normed:
        p_D["norm"] = norm(128)
    return p_G, p_D


def sources(m):
    data = jax.random.uniform(jax.random.key(2), (2048, 28, 28, 1)) * 2 - 1
    return rows(data, m), lambda key: jax.random.normal(key, (m, 100))


def make(m=64, penalty=None, normed=True):
    adam = optax.adam(2e-4, b1=0.5)
    return algorithm_1(G, D, *params(normed), adam, adam, *sources(m), penalty)


if __name__ == "__main__":
    run(make, steps=60, warm_up=10)
