"""Single words beside PyTorch's: `benches/run words [NAME…]`, microseconds of each and of its gradient.

A training loop hides a slow word among fast ones; this shows it. `words.txt` has the words. Each is called until its time is
known to some hundredths, ours and PyTorch's in processes of their own, in turn; a line's ratio is the median over the rounds of
theirs ÷ ours. Both use one thread, unless `--threads` says otherwise. Slowest first.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent

CELLS = """
seed(0);
let x = randn([64, 48, 16, 16]); let y = randn([64, 48, 16, 16]); let p = exp(randn([64, 48, 16, 16]));
let c = randn([1, 48, 1, 1]); let m = randn([512, 512]); let k = randn([512, 512]); let v = randn([512]);
let row = randn([1, 512]); let column = randn([512, 1]); let l = randn([4096, 10]); let labels = randint(0, 10, [4096]);
let at = randint(0, 512, [512]); let each = randint(0, 512, [512, 512]); let q = randn([64, 64, 64]); let r = randn([64, 64, 64]);
let w1 = randn([48, 48, 1, 1]); let w3 = randn([48, 48, 3, 3]); let w4 = randn([48, 48, 4, 4]); let w5 = randn([48, 48, 5, 5]);
let wd = randn([48, 1, 3, 3]);
let batch = batch_norm(48); let layer = layer_norm(512); let group = group_norm(8, 48); let instance = instance_norm(48);
fn best(calls, f) {
    let best = 1e9;
    for _ in 0..7 { let start = clock(); for _ in 0..calls { f.call(); } best = min(best, (clock() - start) / calls); }
    best
}
fn measure(name, f) { let once = best(1, f); print(`${name}\t${best(max(1, min(200, to_int(0.006 / once))), f)}`); }
"""

PYTHON = """
import time
import torch
import torch.nn.functional as F

torch.set_num_threads({threads})
torch.manual_seed(0)
x, y, p = torch.randn(64, 48, 16, 16), torch.randn(64, 48, 16, 16), torch.randn(64, 48, 16, 16).exp()
c, m, k, v = torch.randn(1, 48, 1, 1), torch.randn(512, 512), torch.randn(512, 512), torch.randn(512)
row, column, l, labels = torch.randn(1, 512), torch.randn(512, 1), torch.randn(4096, 10), torch.randint(0, 10, (4096,))
at, each = torch.randint(0, 512, (512,)), torch.randint(0, 512, (512, 512))
q, r, wd = torch.randn(64, 64, 64), torch.randn(64, 64, 64), torch.randn(48, 1, 3, 3)
w1, w3, w4, w5 = (torch.randn(48, 48, n, n) for n in (1, 3, 4, 5))
batch, layer, group = torch.nn.BatchNorm2d(48), torch.nn.LayerNorm(512), torch.nn.GroupNorm(8, 48)


def best(calls, f):
    best = 1e9
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(calls):
            f()
        best = min(best, (time.perf_counter() - start) / calls)
    return best


def measure(name, f):
    once = best(1, f)
    print(name, best(max(1, min(200, int(0.006 / once))), f), sep="\\t", flush=True)
"""


def words(wanted):
    lines = (HERE / "words.txt").read_text().splitlines()
    table = [[cell.strip() for cell in line.split(" | ")] for line in lines if line and not line.startswith("#")]
    return [word for word in table if not wanted or word[0] in wanted]


def scripts(table, threads):
    cells, python = CELLS, PYTHON.replace("{threads}", str(threads))
    for name, ours, theirs, leaf in table:
        cells += f'measure("{name}", || {ours});\n'
        python += f'measure("{name}", lambda: {theirs})\n'
        if leaf != "-":
            cells += f'measure("{name}, gradient", || grad(sum({ours}), {leaf}));\n'
            python += f'{leaf}.requires_grad_()\nmeasure("{name}, gradient", lambda: torch.autograd.grad(({theirs}).sum(), {leaf}))\n'
            python += f"{leaf}.requires_grad_(False)\n"
    return cells, python


def times(command, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{done.stdout[-500:]}{done.stderr[-2000:]}")
    return {name: float(seconds) for name, seconds in (line.split("\t") for line in done.stdout.splitlines() if "\t" in line)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="as in words.txt; all by default")
    parser.add_argument("--saddle", required=True)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    table = words(options.names)
    if not table:
        sys.exit("no such word in words.txt")
    environment = {**os.environ, "SADDLE_THREADS": str(options.threads)}
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "words.rhai", Path(folder) / "words.py"
        for file, text in zip(files, scripts(table, options.threads)):
            file.write_text(text)
        rounds = [
            (times([options.saddle, "run", files[0]], environment), times([sys.executable, files[1]], environment))
            for _ in range(options.rounds)
        ]
    median = lambda of: statistics.median(of(ours, theirs) for ours, theirs in rounds)
    rows = [
        (median(lambda a, b: b[name] / a[name]), name, median(lambda a, b: a[name]), median(lambda a, b: b[name]))
        for name in rounds[0][0]
    ]
    print(f"{'word':<36}{'µs':>12}{'PyTorch, µs':>14}{'times as fast':>16}")
    for ratio, name, ours, theirs in sorted(rows):
        print(f"{name:<36}{ours * 1e6:>12.1f}{theirs * 1e6:>14.1f}{ratio:>16.2f}")
    ahead = sum(ratio >= 1 for ratio, *_ in rows)
    middle = statistics.median(ratio for ratio, *_ in rows)
    print(f"{ahead} of {len(rows)} are as fast as PyTorch's or faster; the median word is {middle:.2f} times as fast")


if __name__ == "__main__":
    main()
