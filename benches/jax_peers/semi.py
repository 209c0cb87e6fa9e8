"""A step of semi-supervised learning on MNIST (Salimans et al. 2016): weight norm, noise, ten logits, feature matching."""

import jax
import jax.numpy as jnp
import optax
from jax.scipy.special import logsumexp
from timing import apply_linear, batch_norm, linear, norm, rows, run, two_losses

SIZES = [784, 1000, 500, 250, 250, 250, 10]


def weight_normed(key, n_in, n_out):
    p = linear(key, n_in, n_out)
    return {"v": p["w"], "g": jnp.linalg.norm(p["w"], axis=0), "b": p["b"]}


def apply_weight_normed(p, x):
    return x @ (p["v"] * (p["g"] / jnp.linalg.norm(p["v"], axis=0))) + p["b"]


def G(p, z):
    for i in range(2):
        z = jax.nn.softplus(batch_norm(p["norms"][i], apply_linear(p["layers"][i], z)))
    return jax.nn.sigmoid(apply_weight_normed(p["last"], z))


def noisy(x, key, std):
    return x + std * jax.random.normal(key, x.shape)


def features(params, x, key):
    for i, (p, k) in enumerate(zip(params[:-1], jax.random.split(key, 5))):
        x = jax.nn.relu(apply_weight_normed(p, noisy(x, k, 0.5 if i else 0.3)))
    return x


def D(params, x, key):
    k1, k2 = jax.random.split(key)
    return apply_weight_normed(params[-1], noisy(features(params, x, k1), k2, 0.5))


def make(m=100):
    k = jax.random.split(jax.random.key(0), 12)
    x_lab, y_lab = jax.random.uniform(k[0], (100, 784)), jax.random.randint(k[1], (100,), 0, 10)

    def loss_D(p, x, x_fake, key):
        logits = D(p, jnp.concatenate([x_lab, x, x_fake]), key)
        Z = logsumexp(logits, axis=1)
        Z_x = Z[m : 2 * m]
        labelled = optax.softmax_cross_entropy_with_integer_labels(logits[:m], y_lab).mean()
        return labelled + (-0.5 * Z_x + 0.5 * jax.nn.softplus(Z_x)).mean() + 0.5 * jax.nn.softplus(Z[2 * m :]).mean()

    def loss_G(p_G, p_D, z, x, key):
        k1, k2 = jax.random.split(key)
        return ((features(p_D, x, k1).mean(0) - features(p_D, G(p_G, z), k2).mean(0)) ** 2).mean()

    p_G = {
        "layers": [linear(k[2], 100, 500), linear(k[3], 500, 500)], "norms": [norm(500), norm(500)],
        "last": weight_normed(k[4], 500, 784),
    }
    p_D = [weight_normed(key, *pair) for key, pair in zip(k[5:11], zip(SIZES, SIZES[1:]))]
    adam = optax.adam(3e-3, b1=0.5)
    sample = rows(jax.random.uniform(k[11], (6000, 784)), m)
    return two_losses(loss_D, loss_G, G, p_G, p_D, adam, adam, sample, lambda key: jax.random.uniform(key, (m, 100)))


if __name__ == "__main__":
    run(make, steps=30, warm_up=5)
