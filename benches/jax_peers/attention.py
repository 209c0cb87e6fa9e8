"""A DCGAN with a block of self-attention in both networks (Zhang et al. 2019), hinge loss."""

import jax
import jax.numpy as jnp
import optax
from dcgan import sources
from timing import apply_conv, apply_conv_transpose, apply_linear, batch_norm, conv, linear, norm, run, two_losses


def attention(key, channels):
    k = jax.random.split(key, 3)
    inner = max(1, channels // 8)
    return {
        "query": conv(k[0], 1, channels, inner), "key": conv(k[1], 1, channels, inner),
        "value": conv(k[2], 1, channels, channels), "factor": jnp.zeros(()),
    }


def attend(p, x):
    n, h, w, c = x.shape
    query, key, value = (apply_conv(p[name], x).reshape(n, h * w, -1) for name in ("query", "key", "value"))
    weights = jax.nn.softmax(query @ key.swapaxes(1, 2), axis=2)
    return x + p["factor"] * (weights @ value).reshape(x.shape)


def G(p, z):
    x = apply_linear(p["linear"], z).reshape(-1, 7, 7, 64)
    x = jax.nn.relu(batch_norm(p["norm1"], x))
    x = jax.nn.relu(batch_norm(p["norm2"], apply_conv_transpose(p["conv1"], x)))
    return jnp.tanh(apply_conv_transpose(p["conv2"], attend(p["attention"], x)))


def D(p, x):
    x = attend(p["attention"], jax.nn.leaky_relu(apply_conv(p["conv1"], x, 2, 1), 0.2))
    x = jax.nn.leaky_relu(apply_conv(p["conv2"], x, 2, 1), 0.2)
    return apply_linear(p["linear"], x.reshape(len(x), -1))


def loss_D(p, x, x_fake, key):
    return jax.nn.relu(1 - D(p, x)).mean() + jax.nn.relu(1 + D(p, x_fake)).mean()


def loss_G(p_G, p_D, z, x, key):
    return -D(p_D, G(p_G, z)).mean()


def make(m=64):
    k = jax.random.split(jax.random.key(0), 8)
    p_G = {
        "linear": linear(k[0], 100, 64 * 7 * 7), "norm1": norm(64), "norm2": norm(32), "attention": attention(k[2], 32),
        "conv1": conv(k[1], 4, 64, 32, transposed=True), "conv2": conv(k[3], 4, 32, 1, transposed=True),
    }
    p_D = {
        "conv1": conv(k[4], 4, 1, 32), "attention": attention(k[5], 32), "conv2": conv(k[6], 4, 32, 64),
        "linear": linear(k[7], 64 * 7 * 7, 1),
    }
    opt_G, opt_D = optax.adam(1e-4, b1=0.0, b2=0.9), optax.adam(4e-4, b1=0.0, b2=0.9)
    return two_losses(loss_D, loss_G, G, p_G, p_D, opt_G, opt_D, *sources(m))


if __name__ == "__main__":
    run(make, steps=20, warm_up=4)
