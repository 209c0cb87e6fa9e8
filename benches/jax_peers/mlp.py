"""The adversarial net of the 2014 paper on MNIST: G of rectifiers, D of maxout units with dropout, momentum."""

import jax
import jax.numpy as jnp
import optax
from timing import algorithm_1, apply_linear, linear, mlp, mlp_params, rows, run


def dropped(key, x, keep):
    return jnp.where(jax.random.bernoulli(key, keep, x.shape), x / keep, 0)


def D(params, x, key):
    keys = jax.random.split(key, 3)
    for p, key, keep in zip(params, keys, (0.8, 0.5)):
        x = apply_linear(p, dropped(key, x, keep)).reshape(-1, 240, 5).max(2)
    return apply_linear(params[2], dropped(keys[2], x, 0.5))


def make(m=100):
    k = jax.random.split(jax.random.key(0), 5)
    p_D = [linear(k[1], 784, 1200, 0.005), linear(k[2], 240, 1200, 0.005), linear(k[3], 240, 1)]
    sgd = optax.sgd(0.05, momentum=0.5)
    return algorithm_1(
        lambda p, z: jax.nn.sigmoid(mlp(p, z)), D, mlp_params(k[0], [100, 1200, 1200, 784]), p_D, sgd, sgd,
        sample=rows(jax.random.uniform(k[4], (6000, 784)), m), noise=lambda k: jax.random.normal(k, (m, 100)),
    )


if __name__ == "__main__":
    run(make, steps=100, warm_up=10)
