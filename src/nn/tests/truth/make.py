"""Writes the fixtures of this folder with PyTorch: values, first and second order gradients, trajectories of optimizers.

    python make.py

For a case y = f(x...) with weights w: first = dL/dx of L = sum(w * (y + y^2)); second = d(sum(v * first))/dx.
The fixtures are committed; PyTorch is needed only to write them again (made with 2.15 on a CPU, computed in float64, stored as float32).
"""
import json, pathlib
import torch
import torch.nn.functional as F

torch.manual_seed(20140610)
torch.set_default_dtype(torch.float64)
HERE = pathlib.Path(__file__).parent
CASES = []


def plain(t):
    """Shape and numbers, as short as float32 allows."""
    kind = "int" if t.dtype == torch.int64 else "f32"
    data = t.detach().flatten().to(torch.float32).tolist() if kind == "f32" else t.flatten().tolist()
    return {"shape": list(t.shape), kind: [float(f"{v:.8g}") if kind == "f32" else v for v in data]}


def exact(t):
    """What float32 can hold, so that both sides start from the same numbers."""
    return t.to(torch.float32).to(torch.float64)


def draw(*shape, lo=-1.5, hi=1.5):
    return exact(lo + (hi - lo) * torch.rand(shape))


def apart(*shape):
    """No two alike, at least 0.25 apart."""
    n = int(torch.tensor(shape).prod())
    return ((torch.randperm(n).to(torch.float64) - n / 2) / 4).reshape(shape)


def case(name, inputs, f, wrt=None):
    """Values, and gradients with respect to the inputs in `wrt` (every float input unless said)."""
    wrt = [i for i, x in enumerate(inputs) if x.is_floating_point()] if wrt is None else wrt
    xs = [x.clone().requires_grad_() if i in wrt else x for i, x in enumerate(inputs)]
    y = f(*xs)
    record = {"name": name, "inputs": [plain(x) for x in inputs], "wrt": wrt, "output": plain(y)}
    if wrt:
        w = draw(*y.shape)
        leaves = [xs[i] for i in wrt]
        first = torch.autograd.grad((w * (y + y * y)).sum(), leaves, create_graph=True)
        v = [draw(*g.shape) for g in first]
        second = torch.autograd.grad(sum((a * b).sum() for a, b in zip(v, first)), leaves, allow_unused=True, materialize_grads=True)
        record |= {"w": plain(w), "first": [plain(g) for g in first], "v": [plain(t) for t in v], "second": [plain(g) for g in second]}
    CASES.append(record)


def write(name):
    text = ",\n".join(json.dumps(c, separators=(",", ":")) for c in CASES)
    (HERE / name).write_text("[\n" + text + "\n]\n")
    CASES.clear()


def operations():
    x, y = draw(2, 3), draw(2, 3)
    for name, f in {
        "exp": torch.exp, "expm1": torch.expm1, "sin": torch.sin, "cos": torch.cos, "tanh": torch.tanh,
        "sigmoid": torch.sigmoid, "softplus": F.softplus, "log_sigmoid": F.logsigmoid, "relu": F.relu, "gelu": F.gelu,
        "silu": F.silu, "erf": torch.erf, "abs": torch.abs, "square": torch.square,
        "leaky_relu 0.2": lambda x: F.leaky_relu(x, 0.2), "elu 0.8": lambda x: F.elu(x, 0.8),
        "clamp -0.5 0.5": lambda x: x.clamp(-0.5, 0.5), "pow 3": lambda x: x**3, "2 ** x": lambda x: 2**x,
        "softmax": lambda x: x.softmax(-1), "log_softmax": lambda x: x.log_softmax(0), "logsumexp": lambda x: x.logsumexp(-1),
        "cumsum": lambda x: x.cumsum(1), "var": lambda x: x.var(1), "var 0": lambda x: x.var((0, 1), correction=0),
        "std": lambda x: x.std(), "mean": lambda x: x.mean(0), "norm": lambda x: x.norm(dim=1), "prod": lambda x: x.prod(1),
        "flip": lambda x: x.flip(0), "repeat": lambda x: x.repeat(2, 1, 2), "pad": lambda x: F.pad(x, [1, 0, 2, 1], value=0.5),
    }.items():
        case(name, [x], f)
    positive = draw(2, 3, lo=0.5, hi=2.0)
    for name, f in {
        "log": torch.log, "log1p": torch.log1p, "sqrt": torch.sqrt, "recip": torch.reciprocal, "pow -1.5": lambda x: x**-1.5,
    }.items():
        case(name, [positive], f)
    case("pow", [positive, y], torch.pow)
    case("div", [x, draw(3, lo=0.5, hi=2.0)], torch.div)
    case("rem", [x, draw(3, lo=0.5, hi=2.0)], torch.remainder)
    case("maximum", [x, draw(2, 1)], torch.maximum)
    case("minimum", [x, draw(3)], torch.minimum)
    # Ties: both get half.
    case("maximum of equals", [torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0])], torch.maximum)
    case("where", [x, y], lambda x, y: torch.where(x > 0, x, y))
    case("max 1", [apart(2, 3)], lambda x: x.max(1).values)
    case("max", [apart(2, 3)], torch.max)
    case("sort", [apart(2, 4)], lambda x: x.sort(descending=True).values)
    case("topk", [apart(2, 4)], lambda x: x.topk(2).values)
    index = torch.tensor([2, 0, 2])
    case("index_select", [draw(3, 2), index], lambda x, i: x.index_select(0, i))
    case("gather", [draw(3, 2), torch.tensor([[2, 0], [0, 1]])], lambda x, i: x.gather(0, i))
    case("embedding", [draw(3, 2), torch.tensor([[2, 0], [2, 1]])], lambda t, i: F.embedding(i, t))
    case("matmul", [draw(2, 3), draw(3, 2)], torch.matmul)
    case("matmul batched", [draw(2, 2, 3), draw(3, 2)], torch.matmul)
    case("matmul broadcast", [draw(2, 1, 2, 2), draw(2, 2, 1)], torch.matmul)
    case("matmul vector", [draw(3), draw(2, 3, 2)], torch.matmul)
    case("einsum bi,bj->ij", [draw(2, 3), draw(2, 2)], lambda a, b: torch.einsum("bi,bj->ij", a, b))
    case("linear", [draw(2, 3), draw(2, 3), draw(2)], F.linear)
    case("conv2d 2 1 1 1", [draw(1, 2, 4, 4), draw(2, 2, 3, 3)], lambda x, w: F.conv2d(x, w, None, 2, 1, 1, 1))
    case("conv2d 1 1 2 2", [draw(1, 2, 4, 4), draw(2, 1, 2, 2)], lambda x, w: F.conv2d(x, w, None, 1, 1, 2, 2))
    case("conv_transpose2d 2 1 1 1 0", [draw(1, 2, 2, 2), draw(2, 1, 4, 4)], lambda x, w: F.conv_transpose2d(x, w, None, 2, 1, 0, 1, 1))
    case("conv_transpose2d 2 1 1 2 1", [draw(1, 2, 2, 2), draw(2, 1, 3, 3)], lambda x, w: F.conv_transpose2d(x, w, None, 2, 1, 1, 2, 1))
    case("conv1d 2 1 1 1", [draw(1, 2, 5), draw(2, 2, 3)], lambda x, w: F.conv1d(x, w, None, 2, 1))
    case("avg_pool2d 2 2 0", [draw(1, 1, 4, 4)], lambda x: F.avg_pool2d(x, 2))
    case("avg_pool2d 3 2 1", [draw(1, 1, 4, 4)], lambda x: F.avg_pool2d(x, 3, 2, 1))
    case("max_pool2d 2 2 0", [apart(1, 1, 4, 4)], lambda x: F.max_pool2d(x, 2))
    case("max_pool2d 3 2 1", [apart(1, 1, 4, 4)], lambda x: F.max_pool2d(x, 3, 2, 1))
    case("upsample", [draw(1, 2, 2, 1)], lambda x: F.interpolate(x, scale_factor=2))
    case("upsample bilinear", [draw(1, 1, 2, 3)], lambda x: F.interpolate(x, scale_factor=3, mode="bilinear"))
    case("pixel_shuffle", [draw(1, 4, 1, 2)], lambda x: F.pixel_shuffle(x, 2))
    # With draws of their own, so that every case beside them keeps its numbers.
    with torch.random.fork_rng():
        positive = draw(2, 3, lo=0.5, hi=2.0)
        case("log2", [positive], torch.log2)
        case("log10", [positive], torch.log10)
        case("tan", [draw(2, 3, lo=-1.2, hi=1.2)], torch.tan)
        case("cumprod", [draw(2, 4)], lambda x: x.cumprod(1))
        case("cumprod through zeros", [torch.tensor([[0.5, 0.0, 2.0, -1.5], [0.0, 1.25, 0.0, 0.75]])], lambda x: x.cumprod(1))
    write("operations.json")


def layers():
    def batch_norm(x, w, b):
        return F.batch_norm(x, None, None, w, b, training=True)

    gain, shift = draw(2, lo=0.5, hi=1.5), draw(2)
    case("batch_norm", [draw(4, 2), gain, shift], batch_norm)
    case("batch_norm of images", [draw(2, 2, 2, 2), gain, shift], batch_norm)
    x, mean, var = draw(3, 2), draw(2), draw(2, lo=0.5, hi=2.0)
    case("batch_norm eval", [x, gain, shift, mean, var], lambda x, w, b, m, v: F.batch_norm(x, m, v, w, b), [0, 1, 2])

    def running(x, mean, var, which):
        mean, var = mean.clone(), var.clone()
        F.batch_norm(x, mean, var, training=True, momentum=0.1)
        return (mean, var)[which]

    case("batch_norm running mean", [x, mean, var], lambda x, m, v: running(x, m, v, 0), [])
    case("batch_norm running var", [x, mean, var], lambda x, m, v: running(x, m, v, 1), [])
    case("layer_norm", [draw(3, 4), draw(4), draw(4)], lambda x, w, b: F.layer_norm(x, [4], w, b))
    case("layer_norm of two dims", [draw(2, 2, 3), draw(2, 3), draw(2, 3)], lambda x, w, b: F.layer_norm(x, [2, 3], w, b))
    case("instance_norm", [draw(2, 2, 2, 2), gain, shift], lambda x, w, b: F.instance_norm(x, weight=w, bias=b))
    case("conv2d layer", [draw(1, 1, 4, 4), draw(2, 1, 3, 3), draw(2)], lambda x, w, b: F.conv2d(x, w, b, 2, 1))
    case("conv1d layer", [draw(1, 2, 5), draw(2, 2, 3), draw(2)], lambda x, w, b: F.conv1d(x, w, b, 1, 2, 2))
    case("causal_conv1d", [draw(1, 1, 5), draw(2, 1, 2), draw(2)], lambda x, w, b: F.conv1d(F.pad(x, [2, 0]), w, b, dilation=2))
    mask = torch.tensor([[[[1.0, 1, 1], [1, 0, 0], [0, 0, 0]]]], dtype=torch.float64)
    case("masked_conv2d A", [draw(1, 1, 3, 3), draw(1, 1, 3, 3), draw(1)], lambda x, w, b: F.conv2d(x, w * mask, b, padding=1))
    labels = torch.tensor([1, 0, 1])
    case("conditional_batch_norm", [draw(3, 2), draw(2, 2), draw(2, 2), labels], lambda x, g, s, y: F.batch_norm(x, None, None, training=True) * g[y] + s[y])

    reweighted_layers(gain, shift)
    # What came later draws numbers of its own, so that the fixtures before and after it stay as they are.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(20150206)
        later_layers()
    write("layers.json")


def later_layers():
    """Normalisations without gain and shift, and slopes that are trained."""
    x, mean, var = draw(4, 2), draw(2), draw(2, lo=0.5, hi=2.0)
    case("batch_norm not affine", [x], lambda x: F.batch_norm(x, None, None, training=True))
    case("batch_norm not affine, eval", [x, mean, var], lambda x, m, v: F.batch_norm(x, m, v), [0])
    case("layer_norm not affine", [draw(3, 4)], lambda x: F.layer_norm(x, [4]))
    case("instance_norm not affine", [draw(2, 2, 2, 2)], F.instance_norm)
    case("group_norm", [draw(2, 4, 2, 1), draw(4, lo=0.5), draw(4)], lambda x, w, b: F.group_norm(x, 2, w, b))
    case("group_norm not affine", [draw(2, 4, 2, 1)], lambda x: F.group_norm(x, 2))
    # With a 0, where the gradient is the slope.
    # Not at 0: there PyTorch's second derivatives are neither branch's.
    case("prelu", [draw(2, 3), draw(1)], F.prelu)
    case("prelu of channels", [draw(2, 3, 2, 1), draw(3)], F.prelu)


def reweighted_layers(gain, shift):
    """Those that change their weights first, attention, and those that normalise by other samples."""

    class Spectral(torch.nn.Module):
        """PyTorch's spectral norm in eval mode, with its u and v as inputs."""

        def forward(self, x, w, b, u, v):
            return F.linear(x, w / torch.vdot(u, torch.mv(w, v)), b)

    w = draw(2, 3)
    reference = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(3, 2))
    with torch.no_grad():
        reference.parametrizations.weight.original.copy_(w)
    for _ in range(50):
        reference(draw(1, 3))
    reference.eval()
    p = reference.parametrizations.weight[0]
    x, b = draw(2, 3), draw(2)
    with torch.no_grad():
        reference.bias.copy_(b)
        assert torch.allclose(reference(x), Spectral()(x, w, b, p._u, p._v))
    case("spectral_norm", [x, w, b, p._u, p._v], Spectral(), [0, 1, 2])
    # Written out: the second derivative of PyTorch 2.15's own weight_norm fails its own gradgradcheck.
    weight_norm = lambda x, g, v, b: F.linear(x, g * v / v.norm(dim=1, keepdim=True), b)
    case("weight_norm", [draw(2, 3), draw(2, 1, lo=0.5, hi=2.0), draw(2, 3), draw(2)], weight_norm)

    def attention(x, q, k, v, gamma):
        n, c, h, w = x.shape
        flat = x.reshape(n, c, h * w).transpose(1, 2)
        out = F.scaled_dot_product_attention(flat @ q.T, flat @ k.T, flat @ v.T, scale=1.0)
        return x + gamma * out.transpose(1, 2).reshape(x.shape)

    case("self_attention", [draw(1, 2, 2, 2), draw(1, 2), draw(1, 2), draw(2, 2), draw(1)], attention)

    def virtual(reference, x, w, b):
        """Salimans et al. 2016, section 3.4, by its sums of means and mean squares."""
        n = len(reference)
        both = lambda f: (f(x).mean((2, 3), keepdim=True) + n * f(reference).mean((0, 2, 3), keepdim=True)) / (n + 1)
        mean, square = both(lambda t: t), both(torch.square)
        return (x - mean) / torch.sqrt(1e-5 + square - mean**2) * w.view(1, -1, 1, 1) + b.view(1, -1, 1, 1)

    def by_reference(reference, x, w, b):
        mean, var = reference.mean(0), reference.var(0, correction=0)
        return (x - mean) / torch.sqrt(var + 1e-5) * w + b

    case("virtual_batch_norm", [draw(2, 2, 2, 1), draw(2, 2, 2, 1), gain, shift], virtual)
    case("reference_batch_norm", [draw(3, 2), draw(2, 2), gain, shift], by_reference)
    case("conv_transpose2d layer", [draw(1, 2, 2, 2), draw(2, 1, 4, 4), draw(1)], lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1))


def losses():
    p, t, logits = draw(2, 3, lo=0.1, hi=0.9), exact(torch.rand(2, 3)), draw(2, 3, lo=-3.0, hi=3.0)
    labels = torch.tensor([2, 0])
    case("bce", [p, t], F.binary_cross_entropy, [0])
    case("bce at the ends", [torch.tensor([0.0, 1.0, 1.0, 0.0]), torch.tensor([0.0, 1.0, 0.0, 1.0])], F.binary_cross_entropy, [])
    case("bce_with_logits", [logits, t], F.binary_cross_entropy_with_logits, [0])
    case("bce_with_logits far out", [torch.tensor([200.0, -200.0, 30.0]), torch.tensor([0.0, 1.0, 1.0])], F.binary_cross_entropy_with_logits, [0])
    case("cross_entropy", [logits, labels], F.cross_entropy)
    case("cross_entropy of probabilities", [logits, t], F.cross_entropy, [0])
    case("mse", [p, t], F.mse_loss, [0])
    case("l1", [p, t], F.l1_loss, [0])
    with torch.random.fork_rng():
        case("cross_entropy smoothed", [logits, labels], lambda x, y: F.cross_entropy(x, y, label_smoothing=0.1))
        case("cross_entropy of probabilities smoothed", [logits, t], lambda x, t: F.cross_entropy(x, t, label_smoothing=0.3), [0])
        case("nll_loss", [draw(2, 3, lo=-3.0, hi=-0.1), labels], F.nll_loss)
        wide = draw(2, 3, lo=-3.0, hi=3.0)
        case("huber_loss", [wide, t], F.huber_loss, [0])
        case("smooth_l1_loss", [wide, t], F.smooth_l1_loss, [0])
        case("huber_loss 0.5", [wide, t], lambda x, t: F.huber_loss(x, t, delta=0.5), [0])
    write("losses.json")


def optimizers():
    """loss = sum(a * (p - c)^2) / 2 + sum(q^4) / 4 + sum(p) * sum(q) / 10 over 8 steps."""
    a, c, p0, q0 = draw(3, lo=0.5, hi=2.0), draw(3), draw(3), draw(1, 2)
    for name, make in {
        "sgd": lambda ps: torch.optim.SGD(ps, lr=0.1),
        "sgd momentum": lambda ps: torch.optim.SGD(ps, lr=0.05, momentum=0.9),
        "sgd nesterov": lambda ps: torch.optim.SGD(ps, lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.01),
        "sgd dampening": lambda ps: torch.optim.SGD(ps, lr=0.05, momentum=0.9, dampening=0.3),
        "sgd ascend": lambda ps: torch.optim.SGD(ps, lr=0.01, momentum=0.5, maximize=True),
        "adam": lambda ps: torch.optim.Adam(ps, lr=0.1),
        "adam gan": lambda ps: torch.optim.Adam(ps, lr=0.05, betas=(0.5, 0.999), weight_decay=0.1),
        "adam ascend": lambda ps: torch.optim.Adam(ps, lr=0.05, maximize=True),
        "adamw": lambda ps: torch.optim.AdamW(ps, lr=0.1, weight_decay=0.2),
        "rmsprop": lambda ps: torch.optim.RMSprop(ps, lr=0.05),
        "rmsprop momentum": lambda ps: torch.optim.RMSprop(ps, lr=0.02, alpha=0.9, momentum=0.5, weight_decay=0.01),
        "adagrad": lambda ps: torch.optim.Adagrad(ps, lr=0.2, eps=1e-10),
    }.items():
        p, q = p0.clone().requires_grad_(), q0.clone().requires_grad_()
        optimizer = make([p, q])
        path = []
        for _ in range(8):
            loss = (a * (p - c) ** 2).sum() / 2 + (q**4).sum() / 4 + p.sum() * q.sum() / 10
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            path.append([plain(p), plain(q)])
        CASES.append({"name": name, "a": plain(a), "c": plain(c), "p": plain(p0), "q": plain(q0), "path": path})
    write("optimizers.json")


operations()
layers()
losses()
optimizers()
