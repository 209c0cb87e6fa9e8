"""One Gaussian of one dimension, 16 hidden units: what a step costs besides arithmetic."""

import jax
import optax
from timing import algorithm_1, mlp, mlp_params, run


def make(m=128):
    k1, k2 = jax.random.split(jax.random.key(0))
    sgd = optax.sgd(0.01, momentum=0.5)
    return algorithm_1(
        mlp, lambda p, x, key: mlp(p, x), mlp_params(k1, [1, 16, 1]), mlp_params(k2, [1, 16, 1]), sgd, sgd,
        sample=lambda k: 4 + 0.5 * jax.random.normal(k, (m, 1)), noise=lambda k: jax.random.normal(k, (m, 1)),
    )


if __name__ == "__main__":
    run(make, steps=5000, warm_up=500)
