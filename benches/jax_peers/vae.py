"""A variational autoencoder 784-400-20 (Kingma and Welling 2014)."""

import jax
import jax.numpy as jnp
import optax
from timing import mlp, mlp_params, one_loss, rows, run


def make(m=128):
    k = jax.random.split(jax.random.key(0), 3)
    data = (jax.random.uniform(k[2], (6000, 784)) < 0.2).astype(jnp.float32)

    def loss(p, x, key):
        mu, log_var = jnp.split(mlp(p["encoder"], x), 2, axis=1)
        z = mu + jnp.exp(log_var / 2) * jax.random.normal(key, mu.shape)
        kl = -0.5 * (1 + log_var - mu**2 - jnp.exp(log_var)).sum() / m
        return optax.sigmoid_binary_cross_entropy(mlp(p["decoder"], z), x).mean() * 784 + kl

    params = {"encoder": mlp_params(k[0], [784, 400, 40]), "decoder": mlp_params(k[1], [20, 400, 784])}
    return one_loss(loss, params, optax.adam(1e-3), rows(data, m))


if __name__ == "__main__":
    run(make, steps=200, warm_up=20)
