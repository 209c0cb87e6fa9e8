"""Writes `cases.json`: what PyTorch computes in double precision for the words of `tests/extremes.rs`, at large offsets, at large
and tiny scales, at masks of −inf, at ties and at the points where formulas have 0 · ∞: values, first and second gradients.

    python tests/extremes/make.py        (needs PyTorch; the file that is committed is by 2.15)

Inputs are rounded to single precision first. `null` stands for what is not compared: beyond single precision, or NaN in PyTorch where
ours has a convention of its own (the second gradient of a norm at 0 is 0).
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
INF = float("inf")


def sample(k, n=8):
    """Numbers of about one, which do not add up to 0."""
    return np.array([((i * 37 + 11 + 13 * k) % 64) / 32 - 0.7 for i in range(n)]).astype(np.float32)


def single(values):
    return np.asarray(values, dtype=np.float64).astype(np.float32)


BASE = sample(0)
mask, certain = BASE.copy(), single(np.clip(np.abs(BASE), 0, 1))
mask[[1, 6]] = -INF
certain[[0, 3]], certain[[1, 4]] = 0, 1
INPUTS = {
    "offset 1e4": single(BASE.astype(float) * 8 + 1e4),
    "offset -1e4": single(BASE.astype(float) * 8 - 1e4),
    "offset 1e8": single(BASE.astype(float) * 64 + 1e8),
    "scale 1e-30": single(BASE.astype(float) * 1e-30),
    "scale 1e-8": single(BASE.astype(float) * 1e-8),
    "scale 1": BASE,
    "scale 10": single(BASE.astype(float) * 10),
    "scale 1e8": single(BASE.astype(float) * 1e8),
    "scale 1e20": single(BASE.astype(float) * 1e20),
    "scale 1e30": single(BASE.astype(float) * 1e30),
    "scales apart": single([1e30, -2e-30, 3e-8, 4e8, -5, 1e-20, 2e20, -0.3]),
    "mask": mask,
    "zeros": single(np.zeros(8)),
    "ties": single(np.round(BASE.astype(float) * 2) / 2),
    "constant": single(np.full(8, 0.1)),
    "probabilities": single(np.clip(np.abs(BASE.astype(float)), 0.01, 0.99)),
    "tiny": single(np.abs(BASE.astype(float)) * 1e-20),
    "certain": certain,
}
REALS = [name for name in INPUTS if name not in ("probabilities", "tiny", "certain")]
FINITE = [name for name in REALS if name != "mask"]
# At scales that are far below eps, and where 1 − 2y is 1, all that is left is rounding.
MODERATE = [name for name in FINITE if not name.startswith("scale 1e-")]
ALL = list(INPUTS)

W = torch.tensor(sample(3).astype(np.float64)).reshape(2, 4)
Y = torch.tensor(sample(5).astype(np.float64)).reshape(2, 4)
LABELS = torch.tensor([3, 1])
CASES = []


def case(code, torch_form, inputs=REALS, orders=2):
    """`code` is an expression of the language in `x`, `Y` and `labels`."""
    CASES.append((code, torch_form, inputs, orders))


for name in "abs exp expm1 erf log1p square sin cos floor ceil round sign relu".split():
    case(f"{name}(x)", getattr(torch, name))
for name in ("log", "sqrt"):
    case(f"{name}(x)", getattr(torch, name), ["offset 1e4", "offset 1e8", "probabilities", "tiny", "scale 1"])
for name in ("log2", "log10"):
    case(f"{name}(x)", getattr(torch, name), ["offset 1e4", "offset 1e8", "probabilities", "scale 1"])
    # The second gradients are at the end of single precision.
    case(f"{name}(x) * 1", getattr(torch, name), ["tiny"], 1)
case("tan(x)", torch.tan)
for name in ("tanh", "sigmoid"):
    case(f"{name}(x)", getattr(torch, name), MODERATE)
case("gelu(x)", F.gelu, MODERATE)
case("silu(x)", F.silu, MODERATE)
case("elu(x)", F.elu)
case("softplus(x)", lambda x: F.softplus(x, threshold=1e30), ["scale 1", "scale 10", "offset 1e4", "ties"])
case("log_sigmoid(x)", F.logsigmoid, FINITE)
case("leaky_relu(x, 0.2)", lambda x: F.leaky_relu(x, 0.2))
case("clamp(x, -0.5, 0.5)", lambda x: x.clamp(-0.5, 0.5))
case("log(clamp(x, 0, 1))", lambda x: x.clamp(0, 1).log(), ["scale 1"], 1)
case("log(maximum(x, 0))", lambda x: torch.maximum(x, torch.tensor(0.0)).log(), ["scale 1"], 1)
for p in (0, 0.5, 1, 2, 3, 4, -1, -2, 2.5):
    # √−∞ is NaN and (−∞)^½ is ∞, by IEEE 754.
    large = [n for n in REALS if p in (3, 4) and n in ("scale 1e20", "scale 1e30")]
    inputs = FINITE if p in (0.5, 2.5) else REALS
    case(f"x ** ({p})", lambda x, p=p: x**p, [n for n in inputs if n not in large])
for p in (0.0, 1.0, 2.0, 3.0):
    case(f"x ** tensor({p})", lambda x, p=p: x ** torch.tensor(p), [n for n in FINITE if n not in ("scale 1e-30", "scale 1e20")])
case("2 ** x", lambda x: 2.0**x, FINITE)
case("pow(x, 3)", lambda x: x**3, FINITE[:6])
case("pow(2, x)", lambda x: 2.0**x, FINITE)
case("0 ** x", lambda x: torch.tensor(0.0) ** x, ["zeros", "probabilities"], 1)
case("1 / x", lambda x: 1 / x)
case("x / Y", lambda x: x / Y)
case("Y / x", lambda x: Y / x)
case("x % 3", lambda x: torch.remainder(x, 3))
case("x % Y", lambda x: torch.remainder(x, Y), ["scale 10", "offset 1e4", "offset 1e8"])
case("div(x, Y)", lambda x: torch.div(x, Y, rounding_mode="floor"), FINITE)
case("div(Y, x)", lambda x: torch.div(Y, x, rounding_mode="floor"), [n for n in FINITE if n not in ("zeros", "ties")])
case("maximum(x, Y) - minimum(x, 0)", lambda x: torch.maximum(x, Y) - torch.minimum(x, torch.tensor(0.0)))
case("x + Y * 2", lambda x: x + Y * 2)
case("-x", lambda x: -x)
case("x @ t(Y)", lambda x: x @ Y.T, FINITE)
case("matmul(x, t(x))", lambda x: x @ x.T, ["scale 1", "scale 1e8", "offset 1e4"])
for dim in (0, 1, (0, 1)):
    option = f"#{{ dim: {list(dim) if isinstance(dim, tuple) else dim} }}"
    case(f"sum(x, {option})", lambda x, d=dim: x.sum(d))
    case(f"mean(x, {option})", lambda x, d=dim: x.mean(d))
    # Of two numbers it is straight.
    case(f"std(x, {option})", lambda x, d=dim: x.std(d), FINITE, 1 if dim == 0 else 2)
    case(f"var(x, {option})", lambda x, d=dim: x.var(d), FINITE)
    case(f"norm(x, {option})", lambda x, d=dim: torch.linalg.vector_norm(x, dim=d), FINITE)
    case(f"logsumexp(x, {option})", lambda x, d=dim: torch.logsumexp(x, d), REALS, 1)


def running_products(x, dim):
    """`torch.cumprod`, of which the second gradient at small numbers is rounding: it divides."""
    parts = [x.narrow(dim, 0, 1)]
    for i in range(1, x.shape[dim]):
        parts.append(parts[-1] * x.narrow(dim, i, 1))
    return torch.cat(parts, dim)


def product(x, dim):
    """`torch.prod`, of which the second gradient at elements far apart is rounding, for the same reason."""
    return math.prod(x.unbind(dim))


for dim in (0, 1):
    option = f"#{{ dim: {dim} }}"
    for name in ("softmax", "log_softmax"):
        case(f"{name}(x, {option})", lambda x, d=dim, f=name: getattr(x, f)(d), REALS, 0)
        # Elsewhere what is left of the gradients is rounding.
        case(f"{name}(x, {option}) * 1", lambda x, d=dim, f=name: getattr(x, f)(d), ["scale 1", "mask", "ties"])
    case(f"cumsum(x, {option})", lambda x, d=dim: x.cumsum(d))
    case(f"cumprod(x, {option})", lambda x, d=dim: running_products(x, d), FINITE)
    case(f"prod(x, {option})", lambda x, d=dim: product(x, d), FINITE)
    case(f"max(x, {option}) - min(x, {option})", lambda x, d=dim: x.max(d).values - x.min(d).values, FINITE)
case("prod(x)", lambda x: product(x.reshape(-1), 0), FINITE)
case("max(x)", lambda x: x.max())
case("min(x)", lambda x: x.min())
# Where two are equal either may have the gradient.
DISTINCT = [n for n in FINITE if n not in ("offset 1e8", "zeros", "ties", "constant")]
case("median(x)", lambda x: x.quantile(0.5), DISTINCT)
case("quantile(x, 0.3, #{ dim: 1 })", lambda x: x.quantile(0.3, 1), DISTINCT)
case("moments(x, 1).var", lambda x: x.var(1, correction=0), FINITE)
case("moments(x, 1).mean", lambda x: x.mean(1))
case("where(x > 0, log(x), 0)", lambda x: torch.where(x > 0, x.log(), torch.tensor(0.0)), ["scale 1", "offset 1e4"])
case("softmax(masked_fill(x, Y > 0.5, -1e38 * 1e10), #{ dim: 1 })", lambda x: x.masked_fill(Y > 0.5, -INF).softmax(1), ["scale 1", "ties"])
case("pad(x, [1, 1], -1e38 * 1e10)", lambda x: F.pad(x, [1, 1], value=-INF), ["scale 1"])

for t in (0.0, 0.25, 1.0):
    case(f"bce_with_logits(x, {t})", lambda x, t=t: F.binary_cross_entropy_with_logits(x, torch.full_like(x, t)), FINITE)
    case(f"bce(x, {t})", lambda x, t=t: F.binary_cross_entropy(x, torch.full_like(x, t)), ["probabilities"])
case("bce(x, 0.25)", lambda x: F.binary_cross_entropy(x, torch.full_like(x, 0.25)), ["certain"], 0)
case("cross_entropy(x, labels)", lambda x: F.cross_entropy(x, LABELS), REALS, 1)
case("cross_entropy(x, labels, #{ label_smoothing: 0.25 })", lambda x: F.cross_entropy(x, LABELS, label_smoothing=0.25), FINITE, 1)
case("nll_loss(x, labels)", lambda x: F.nll_loss(x, LABELS), REALS)
case("huber_loss(x, Y)", lambda x: F.huber_loss(x, Y), FINITE)
case("huber_loss(x, Y, #{ delta: 0.25 })", lambda x: F.huber_loss(x, Y, delta=0.25), FINITE)
case("mse(x, Y)", lambda x: F.mse_loss(x, Y), FINITE)
case("l1(x, Y)", lambda x: F.l1_loss(x, Y), FINITE)
log_sigmoid = F.logsigmoid
LOGITS, PROBABILITIES = "#{ logits: true }", ["probabilities"]
case(f"discriminator_loss(x, Y, {LOGITS})", lambda x: -(log_sigmoid(x).mean() + log_sigmoid(-Y).mean()) / 2, FINITE)
case("discriminator_loss(x, x)", lambda x: -(x.log().mean() + (1 - x).log().mean()) / 2, PROBABILITIES)
case(f"minimax_loss(x, {LOGITS})", lambda x: log_sigmoid(-x).mean() / 2, FINITE)
case(f"non_saturating_loss(x, {LOGITS})", lambda x: -log_sigmoid(x).mean() / 2, FINITE)
case("non_saturating_loss(x)", lambda x: -x.log().mean() / 2, ["probabilities", "tiny"])
case(f"maximum_likelihood_loss(x, {LOGITS})", lambda x: -x.exp().mean() / 2, ["scale 1", "scale 10", "zeros"])
case("hinge_loss(x, Y)", lambda x: F.relu(1 - x).mean() + F.relu(1 + Y).mean(), FINITE)
case("least_squares_loss(x, Y)", lambda x: ((x - 1) ** 2).mean() / 2 + (Y**2).mean() / 2, FINITE)
case("relativistic_loss(x, Y)", lambda x: -log_sigmoid(x - Y).mean(), FINITE)
case("wasserstein_loss(x, Y)", lambda x: Y.mean() - x.mean(), FINITE)

# What is left of a variance far below eps is rounding in double precision, too.
NORMAL = [n for n in FINITE if n not in ("zeros", "constant", "scale 1e-30")]
case("layer_norm(4)(x)", lambda x: F.layer_norm(x, [4]), NORMAL)
case("batch_norm(2)(x.t())", lambda x: F.batch_norm(x.T, None, None, training=True), NORMAL)
case("batch_norm(2)(x.reshape([1, 2, 2, 2]))", lambda x: F.batch_norm(x.reshape(1, 2, 2, 2), None, None, training=True), NORMAL)
case("instance_norm(2)(x.reshape([1, 2, 2, 2]))", lambda x: F.instance_norm(x.reshape(1, 2, 2, 2)), NORMAL)
case("layer_norm(4, #{ affine: false })(x)", lambda x: F.layer_norm(x, [4]), NORMAL)
case("batch_norm(2, #{ affine: false })(x.t())", lambda x: F.batch_norm(x.T, None, None, training=True), NORMAL)


def by_reference(x):
    """The reference batch is fixed: no gradient passes through it."""
    mean, var = x.mean(0).detach(), x.var(0, correction=0).detach()
    return (x - mean) / (var + 1e-5).sqrt()


case("with_reference(reference_batch_norm(4), x)(x)", by_reference, [n for n in NORMAL if n not in ("scale 1e20", "scale 1e30", "scales apart")])
case("conditional_batch_norm(2, 3)(x.t(), int([0, 2, 1, 0]))", lambda x: F.batch_norm(x.T, None, None, training=True), NORMAL)
normal = torch.distributions.Normal
case("log_prob(gaussian(0.5, 2), x.reshape([-1]))", lambda x: normal(0.5, 2.0).log_prob(x.reshape(-1)), FINITE)

# --- Layers, with weights that are all the same, so that they are known here. -----------------------------------------------

# Where sums of products of one sign do not cancel, or the scale is the only thing that is special.
LINEAR = [n for n in FINITE if n not in ("offset 1e8",)]
# Where tanh and sigmoid are not flat, so that gradients are more than rounding.
CURVED = ["scale 1", "scale 1e-8", "zeros", "ties", "constant"]
IMAGE, SEQUENCE = "x.reshape([1, 2, 2, 2])", "x.reshape([1, 2, 4])"


def image(x):
    return x.reshape(1, 2, 2, 2)


def same(value, *shape):
    return torch.full(shape, float(np.float32(value)))


case("linear(4, 3, #{ init: constant(0.25) })(x)", lambda x: F.linear(x, same(0.25, 3, 4)), FINITE)
case("masked_linear(4, 1, tensor([[1, 0, 1, 0]]), #{ init: constant(0.25) })(x)", lambda x: x @ (same(0.25, 4, 1) * torch.tensor([[1.0], [0.0], [1.0], [0.0]])), FINITE)
case("maxout(4, 2, 3, #{ init: constant(0.25) })(x) * 1", lambda x: F.linear(x, same(0.25, 2, 4)), FINITE, 0)
case(f"conv2d(2, 3, 2, #{{ padding: 1, init: constant(0.25) }})({IMAGE})", lambda x: F.conv2d(image(x), same(0.25, 3, 2, 2, 2), padding=1), FINITE)
case(f"conv_transpose2d(2, 3, 2, #{{ stride: 2, init: constant(0.25) }})({IMAGE})", lambda x: F.conv_transpose2d(image(x), same(0.25, 2, 3, 2, 2), stride=2), FINITE)
case(f"conv1d(2, 1, 3, #{{ padding: 1, init: constant(0.25) }})({SEQUENCE})", lambda x: F.conv1d(x.reshape(1, 2, 4), same(0.25, 1, 2, 3), padding=1), FINITE)
case(f"causal_conv1d(2, 1, 3, #{{ init: constant(0.25) }})({SEQUENCE})", lambda x: F.conv1d(F.pad(x.reshape(1, 2, 4), (2, 0)), same(0.25, 1, 2, 3)), FINITE)
CENTRE = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
case(f"masked_conv2d(2, 2, 3, #{{ mask: \"A\", init: constant(0.25) }})({IMAGE})", lambda x: F.conv2d(image(x), same(0.25, 2, 2, 3, 3) * CENTRE, padding=1), FINITE)
case("embedding(labels, x.t())", lambda x: x.T[LABELS], REALS)
case("embedding(4, 2, #{ init: constant(0.25) })(labels) * sum(x)", lambda x: same(0.25, 2, 2) * x.sum(), FINITE)
case("spectral_norm(linear(4, 3, #{ init: constant(0.25) }), #{ iterations: 5 })(x)", lambda x: F.linear(x, same(0.25, 3, 4) / (0.25 * math.sqrt(12))), LINEAR, 1)
case("weight_norm(linear(4, 3, #{ init: constant(0.25) }))(x)", lambda x: F.linear(x, same(0.25, 3, 4)), LINEAR)
case(f"group_norm(1, 2)({IMAGE})", lambda x: F.group_norm(image(x), 1), NORMAL)
# Of two numbers each: what is left of the gradients is rounding.
case("group_norm(2, 4)(x)", lambda x: F.group_norm(x, 2), NORMAL, 0)


def virtual(x, reference):
    """Salimans et al. 2016, section 3.4, of samples of rank 2; no gradient passes through the reference batch."""
    n = len(reference)
    reference = reference.detach()
    mean = (x + n * reference.mean(0)) / (n + 1)
    square = ((x - mean) ** 2 + n * ((reference[None] - mean[:, None]) ** 2).mean(1)) / (n + 1)
    return (x - mean) / torch.sqrt(1e-5 + square)


case("with_reference(virtual_batch_norm(4), x)(x + Y)", lambda x: virtual(x + Y, x), ["scale 1", "scale 10", "ties"], 1)
# It starts as the identity.
case(f"self_attention(2)({IMAGE}) * 1", image, [n for n in FINITE if n not in ("scale 1e20", "scale 1e30", "scales apart")])


def closeness(x):
    """Salimans et al. 2016, section 3.2, with one kernel of one dimension, of weights 0.25."""
    m = x.sum(1, keepdim=True) * 0.25
    near = torch.exp(-(m - m.T).abs())
    return torch.cat([x, (near.sum(1, keepdim=True) - 1)], 1)


case("minibatch_discrimination(4, 1, 1, #{ init: constant(0.25) })(x)", closeness, ["scale 1", "scale 1e-8", "scale 10", "offset 1e4", "offset 1e8", "scale 1e20", "zeros"], 1)


def recurrent(kind, x):
    layer = getattr(torch.nn, kind)(4, 2, batch_first=True)
    for parameter in layer.parameters():
        torch.nn.init.constant_(parameter, 0.25 if parameter.dim() == 2 else 0.0)
    return layer(x.reshape(1, 2, 4))[0]


for kind in ("LSTM", "GRU"):
    code = f"{kind.lower()}(4, 2, #{{ init: constant(0.25) }})(x.reshape([1, 2, 4]))"
    case(code, lambda x, k=kind: recurrent(k, x), CURVED)
    case(code + " * 1", lambda x, k=kind: recurrent(k, x), MODERATE, 0)
for name, form in [
    ("relu()", F.relu),
    ("leaky_relu(0.2)", lambda x: F.leaky_relu(x, 0.2)),
    ("elu()", F.elu),
    ("prelu()", lambda x: F.prelu(x, same(0.25, 1))),
    ("flatten()", lambda x: x),
    ("reshape([2, 2])", lambda x: x.reshape(2, 2, 2)),
    ("dropout(0.5).eval()", lambda x: x),
    ("gaussian_noise(0.5).eval()", lambda x: x),
]:
    case(f"{name}(x)", form, FINITE)
for name, form in [("gelu()", F.gelu), ("silu()", F.silu), ("sigmoid()", torch.sigmoid), ("tanh()", torch.tanh)]:
    case(f"{name}(x)", form, MODERATE)
case("softplus()(x)", lambda x: F.softplus(x, threshold=1e30), ["scale 1", "scale 10", "offset 1e4", "ties"])
case("log_sigmoid()(x)", F.logsigmoid, FINITE)
case("softmax()(x)", lambda x: x.softmax(1), REALS, 0)
case("log_softmax()(x)", lambda x: x.log_softmax(1), REALS, 0)
case("upsample(2)(x.reshape([1, 2, 2, 2]))", lambda x: F.interpolate(image(x), scale_factor=2), FINITE)
case("pixel_shuffle(2)(x.reshape([1, 4, 1, 2]))", lambda x: F.pixel_shuffle(x.reshape(1, 4, 1, 2), 2), FINITE)
case("affine_coupling(x, [1, 0, 1, 0], linear(4, 8, #{ init: constant(0) })).y", lambda x: x, FINITE)

# --- Convolution and linear algebra. --------------------------------------------------------------------------------------

KERNEL = torch.tensor(sample(6, 16).astype(np.float64)).reshape(2, 2, 2, 2)
K = "tensor([" + ", ".join(repr(v) for v in KERNEL.reshape(-1).tolist()) + "]).reshape([2, 2, 2, 2])"
# Where terms of the same size cancel, what is left of single precision is less than the tolerance.
PRODUCTS = [n for n in FINITE if not n.startswith("offset")]
case(f"conv2d({IMAGE}, {K}, #{{ padding: 1 }})", lambda x: F.conv2d(image(x), KERNEL, padding=1), PRODUCTS)
case(f"conv_transpose2d({IMAGE}, {K}, #{{ stride: 2 }})", lambda x: F.conv_transpose2d(image(x), KERNEL, stride=2), PRODUCTS)
case(f"conv1d({SEQUENCE}, ones([1, 2, 3]), #{{ padding: 1 }})", lambda x: F.conv1d(x.reshape(1, 2, 4), torch.ones(1, 2, 3), padding=1), FINITE)
# Where several are the largest any of them may have the gradient.
POOLED = [n for n in FINITE if n not in ("offset 1e8", "zeros", "ties", "constant")]
case("max_pool2d(x.reshape([1, 1, 2, 4]), 2)", lambda x: F.max_pool2d(x.reshape(1, 1, 2, 4), 2), POOLED)
case("max_pool2d(x.reshape([1, 1, 2, 4]), 2) * 1", lambda x: F.max_pool2d(x.reshape(1, 1, 2, 4), 2), REALS, 0)
case("avg_pool2d(x.reshape([1, 1, 2, 4]), 2)", lambda x: F.avg_pool2d(x.reshape(1, 1, 2, 4), 2), FINITE)
bilinear = lambda x: F.interpolate(x.reshape(1, 1, 2, 4), (4, 8), mode="bilinear", align_corners=False)
case("upsample(x.reshape([1, 1, 2, 4]), 2, #{ mode: \"bilinear\" })", bilinear, FINITE)
case("resize(x.reshape([1, 1, 2, 4]), [4, 8])", bilinear, FINITE)
case("pixel_shuffle(x.reshape([1, 4, 1, 2]), 2)", lambda x: F.pixel_shuffle(x.reshape(1, 4, 1, 2), 2), REALS)
case("attention(x, x, x)", lambda x: F.scaled_dot_product_attention(x, x, x), ["scale 1", "ties", "zeros"])
case("attention(x, x, x) * 1", lambda x: F.scaled_dot_product_attention(x, x, x), ["scale 10", "scale 1e-8", "scale 1e8"], 0)
case("attention(x, Y, Y) * 1", lambda x: F.scaled_dot_product_attention(x, Y, Y), ["scale 1", "scale 10", "scale 1e8", "scale 1e-30", "zeros"], 0)


def distances(a, b):
    """Of which the gradient at 0 is 0, as torch.cdist's."""
    square = ((a[:, None] - b[None]) ** 2).sum(-1)
    safe = torch.where(square > 0, square, torch.ones(()))
    return torch.where(square > 0, safe.sqrt(), torch.zeros(()))


case("cdist(x, Y)", lambda x: distances(x, Y), FINITE)
case("cdist(x, x + Y)", lambda x: distances(x, x + Y), ["scale 1", "scale 10", "zeros"])
case("cdist(x, x)", lambda x: distances(x, x), FINITE, 1)
case("diagonal(x, 1)", lambda x: x.diagonal(1), REALS)
case("trace(x @ t(Y))", lambda x: (x @ Y.T).trace(), PRODUCTS)
case("tril(x) + triu(x, 1)", lambda x: x, FINITE)
case("dot(x.reshape([-1]), Y.reshape([-1]))", lambda x: (x * Y).sum(), PRODUCTS)
case("outer(x[0], x[1])", lambda x: torch.outer(x[0], x[1]), ["scale 1", "scale 10", "scale 1e8", "offset 1e4", "scale 1e-8", "zeros"])
case("einsum(\"ij,kj->ik\", [x, Y])", lambda x: x @ Y.T, PRODUCTS)
case("einsum(\"ij->\", [x])", lambda x: x.sum(), FINITE)
SQUARE = "x.reshape([2, 2, 2])"
# Of matrices that are far from singular.
SOLVABLE = ["scale 1", "scale 10", "scale 1e8", "scale 1e-8"]
case(f"inv({SQUARE})", lambda x: torch.linalg.inv(x.reshape(2, 2, 2)), SOLVABLE, 1)
case(f"slogdet({SQUARE}).logabsdet", lambda x: torch.linalg.slogdet(x.reshape(2, 2, 2)).logabsdet, SOLVABLE + ["scale 1e20", "scale 1e-30"], 1)

# --- Densities and penalties. ---------------------------------------------------------------------------------------------

case("normal_log_prob(x, Y, 0.5)", lambda x: normal(Y, torch.tensor(0.5)).log_prob(x), FINITE)
case("normal_log_prob(1.0, x, exp(Y))", lambda x: normal(x, Y.exp()).log_prob(torch.tensor(1.0)), FINITE)


def mixed(x):
    both = torch.stack([normal(-1.0, 0.5).log_prob(x), normal(1.0, 0.5).log_prob(x)])
    return both.logsumexp(0) - math.log(2)


case("log_prob(mixture([gaussian(-1, 0.5), gaussian(1, 0.5)]), x.reshape([-1]))", lambda x: mixed(x.reshape(-1)), ["scale 1", "scale 10", "offset 1e4", "offset -1e4", "scale 1e8", "zeros"], 1)


def slopes(f, x):
    x = x.detach().requires_grad_() if not x.requires_grad else x
    return torch.autograd.grad(f(x).sum(), x, create_graph=True)[0]


case("r1(|v| sum(v ** 3, #{ dim: 1 }), x)", lambda x: (slopes(lambda v: (v**3).sum(1), x) ** 2).sum(1).mean(), ["scale 1", "scale 10", "scale 1e-8", "zeros"], 0)
case("r2(|v| sum(v ** 3, #{ dim: 1 }), x)", lambda x: (slopes(lambda v: (v**3).sum(1), x) ** 2).sum(1).mean(), ["scale 1", "scale 10", "scale 1e-8", "zeros"], 0)
# A critic that is 2 · Σ v has slopes of length 4 everywhere, a constant one of length 0.
case("gradient_penalty(|v| sum(v * 2, #{ dim: 1 }), x, Y)", lambda x: torch.tensor(9.0), FINITE, 0)
case("gradient_penalty(|v| sum(v * 0, #{ dim: 1 }), x, Y)", lambda x: torch.tensor(1.0), FINITE, 0)

# --- Metrics, of the rows of x and of Y as four points of the plane each: formulas as in the papers, in double precision. ------

POINTS, OTHERS = "x.reshape([4, 2])", "Y.reshape([4, 2])"
# What they take: finite and moderate numbers.
MEASURED = [n for n in FINITE if n not in ("scale 1e20", "scale 1e30", "scales apart")]


def metric(code, form, inputs=MEASURED):
    def computed(x):
        return torch.tensor(float(form(x.detach().reshape(4, 2).numpy(), Y.reshape(4, 2).numpy())))

    case(f"tensor({code})", computed, inputs, 0)


def apart(a, b):
    return np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))


def radii(a, k):
    return np.sort(apart(a, a), 1)[:, k]


def root_trace(a, b):
    """tr (a b)^½ of two covariances."""
    values, vectors = np.linalg.eigh(a)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return np.sqrt(np.maximum(np.linalg.eigvalsh(root @ b @ root), 0)).sum()


def frechet(a, b):
    ca, cb = np.cov(a.T), np.cov(b.T)
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ca) + np.trace(cb) - 2 * root_trace(ca, cb)


def maximum_mean_discrepancy(a, b):
    kernel = lambda a, b: (a @ b.T / a.shape[1] + 1) ** 3
    within = lambda a: (kernel(a, a).sum() - np.trace(kernel(a, a))) / (len(a) * (len(a) - 1))
    return within(a) + within(b) - 2 * kernel(a, b).mean()


def windows(real, test, sigma):
    exponents = -(apart(test, real) ** 2) / (2 * sigma**2)
    top = exponents.max(1, keepdims=True)
    each = top[:, 0] + np.log(np.exp(exponents - top).sum(1)) - math.log(len(real)) - real.shape[1] * math.log(sigma * math.sqrt(2 * math.pi))
    return each.mean()


def earth_mover(a, b):
    return np.abs(np.sort(a.reshape(-1)) - np.sort(b.reshape(-1))).mean()


# Where nothing is equal by rounding alone.
APART = [n for n in MEASURED if n not in ("offset 1e8", "zeros", "constant", "ties")]
metric(f"nearest_neighbours({POINTS}, {OTHERS}).distance.sum().item()", lambda x, y: apart(x, y).min(1).sum())
metric(f"precision_recall({POINTS}, {POINTS} + {OTHERS}, #{{ k: 1 }}).precision", lambda x, y: (apart(x, x + y) <= radii(x, 1)[:, None]).any(0).mean(), ["scale 1", "scale 10"])
metric(f"precision_recall({OTHERS}, {POINTS}, #{{ k: 2 }}).recall", lambda x, y: (apart(y, x) <= radii(x, 2)[None]).any(1).mean(), APART)
metric(f"precision_recall({POINTS}, {POINTS} * 1.5, #{{ k: 1 }}).precision", lambda x, y: (apart(x, x * 1.5) <= radii(x, 1)[:, None]).any(0).mean(), APART)
metric(f"density_coverage({POINTS}, {POINTS} * 1.5, #{{ k: 1 }}).density", lambda x, y: (apart(x, x * 1.5) < radii(x, 1)[:, None]).sum() / 4, APART)
metric(f"density_coverage({POINTS}, {POINTS} * 1.5, #{{ k: 2 }}).coverage", lambda x, y: (apart(x, x * 1.5).min(1) < radii(x, 2)).mean(), APART)
# A covariance far from singular, and means apart: what is left of them is not rounding.
metric(f"fid({POINTS}, {OTHERS})", frechet, ["scale 1", "scale 10", "scale 1e8", "offset 1e4", "offset -1e4", "offset 1e8", "zeros"])
metric(f"fid({POINTS}, {POINTS} + 1)", lambda x, y: 2.0, ["scale 1", "scale 10", "offset 1e4", "offset -1e4", "zeros", "ties"])
metric(f"kid({POINTS}, {OTHERS}, #{{ size: 4, subsets: 1 }}).kid", maximum_mean_discrepancy, ["scale 1", "scale 10", "scale 1e8", "scale 1e-8", "zeros"])
for sigma in (0.5, 8.0):
    metric(f"parzen({POINTS}, {POINTS} + {OTHERS}, #{{ sigma: {sigma} }}).ll", lambda x, y, s=sigma: windows(x, (x + y).astype(np.float32).astype(float), s), ["scale 1", "scale 10", "offset 1e4", "offset 1e8", "zeros", "constant"])
metric(f"wasserstein_1d({POINTS}.flatten(), {OTHERS}.flatten())", earth_mover)
metric(f"wasserstein_1d(x.flatten(), x.flatten() + 1)", lambda x, y: earth_mover(x, (x + 1).astype(np.float32).astype(float)), ["scale 1", "offset 1e4", "scale 1e-30", "zeros"])
metric("kl(softmax(x.flatten()), softmax(Y.flatten().flip(0)))", lambda x, y: (lambda p, q: (p * np.where(p > 0, np.log(np.maximum(p, 1e-300) / q), 0)).sum())(torch.tensor(x).flatten().softmax(0).numpy(), torch.tensor(y.copy()).flatten().flip(0).softmax(0).numpy()), ["scale 1", "scale 10", "offset 1e4", "scale 1e8", "zeros"])
metric("js(softmax(x.flatten()), softmax(Y.flatten().flip(0)))", lambda x, y: (lambda p, q: (lambda m: sum((r * np.where(r > 0, np.log(np.maximum(r, 1e-300) / m), 0)).sum() for r in (p, q)) / 2)((p + q) / 2))(torch.tensor(x).flatten().softmax(0).numpy(), torch.tensor(y.copy()).flatten().flip(0).softmax(0).numpy()), ["scale 1", "scale 10", "offset 1e4", "scale 1e8"])
metric("kl(gaussian(x[0, 0], 1), gaussian(x[0, 1], 2))", lambda x, y: math.log(2) + (1 + (x[0, 0] - x[0, 1]) ** 2) / 8 - 0.5, ["scale 1", "scale 10", "offset 1e4", "offset 1e8", "zeros"])


def inception(x, y):
    p = torch.tensor(x).reshape(2, 4).softmax(1).numpy()
    return np.exp((p * np.log(np.maximum(p, 1e-300) / p.mean(0))).sum(1).mean())


metric("inception_score(x, #{ logits: true, splits: 1 }).score", inception, ["scale 1", "scale 10", "offset 1e4", "offset -1e4", "zeros", "ties"])
metric("accuracy(x, labels)", lambda x, y: (x.reshape(2, 4).argmax(1) == LABELS.numpy()).mean())
metric("histogram(x, #{ bins: 3 }).counts.sum().item()", lambda x, y: 8)
metric("histogram(x, #{ bins: 3 }).counts[0].item()", lambda x, y: np.histogram(x, 3)[0][0], ["scale 1", "scale 10", "offset 1e4", "scale 1e-8", "scale 1e-30", "scale 1e8"])
metric("psnr(x.reshape([1, 1, 2, 4]), x.reshape([1, 1, 2, 4]) + Y.reshape([1, 1, 2, 4]))", lambda x, y: -10 * math.log10((((x + y).astype(np.float32).astype(float) - x) ** 2).mean()), ["scale 1", "scale 10", "offset 1e4", "zeros"])
metric("modes(x.reshape([4, 2]), x.reshape([4, 2]), #{ std: 1 }).share", lambda x, y: 1.0, ["scale 1", "scale 10", "offset 1e4", "scale 1e8"])


def numbers(values):
    """As a list; `None` for what single precision does not hold, 0 for what vanishes in it."""
    with np.errstate(all="ignore"):
        small = values.astype(np.float32)
    kept = zip(values.tolist(), small.tolist())
    infinite = lambda v: "inf" if v > 0 else "-inf"
    return [None if math.isnan(v) or math.isinf(s) and not math.isinf(v) else infinite(v) if math.isinf(v) else float(f"{v:.9g}") for v, s in kept]


def weights(shape):
    n = math.prod(shape)
    if n == 1:
        return torch.ones(shape)
    return torch.tensor(sample(4, n).astype(np.float64)).reshape(shape)


def computed(torch_form, name, orders):
    x = torch.tensor(INPUTS[name].astype(np.float64)).reshape(2, 4).requires_grad_()
    y = torch_form(x)
    found, total = [y], (y * weights(y.shape)).sum()
    for _ in range(orders):
        g = torch.autograd.grad(total, x, create_graph=True, allow_unused=True)[0] if total.requires_grad else None
        g = torch.zeros(2, 4) if g is None else g
        found.append(g)
        total = (g * W).sum()
    return [numbers(v.detach().resolve_neg().reshape(-1).numpy(force=True).copy()) for v in found]


def written(value):
    return "inf" if value == INF else "-inf" if value == -INF else float(value)


records = [
    {"code": code, "at": {name: computed(form, name, orders) for name in inputs}} for code, form, inputs, orders in CASES
]
inputs = {name: [written(v) for v in values] for name, values in INPUTS.items()}
fixed = {"Y": Y.reshape(-1).tolist(), "W": W.reshape(-1).tolist(), "labels": LABELS.tolist()}
lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
text = f'{{"torch":"{torch.__version__.split("+")[0]}",\n"inputs":{json.dumps(inputs)},\n"fixed":{json.dumps(fixed)},\n"cases":[\n{lines}\n]}}\n'
Path(__file__).with_name("cases.json").write_text(text)
print(sum(len(r["at"]) for r in records), "cases")
