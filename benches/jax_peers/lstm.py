"""An LSTM (Hochreiter and Schmidhuber 1997) that draws a picture row by row: 28 steps of 28 bits, each row from those before it."""

import math

import jax
import jax.numpy as jnp
import optax
from timing import apply_linear, linear, one_loss, rows, run

HIDDEN = 256


def lstm(key):
    """PyTorch's initial values: all uniform within ±1/√hidden."""
    k, b = jax.random.split(key, 3), 1 / math.sqrt(HIDDEN)
    shapes = {"w_x": (28, 4 * HIDDEN), "w_h": (HIDDEN, 4 * HIDDEN), "b": (2, 4 * HIDDEN)}
    return {name: jax.random.uniform(k, shape, minval=-b, maxval=b) for k, (name, shape) in zip(k, shapes.items())}


def apply_lstm(p, x):
    # What the inputs add to the gates is one product for all steps; only what the state adds has to wait for the step before.
    inputs = (x @ p["w_x"] + p["b"].sum(0)).swapaxes(0, 1)

    def step(state, gates):
        h, c = state
        i, f, g, o = jnp.split(gates + h @ p["w_h"], 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros((len(x), HIDDEN))
    return jax.lax.scan(step, (zeros, zeros), inputs)[1].swapaxes(0, 1)


def make(m=64):
    k = jax.random.split(jax.random.key(0), 3)
    # A row is the one above it, moved by a pixel, with a new bit at its end: there is something to learn.
    bits = (jax.random.uniform(k[2], (2048, 56)) < 0.3).astype(jnp.float32)
    data = jnp.stack([bits[:, t : t + 28] for t in range(29)], axis=1)

    def loss(p, x, key):
        logits = apply_linear(p["head"], apply_lstm(p["lstm"], x[:, :-1]))
        return optax.sigmoid_binary_cross_entropy(logits, x[:, 1:]).mean() * 28

    params = {"lstm": lstm(k[0]), "head": linear(k[1], HIDDEN, 28)}
    return one_loss(loss, params, optax.adam(1e-3), rows(data, m))


if __name__ == "__main__":
    run(make, steps=60, warm_up=6)
