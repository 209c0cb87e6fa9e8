"""The ring with a penalty on the norm of D's gradient (Gulrajani et al. 2017)."""

import jax
import jax.numpy as jnp
import ring
from timing import run


def penalty(p, x, x_fake, key, weight=10.0):
    e = jax.random.uniform(key, (len(x), 1))
    grad = jax.grad(lambda x: ring.D(p, x).sum())(e * x + (1 - e) * x_fake)
    return weight * ((jnp.linalg.norm(grad, axis=1) - 1) ** 2).mean()


if __name__ == "__main__":
    run(lambda: ring.make(penalty=penalty), steps=500, warm_up=50)
