"""Networks as ONNX files: onnxruntime computes what the network does, for each kind of layer."""

import numpy
import onnx
import onnxruntime
import pytest

# A network, and its input; labels where it takes them.
NETWORKS = {
    "linear": ("sequential([linear(6, 8), relu(), linear(8, 3, #{ bias: false })])", "randn([5, 6])", None),
    "alone": ("linear(6, 2)", "randn([3, 6])", None),
    "activations": (
        "sequential([linear(6, 6), leaky_relu(0.1), elu(0.7), gelu(), silu(), tanh(), softplus(), log_sigmoid(), sigmoid()])",
        "3 * randn([5, 6])",
        None,
    ),
    "softmax": ("sequential([linear(6, 4), softmax()])", "randn([5, 6])", None),
    "log_softmax": ("sequential([linear(6, 4), log_softmax()])", "randn([5, 6])", None),
    "norms": ("sequential([linear(6, 8), batch_norm(8), layer_norm(8), dropout(0.5), gaussian_noise(0.3)])", "randn([5, 6])", None),
    "norms without gain and shift": (
        "sequential([conv2d(3, 4, 3), batch_norm(4, #{ affine: false }), instance_norm(4, #{ affine: false }), "
        "group_norm(2, 4, #{ affine: false }), layer_norm([4, 3, 3], #{ affine: false })])",
        "randn([3, 3, 5, 5])",
        None,
    ),
    "prelu": (
        "sequential([conv2d(3, 4, 3), prelu(), prelu(#{ channels: 4 })])",
        "randn([3, 3, 5, 5])",
        None,
    ),
    "maxout": ("sequential([maxout(6, 5, 3), linear(5, 1)])", "randn([5, 6])", None),
    "generator": (
        "sequential([linear(6, 64), reshape([4, 4, 4]), batch_norm(4), relu(), conv_transpose2d(4, 3, 4, #{ stride: 2, padding: 1 }), "
        "upsample(2), conv2d(3, 8, 3, #{ padding: 1 }), pixel_shuffle(2), tanh()])",
        "randn([3, 6])",
        None,
    ),
    "convolutions": (
        "sequential([conv2d(4, 6, 3, #{ stride: 2, padding: 2, groups: 2 }), group_norm(3, 6), instance_norm(6), self_attention(6), "
        "conv_transpose2d(6, 4, 3, #{ stride: 2, output_padding: 1 }), flatten()])",
        "randn([3, 4, 9, 7])",
        None,
    ),
    "reweighted": (
        "spectral_norm(sequential([conv2d(2, 4, 3), leaky_relu(0.2), conv_transpose2d(4, 2, 3), flatten(), linear(50, 2)]))",
        "randn([3, 2, 5, 5])",
        None,
    ),
    "weight_norm": ("weight_norm(sequential([linear(6, 8), relu(), linear(8, 1)]))", "randn([3, 6])", None),
    "masked": ("masked_linear(6, 4, 1.0 * (rand([4, 6]) > 0.5))", "randn([3, 6])", None),
    "sequence": ("sequential([conv1d(3, 4, 3, #{ stride: 2, padding: 1 }), causal_conv1d(4, 4, 2, #{ dilation: 2 })])", "randn([2, 3, 11])", None),
    "strict": ("causal_conv1d(3, 4, 3, #{ strict: true })", "randn([2, 3, 11])", None),
    "embedding": ("sequential([embedding(10, 4), linear(4, 2)])", "randint(0, 10, [7])", None),
    "conditional": (
        "sequential([linear(6, 12), reshape([3, 2, 2]), conditional_batch_norm(3, 5), relu()])",
        "randn([4, 6])",
        "randint(0, 5, [4])",
    ),
}



@pytest.mark.parametrize("name", NETWORKS)
def test_onnxruntime_computes_the_same(saddle, name):
    network, x, labels = NETWORKS[name]
    inputs, saved = ("x, c", "x: x, c: c, y: y") if labels else ("x", "x: x, y: y")
    code = f"""seed(3);
let net = {network};
let x = {x}; let c = {labels or "0"};
// Running statistics that are not those of the start.
for i in 0..3 {{ net({inputs}); }}
net.eval();
let y = net({inputs});
net.train();
net.save("net.onnx");
save("values.npz", #{{ {saved} }});
"""
    (saddle.folder / "n.rhai").write_text(code)
    done = saddle("run", "n.rhai")
    assert done.returncode == 0, done.stderr
    model = onnx.load(saddle.folder / "net.onnx")
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(saddle.folder / "net.onnx", providers=["CPUExecutionProvider"])
    values = numpy.load(saddle.folder / "values.npz")
    whole = {"tensor(int64)": numpy.int64, "tensor(float)": numpy.float32}
    names = {"x": "x", "labels": "c"}
    feed = {port.name: values[names[port.name]].astype(whole[port.type]) for port in session.get_inputs()}
    (y,) = session.run(None, feed)
    numpy.testing.assert_allclose(y, values["y"], rtol=1e-5, atol=1e-5)
    # A control: it is not the same whatever goes in; and the batch may have another size.
    other = {port: value[::-1][:2] if value.shape[0] > 2 else value[::-1] for port, value in feed.items()}
    (z,) = session.run(None, other)
    assert z.shape[0] == min(2, y.shape[0]) and abs(z - y[: len(z)]).max() > 1e-3


@pytest.mark.parametrize(
    "code, says",
    [
        ("sequential([linear(4, 4), minibatch_discrimination(4, 2, 3)])", "there is no operator for minibatch_discrimination(4 → 6, 2 × 3)"),
        ("lstm(4, 3)", "there is no operator for lstm"),
        ("network(#{ a: linear(2, 2) }, |net, x| net.a(x))", "forward function of its own"),
        ("3", "an int is no network"),
    ],
)
def test_what_onnx_has_not_is_named(saddle, code, says):
    (saddle.folder / "n.rhai").write_text(f'save("net.onnx", {code});')
    done = saddle("run", "n.rhai")
    assert done.returncode == 1 and says in done.stderr, done.stderr
    assert not (saddle.folder / "net.onnx").exists()


def test_an_onnx_file_is_not_loaded(saddle):
    (saddle.folder / "n.rhai").write_text('linear(2, 1).save("net.onnx"); load("net.onnx");')
    done = saddle("run", "n.rhai")
    assert done.returncode == 1 and "a program for other tools" in done.stderr, done.stderr
