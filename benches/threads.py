"""Steps a second against the number of threads that compute: `benches/run threads [WORKLOAD…]`.

Each workload runs with `SADDLE_THREADS` = 1, 2, 4 … and all physical cores (more than these take no part), in turn, round after
round, so that a busy moment of the machine hits all of them. Printed are medians over the rounds, and in brackets the median of
the rounds' ratios to one thread. The losses after the last step have to be the same whatever the number of threads.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from compare import HERE, WORKLOADS, number, replaced, run


def cores(saddle, folder):
    """The physical cores that the program finds."""
    script = Path(folder) / "cores.rhai"
    script.write_text("print(threads());")
    environment = {name: value for name, value in os.environ.items() if name != "SADDLE_THREADS"}
    return int(subprocess.run([saddle, "run", script], env=environment, check=True, capture_output=True, text=True).stdout)


def doubled(most):
    """1, 2, 4 … and the most."""
    return sorted({1 << i for i in range(most.bit_length()) if 1 << i <= most} | {most})


def measure(name, threads, options, folder):
    script = (HERE / "workloads" / f"{name}.rhai").read_text()
    steps, warm_up = (max(1, round(number(script, what) * options.scale)) for what in ("steps", "warm_up"))
    file = Path(folder) / f"{name}.rhai"
    file.write_text(replaced(script, steps=steps, warm_up=warm_up))
    rounds = []
    for _ in range(options.rounds):
        done = {}
        for count in threads:
            os.environ["SADDLE_THREADS"] = str(count)
            done[count] = run([options.saddle, "run", file], steps)
        rounds.append(done)
    line = f"{name:<18}"
    for count in threads:
        speed = statistics.median(done[count].steps_per_second for done in rounds)
        ratio = statistics.median(done[count].steps_per_second / done[threads[0]].steps_per_second for done in rounds)
        line += f"{f'{speed:.1f} ({ratio:.2f})':>18}"
    losses = {(r.loss_D, r.loss_G) for done in rounds for r in done.values()}
    print(line + ("" if len(losses) == 1 else f"   losses differ: {sorted(losses)}"), flush=True)
    return len(losses) == 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--saddle", required=True, help="the binary")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", help="default: 1, 2, 4 … and the physical cores")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the numbers of steps, to look quickly")
    options = parser.parse_args()
    if unknown := set(options.workloads) - set(WORKLOADS):
        parser.error(f"there is no workload {', '.join(sorted(unknown))}; there are {', '.join(WORKLOADS)}")
    with tempfile.TemporaryDirectory() as folder:
        threads = options.threads or doubled(cores(options.saddle, folder))
        print("steps a second (÷ those of the first column)")
        print(f"{'threads':<18}" + "".join(f"{count:>18}" for count in threads))
        same = [measure(name, threads, options, folder) for name in options.workloads or WORKLOADS]
    sys.exit(not all(same))


if __name__ == "__main__":
    main()
