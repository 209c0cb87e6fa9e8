"""The training loop of notebooks/00_quickstart: an MLP GAN on the 8 × 8 digits."""

import gzip
from pathlib import Path

import jax
import jax.numpy as jnp
import optax
from mlp import dropped
from timing import algorithm_1, apply_linear, mlp, mlp_params, rows, run

DIGITS = Path(__file__).resolve().parents[2] / "data" / "digits.csv.gz"


def digits():
    with gzip.open(DIGITS, "rt") as lines:
        table = [[int(n) for n in line.split(",")] for line in lines]
    return jnp.array(table)[:, :-1] / 16.0


def D(params, x, key):
    for p, key in zip(params, jax.random.split(key)):
        x = dropped(key, jax.nn.leaky_relu(apply_linear(p, x), 0.2), 0.6)
    return apply_linear(params[2], x)


def make(m=64):
    k1, k2 = jax.random.split(jax.random.key(0))
    return algorithm_1(
        lambda p, z: jax.nn.sigmoid(mlp(p, z)), D, mlp_params(k1, [64, 256, 256, 64]), mlp_params(k2, [64, 256, 256, 1]),
        optax.adam(1e-3, b1=0.5), optax.adam(5e-4, b1=0.5),
        sample=rows(digits(), m), noise=lambda k: jax.random.normal(k, (m, 64)),
    )


if __name__ == "__main__":
    run(make, steps=2000, warm_up=100)
