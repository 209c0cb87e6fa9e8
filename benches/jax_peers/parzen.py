"""The log-likelihood by Parzen windows of 10,000 points of 784 numbers, with as many samples of a model; in the places of the
losses the mean and its standard error."""

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp
from timing import run


def make(n=10_000, d=784, sigma=0.2, batch=1000):
    k1, k2 = jax.random.split(jax.random.key(0))
    constant = math.log(n) + d * math.log(sigma * math.sqrt(2 * math.pi))

    # All distances at once would take 400 MB.
    def step(state):
        model, test = state
        lengths = (model**2).sum(1)

        def part(x):
            squares = (x**2).sum(1, keepdims=True) + lengths - 2 * x @ model.T
            return logsumexp(-squares / (2 * sigma**2), axis=1)

        each = jax.lax.map(part, test.reshape(-1, batch, d)).reshape(-1) - constant
        return state, each.mean(), each.std(ddof=1) / math.sqrt(n)

    return step, (jax.random.uniform(k1, (n, d)), jax.random.uniform(k2, (n, d)))


if __name__ == "__main__":
    run(make, steps=3, warm_up=1)
