"""Steps a second against batch size and width, ours and PyTorch's: `benches/run growth`.

Two networks of two hidden layers on points of the plane, Adam. The batch grows from 16 to 4,096 at width 128, the width
from 64 to 4,096 at batch 64. Each point is the best of PyTorch's numbers of threads, as in compare.py. Writes
`benches/growth.png`, drawn with the words of our own language.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from compare import numbers_of_threads

HERE = Path(__file__).resolve().parent
BATCHES = [(16 << i, 128) for i in range(9)]
WIDTHS = [(64, 64 << i) for i in range(7)]

OURS = """
let m = {batch};
let G = sequential([linear(64, {width}), relu(), linear({width}, {width}), relu(), linear({width}, 2)]);
let D = sequential([linear(2, {width}), relu(), linear({width}, {width}), relu(), linear({width}, 1)]);
let opt_G = adam(G, #{{ lr: 1e-4, betas: [0.5, 0.999] }});
let opt_D = adam(D, #{{ lr: 1e-4, betas: [0.5, 0.999] }});
let start = clock();
let steps = -3;
while steps < 1 || clock() - start < {seconds} {{
    if steps == 0 {{ start = clock(); }}
    let x = randn([m, 2]);
    let x_fake = detach(G(randn([m, 64])));
    let loss_D = (bce_with_logits(D(x), 1) + bce_with_logits(D(x_fake), 0)) / 2;
    opt_D.descend(loss_D);
    let loss_G = bce_with_logits(D(G(randn([m, 64]))), 1);
    opt_G.descend(loss_G);
    steps += 1;
}}
print(steps / (clock() - start));
"""

PLOT = """
let looks = #{{ log_x: true, log_y: true, ylabel: "steps a second", size: [420, 320] }};
let panel = |title, xlabel, xs, ours, theirs| {{
    let options = looks;
    options.title = title;
    options.xlabel = xlabel;
    plot(xs, #{{ Saddlepoint: ours, PyTorch: theirs }}, options)
}};
save("{file}", layout([[
    panel("width 128", "batch size", {batches}, {batches_ours}, {batches_theirs}),
    panel("batch 64", "width", {widths}, {widths_ours}, {widths_theirs}),
]]));
"""


def last_number(command):
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--saddle", required=True, help="the binary")
    parser.add_argument("--seconds", type=float, default=3.0, help="that each point is measured")
    options = parser.parse_args()
    threads = numbers_of_threads()
    results = {}
    print(f"{'batch':>6}{'width':>7}{'ours':>10}{'PyTorch':>10}{'ratio':>8}   steps a second")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "growth.rhai"
        for batch, width in dict.fromkeys(BATCHES + WIDTHS):
            script.write_text(OURS.format(batch=batch, width=width, seconds=options.seconds))
            ours = last_number([options.saddle, "run", script])
            peer = [sys.executable, HERE / "peers" / "growth.py", "--batch", str(batch), "--width", str(width)]
            peer += ["--seconds", str(options.seconds)]
            theirs = max(last_number([*peer, "--threads", str(count)]) for count in threads)
            results[batch, width] = ours, theirs
            print(f"{batch:>6}{width:>7}{ours:>10.1f}{theirs:>10.1f}{ours / theirs:>8.2f}", flush=True)
        column = lambda points, side: json.dumps([results[point][side] for point in points])
        plot = HERE / "growth.png"
        script.write_text(
            PLOT.format(
                file=plot,
                batches=[batch for batch, _ in BATCHES],
                batches_ours=column(BATCHES, 0),
                batches_theirs=column(BATCHES, 1),
                widths=[width for _, width in WIDTHS],
                widths_ours=column(WIDTHS, 0),
                widths_theirs=column(WIDTHS, 1),
            )
        )
        subprocess.run([options.saddle, "run", script], check=True)
    print(f"drawn in {plot}")


if __name__ == "__main__":
    main()
