"""The workloads beside PyTorch: `benches/run [WORKLOAD…]` calls this in an environment that has PyTorch.

Each workload is a script of ours (`workloads/NAME.rhai`) and its peer (`peers/NAME.py`): training loops of the same
networks, batches and optimizers, and one evaluation, `parzen`. Both run in turn, ours, PyTorch with 1 thread, PyTorch with
all, round after round, so that a busy moment of the machine hits all of them; PyTorch is given by its better number of
threads. Printed are medians over the rounds: steps a second of both, the ratio (the median of the rounds' ratios), and the
largest resident memory of both processes.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOOPS = ["mlp", "dcgan", "ring", "tiny", "unrolled", "gp", "quickstart"]
WORKLOADS = [*LOOPS, "parzen"]
LAST_LINE = re.compile(r"^seconds (\S+) loss_D (\S+) loss_G (\S+)$", re.M)


@dataclass
class Run:
    steps_per_second: float
    # Largest resident set of any process that took part, MB: ours has one that computes and one that commands it.
    memory: float
    loss_D: float
    loss_G: float


def run(command, steps, device="cpu"):
    """Runs one side to its end, ours on a device."""
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, env={**os.environ, "SADDLE_DEVICE": device})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read()
    found = LAST_LINE.search(text)
    if process.returncode != 0 or not found:
        sys.exit(f"failed ({process.returncode}): {' '.join(map(str, command))}\n{text}")
    seconds, loss_D, loss_G = map(float, found.groups())
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Run(steps / seconds, kilobytes / 1000, loss_D, loss_G)


def number(script, name):
    return int(re.search(rf"^let {name} = (\d+);", script, re.M)[1])


def replaced(script, **numbers):
    """The script with other numbers of steps."""
    for name, value in numbers.items():
        script = re.sub(rf"^let {name} = \d+;", f"let {name} = {value};", script, flags=re.M)
    return script


def compare(name, options, folder):
    script = (HERE / "workloads" / f"{name}.rhai").read_text()
    steps, warm_up = (max(1, round(number(script, what) * options.scale)) for what in ("steps", "warm_up"))
    ours = Path(folder) / f"{name}.rhai"
    ours.write_text(replaced(script, steps=steps, warm_up=warm_up))
    peer = [sys.executable, HERE / "peers" / f"{name}.py", "--steps", str(steps), "--warm-up", str(warm_up)]
    peer += ["--device", options.peer_device]
    sides = {"ours": [options.saddle, "run", ours]}
    for threads in options.threads:
        sides[threads] = [*peer, "--threads", str(threads)]
    rounds = [
        {side: run(command, steps, options.device) for side, command in sides.items()} for _ in range(options.rounds)
    ]

    def median(side, what):
        return statistics.median(getattr(r[side], what) for r in rounds)

    best = max((side for side in sides if side != "ours"), key=lambda side: median(side, "steps_per_second"))
    ratio = statistics.median(r["ours"].steps_per_second / r[best].steps_per_second for r in rounds)
    print(
        f"{name:<12}{median('ours', 'steps_per_second'):>10.1f}{median(best, 'steps_per_second'):>10.1f}{best:>9}"
        f"{ratio:>8.2f}{median('ours', 'memory'):>10.0f}{median(best, 'memory'):>9.0f}"
        f"   {median('ours', 'loss_D'):.2f} {median('ours', 'loss_G'):.2f} | "
        f"{median(best, 'loss_D'):.2f} {median(best, 'loss_G'):.2f}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--saddle", required=True, help="the binary")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--threads",
        type=int,
        nargs="+",
        default=sorted({1, len(os.sched_getaffinity(0))}),
        help="PyTorch's numbers of threads; default: 1 and all",
    )
    parser.add_argument("--device", default="cpu", help="ours: what the word `device` takes")
    parser.add_argument("--peer-device", help="PyTorch's; default: cuda where ours is neither cpu nor ndarray")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the numbers of steps, to look quickly")
    options = parser.parse_args()
    if options.peer_device is None:
        options.peer_device = "cpu" if options.device in ("cpu", "ndarray") else "cuda"
    if options.peer_device != "cpu":
        options.threads = [1]
    if unknown := set(options.workloads) - set(WORKLOADS):
        parser.error(f"there is no workload {', '.join(sorted(unknown))}; there are {', '.join(WORKLOADS)}")
    if options.device != "cpu":
        about = subprocess.run([options.saddle, "doctor"], capture_output=True, text=True).stdout
        adapter = re.search(rf"^.*\b{re.escape(options.device)}\b +(.*)$", about, re.M)
        print(f"{options.device}: {adapter[1] if adapter else 'unknown'}; PyTorch on {options.peer_device}")
    print(f"{'':<12}{'steps a second':>20}{'PyTorch':>9}{'':>8}{'memory, MB':>19}")
    print(
        f"{'':<12}{'ours':>10}{'PyTorch':>10}{'threads':>9}{'ratio':>8}{'ours':>10}{'PyTorch':>9}"
        f"   last losses D, G: ours | PyTorch"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in options.workloads or WORKLOADS:
            compare(name, options, folder)


if __name__ == "__main__":
    main()
