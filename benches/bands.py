"""Whether the workloads learn the same: `benches/run bands [WORKLOAD…]`.

One run is no proof: the losses of two players swing, and each side draws its own random numbers. So each workload runs
with several seeds on both sides, and the losses after the last step are compared as bands, from the smallest to the
largest. Exit status 1 where a band of ours lies wholly outside PyTorch's.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from compare import LOOPS, replaced, run

HERE = Path(__file__).resolve().parent


def ours(saddle, name, seed, steps, folder):
    script = (HERE / "workloads" / f"{name}.rhai").read_text()
    script = script.replace("seed(0);", f"seed({seed});", 1)
    file = Path(folder) / f"{name}_{seed}.rhai"
    # The clock starts by reading a loss, so there has to be a step before.
    file.write_text(replaced(script, steps=steps - 1, warm_up=1))
    return run([saddle, "run", file], steps)


def theirs(name, seed, steps):
    peer = [sys.executable, HERE / "peers" / f"{name}.py", "--threads", "1"]
    return run([*peer, "--steps", str(steps), "--warm-up", "0", "--seed", str(seed)], steps)


def band(runs, loss):
    values = [getattr(r, loss) for r in runs]
    return min(values), max(values)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(LOOPS))
    parser.add_argument("--saddle", required=True, help="the binary")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2000)
    options = parser.parse_args()
    if unknown := set(options.workloads) - set(LOOPS):
        parser.error(f"there is no workload {', '.join(sorted(unknown))}; there are {', '.join(LOOPS)}")
    print(f"losses after {options.steps} steps, {options.seeds} seeds")
    print(f"{'':<12}{'loss of D, ours':>20}{'PyTorch':>16}{'loss of G, ours':>20}{'PyTorch':>16}")
    apart = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in options.workloads or LOOPS:
            seeds = range(options.seeds)
            sides = (
                [ours(options.saddle, name, seed, options.steps, folder) for seed in seeds],
                [theirs(name, seed, options.steps) for seed in seeds],
            )
            line, meet = f"{name:<12}", True
            for loss in ("loss_D", "loss_G"):
                (low, high), (their_low, their_high) = (band(side, loss) for side in sides)
                line += f"{f'{low:.3f} … {high:.3f}':>20}{f'{their_low:.3f} … {their_high:.3f}':>16}"
                meet &= low <= their_high and their_low <= high
            apart += not meet
            print(line + ("" if meet else "   apart"), flush=True)
    sys.exit(apart > 0)


if __name__ == "__main__":
    main()
