"""What every JAX peer shares: layers as functions of their parameters, the step of a GAN, and the loop that is timed.

One jitted step, as JAX's users write it, with optax's optimizers. What XLA compiles is compiled before the warm-up and printed
apart. The last line is that of the PyTorch peers.
"""

import argparse
import math
import time

import jax
import jax.numpy as jnp
import optax


def linear(key, n_in, n_out, bound=None):
    """PyTorch's initial values, or weights uniform within ±bound and no shift."""
    k1, k2 = jax.random.split(key)
    b = bound or 1 / math.sqrt(n_in)
    w = jax.random.uniform(k1, (n_in, n_out), minval=-b, maxval=b)
    return {"w": w, "b": jnp.zeros(n_out) if bound else jax.random.uniform(k2, (n_out,), minval=-b, maxval=b)}


def apply_linear(p, x):
    return x @ p["w"] + p["b"]


def mlp_params(key, sizes):
    return [linear(k, *pair) for k, pair in zip(jax.random.split(key, len(sizes) - 1), zip(sizes, sizes[1:]))]


def mlp(params, x):
    for p in params[:-1]:
        x = jax.nn.relu(apply_linear(p, x))
    return apply_linear(params[-1], x)


def conv(key, size, n_in, n_out, transposed=False):
    """PyTorch's initial values, whose bound is by the outputs where the convolution is transposed."""
    k1, k2 = jax.random.split(key)
    b = 1 / math.sqrt((n_out if transposed else n_in) * size * size)
    w = jax.random.uniform(k1, (size, size, n_in, n_out), minval=-b, maxval=b)
    return {"w": w, "b": jax.random.uniform(k2, (n_out,), minval=-b, maxval=b)}


# Channels last: what XLA's convolutions on a processor are fastest with.
LAYOUT = ("NHWC", "HWIO", "NHWC")


def apply_conv(p, x, stride=1, padding=0, mask=None):
    w = p["w"] if mask is None else p["w"] * mask
    pads = ((padding, padding), (padding, padding))
    return jax.lax.conv_general_dilated(x, w, (stride, stride), pads, dimension_numbers=LAYOUT) + p["b"]


def apply_conv_transpose(p, x):
    """Kernel 4, stride 2, padding 1: twice the size."""
    return jax.lax.conv_transpose(x, p["w"], (2, 2), "SAME", dimension_numbers=LAYOUT) + p["b"]


def norm(n):
    return {"g": jnp.ones(n), "b": jnp.zeros(n)}


def batch_norm(p, x):
    axes = tuple(range(x.ndim - 1))
    return (x - x.mean(axes)) * jax.lax.rsqrt(x.var(axes) + 1e-5) * p["g"] + p["b"]


def bce(logits, target):
    return optax.sigmoid_binary_cross_entropy(logits, jnp.full_like(logits, target)).mean()


def updated(optimizer, grads, state, params):
    updates, state = optimizer.update(grads, state, params)
    return optax.apply_updates(params, updates), state


def two_losses(loss_D, loss_G, G, p_G, p_D, opt_G, opt_D, sample, noise):
    """A step of any GAN: `loss_D(p_D, x, x_fake, key)` and `loss_G(p_G, p_D, z, x, key)`; and its first state."""

    def step(state):
        p_G, p_D, s_G, s_D, key = state
        key, *k = jax.random.split(key, 7)
        l_D, grads = jax.value_and_grad(loss_D)(p_D, sample(k[0]), G(p_G, noise(k[1])), k[2])
        p_D, s_D = updated(opt_D, grads, s_D, p_D)
        l_G, grads = jax.value_and_grad(loss_G)(p_G, p_D, noise(k[3]), sample(k[4]), k[5])
        p_G, s_G = updated(opt_G, grads, s_G, p_G)
        return (p_G, p_D, s_G, s_D, key), l_D, l_G

    return step, (p_G, p_D, opt_G.init(p_G), opt_D.init(p_D), jax.random.key(1))


def algorithm_1(G, D, p_G, p_D, opt_G, opt_D, sample, noise, penalty=None):
    """A plain GAN with the non-saturating loss; `D(params, x, key)` gives logits, `penalty(p_D, x, x_fake, key)` is added."""

    def loss_D(p, x, x_fake, key):
        k = jax.random.split(key, 3)
        loss = (bce(D(p, x, k[0]), 1.0) + bce(D(p, x_fake, k[1]), 0.0)) / 2
        return loss + penalty(p, x, x_fake, k[2]) if penalty else loss

    def loss_G(p_G, p_D, z, x, key):
        return bce(D(p_D, G(p_G, z), key), 1.0)

    return two_losses(loss_D, loss_G, G, p_G, p_D, opt_G, opt_D, sample, noise)


def one_loss(loss, params, optimizer, sample):
    """A step of one network: `loss(params, x, key)`."""

    def step(state):
        params, s, key = state
        key, k1, k2 = jax.random.split(key, 3)
        value, grads = jax.value_and_grad(loss)(params, sample(k1), k2)
        params, s = updated(optimizer, grads, s, params)
        return (params, s, key), value, value

    return step, (params, optimizer.init(params), jax.random.key(1))


def rows(data, m):
    """Draws m rows."""
    return lambda key: data[jax.random.randint(key, (m,), 0, len(data))]


def run(make, steps, warm_up):
    """Times `steps` calls of the step that `make()` returns with its first state."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--warm-up", type=int, default=warm_up)
    options = parser.parse_args()
    step, state = make()
    start = time.perf_counter()
    step = jax.jit(step).lower(state).compile()
    print(f"compile {time.perf_counter() - start}")
    for _ in range(options.warm_up):
        state, l_D, l_G = step(state)
    jax.block_until_ready(state)
    start = time.perf_counter()
    for _ in range(options.steps):
        state, l_D, l_G = step(state)
    jax.block_until_ready((state, l_D, l_G))
    print(f"seconds {time.perf_counter() - start} loss_D {float(l_D)} loss_G {float(l_G)}")
