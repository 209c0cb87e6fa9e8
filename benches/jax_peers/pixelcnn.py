"""Training a PixelCNN (van den Oord et al. 2016): masked convolutions, a bit for each pixel."""

import jax
import jax.numpy as jnp
import optax
from timing import apply_conv, conv, one_loss, rows, run

# Kernel, inputs, outputs, mask.
LAYERS = [(7, 1, 32, "A"), (3, 32, 32, "B"), (3, 32, 32, "B"), (3, 32, 32, "B"), (1, 32, 32, "B"), (1, 32, 1, "B")]


def mask(size, kind):
    seen = jnp.ones((size, size, 1, 1)).at[size // 2, size // 2 + (kind == "B") :].set(0)
    return seen.at[size // 2 + 1 :].set(0)


def network(params, x):
    for i, (p, (size, _, _, kind)) in enumerate(zip(params, LAYERS)):
        x = apply_conv(p, jax.nn.relu(x) if i else x, 1, size // 2, mask(size, kind))
    return x


def params():
    keys = jax.random.split(jax.random.key(0), len(LAYERS))
    return [conv(k, size, n_in, n_out) for k, (size, n_in, n_out, _) in zip(keys, LAYERS)]


def make(m=64):
    data = (jax.random.uniform(jax.random.key(2), (2048, 14, 14, 1)) < 0.3).astype(jnp.float32)

    def loss(p, x, key):
        return optax.sigmoid_binary_cross_entropy(network(p, x), x).mean() * 196

    return one_loss(loss, params(), optax.adam(1e-3), rows(data, m))


if __name__ == "__main__":
    run(make, steps=60, warm_up=6)
