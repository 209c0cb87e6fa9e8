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
case("0 ** x", lambda x: torch.tensor(0.0) ** x, ["zeros", "probabilities"], 1)
case("1 / x", lambda x: 1 / x)
case("x / Y", lambda x: x / Y)
case("Y / x", lambda x: Y / x)
case("x % 3", lambda x: torch.remainder(x, 3))
case("x % Y", lambda x: torch.remainder(x, Y), ["scale 10", "offset 1e4", "offset 1e8"])
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
for dim in (0, 1):
    option = f"#{{ dim: {dim} }}"
    for name in ("softmax", "log_softmax"):
        case(f"{name}(x, {option})", lambda x, d=dim, f=name: getattr(x, f)(d), REALS, 0)
        # Elsewhere what is left of the gradients is rounding.
        case(f"{name}(x, {option}) * 1", lambda x, d=dim, f=name: getattr(x, f)(d), ["scale 1", "mask", "ties"])
    case(f"cumsum(x, {option})", lambda x, d=dim: x.cumsum(d))
    case(f"prod(x, {option})", lambda x, d=dim: x.prod(d), FINITE)
    case(f"max(x, {option}) - min(x, {option})", lambda x, d=dim: x.max(d).values - x.min(d).values, FINITE)
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


def by_reference(x):
    """The reference batch is fixed: no gradient passes through it."""
    mean, var = x.mean(0).detach(), x.var(0, correction=0).detach()
    return (x - mean) / (var + 1e-5).sqrt()


case("with_reference(reference_batch_norm(4), x)(x)", by_reference, [n for n in NORMAL if n not in ("scale 1e20", "scale 1e30")])
case("conditional_batch_norm(2, 3)(x.t(), int([0, 2, 1, 0]))", lambda x: F.batch_norm(x.T, None, None, training=True), NORMAL)
normal = torch.distributions.Normal
case("log_prob(gaussian(0.5, 2), x.reshape([-1]))", lambda x: normal(0.5, 2.0).log_prob(x.reshape(-1)), FINITE)


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
