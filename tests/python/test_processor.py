"""The same script on lesser processors and with other numbers of threads."""

import os
import platform

import pytest

# A step of a small GAN with convolutions, and functions of many numbers: all sizes that are shared among threads.
SCRIPT = """
seed(3);
print(devices()[0].detail);
let D = sequential([conv2d(1, 16, 4, #{ stride: 2, padding: 1 }), leaky_relu(0.2), flatten(), linear(3136, 128), relu(),
    linear(128, 1)]);
let G = sequential([linear(100, 256), relu(), linear(256, 784), tanh(), reshape([1, 28, 28])]);
let opt_D = adam(D, #{ lr: 1e-3 });
let opt_G = adam(G, #{ lr: 1e-3 });
for _ in 0..3 {
    let x = rand([64, 1, 28, 28]);
    let x_fake = detach(G(randn([64, 100])));
    opt_D.descend((bce_with_logits(D(x), 1) + bce_with_logits(D(x_fake), 0)) / 2);
    opt_G.descend(bce_with_logits(D(G(randn([64, 100]))), 1));
}
let y = G(randn([64, 100]));
for v in [sum(y), sum(y ** 2), sum(D(y)), mean(exp(y)), sum(y @ y.t())] { print(v.item()); }
"""


def run(saddle, script=SCRIPT, **environment):
    file = saddle.folder / "script.rhai"
    file.write_text(script.replace("y @ y.t()", "y.reshape([64, 784]) @ y.reshape([64, 784]).t()"))
    done = saddle("run", file, env={**os.environ, **environment})
    assert (done.returncode, done.stderr) == (0, "")
    detail, *numbers = done.stdout.splitlines()
    return detail, list(map(float, numbers))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors have one instruction set only")
@pytest.mark.parametrize(("level", "name"), [("avx2", "avx2"), ("baseline", "sse2")])
def test_a_lesser_processor_agrees_to_rounding(saddle, level, name):
    own, numbers = run(saddle)
    detail, lesser = run(saddle, SADDLE_SIMD=level)
    if level == "avx2" and "sse2" in own:
        pytest.skip("this processor has no AVX2")
    assert name in detail
    assert lesser == pytest.approx(numbers, rel=1e-3)


def test_results_do_not_depend_on_the_number_of_threads(saddle):
    _, one = run(saddle, SADDLE_THREADS="1")
    for count in (2, 3, 7):
        detail, several = run(saddle, SADDLE_THREADS=str(count))
        assert detail.startswith(f"{count} threads")
        assert several == one
    _, told = run(saddle, "threads(5);\n" + SCRIPT, SADDLE_THREADS="1")
    assert told == one
