"""The workloads beside PyTorch and JAX: `benches/run [WORKLOAD…]` calls this in an environment that has both.

Each workload is a script of ours (`workloads/NAME.rhai`) and its peers (`peers/NAME.py` in PyTorch, `jax_peers/NAME.py` in JAX
with one jitted step): training loops of the same networks, batches and optimizers, sampling, and one evaluation, `parzen`.
All run in turn, ours, PyTorch with 1 thread, with its own choice and with all, JAX with all, round after round, so that a busy moment of the
machine hits all of them; PyTorch is given by its better number of threads. Printed are medians over the rounds: steps a
second, our ratio to each peer (the median of the rounds' ratios), the seconds that XLA compiled before the first step (in no
ratio), and the largest resident memory of the processes.
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
LOOPS = ["mlp", "dcgan", "ring", "tiny", "unrolled", "gp", "r1", "wgan_gp", "vae", "attention", "semi", "pixelcnn", "lstm"]
WORKLOADS = [*LOOPS, "quickstart", "pixelcnn_sampling", "parzen"]
LAST_LINE = re.compile(r"^seconds (\S+) loss_D (\S+) loss_G (\S+)$", re.M)
COMPILE_LINE = re.compile(r"^compile (\S+)$", re.M)


@dataclass
class Run:
    steps_per_second: float
    # Largest resident set of any process that took part, MB: ours has one that computes and one that commands it.
    memory: float
    loss_D: float
    loss_G: float
    # Seconds that a compiler took before the first step; only JAX's.
    compiled: float


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
    compiled = COMPILE_LINE.search(text)
    return Run(steps / seconds, kilobytes / 1000, loss_D, loss_G, float(compiled[1]) if compiled else 0.0)


def numbers_of_threads():
    """What PyTorch is tried with: 1, as many as it chooses itself (the physical cores, as a rule), and all that this process may use."""
    # In a process of its own: what this one holds, Linux counts as memory of those that it starts.
    ask = [sys.executable, "-c", "import torch; print(torch.get_num_threads())"]
    chosen = int(subprocess.run(ask, stdout=subprocess.PIPE, text=True, check=True).stdout)
    # A Mac tells no affinity.
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return sorted({1, chosen, processors})


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
    jax = HERE / "jax_peers" / f"{name}.py"
    if options.jax and jax.exists() and options.device == "cpu":
        sides["jax"] = [sys.executable, jax, "--steps", str(steps), "--warm-up", str(warm_up)]
    rounds = [
        {side: run(command, steps, options.device) for side, command in sides.items()} for _ in range(options.rounds)
    ]

    def median(side, what):
        return statistics.median(getattr(r[side], what) for r in rounds)

    def ratio(side):
        return statistics.median(r["ours"].steps_per_second / r[side].steps_per_second for r in rounds)

    best = max(options.threads, key=lambda side: median(side, "steps_per_second"))
    line = f"{name:<18}{median('ours', 'steps_per_second'):>10.1f}{median(best, 'steps_per_second'):>10.1f}{best:>9}"
    line += f"{median('jax', 'steps_per_second'):>10.1f}" if "jax" in sides else f"{'–':>10}"
    line += f"{ratio(best):>10.2f}" + (f"{ratio('jax'):>8.2f}" if "jax" in sides else f"{'–':>8}")
    line += f"{median('jax', 'compiled'):>9.1f}" if "jax" in sides else f"{'–':>9}"
    line += f"{median('ours', 'memory'):>8.0f}{median(best, 'memory'):>9.0f}"
    line += f"{median('jax', 'memory'):>7.0f}" if "jax" in sides else f"{'–':>7}"
    losses = ("ours", best, "jax") if "jax" in sides else ("ours", best)
    print(line + "   " + " | ".join(f"{median(s, 'loss_D'):.2f} {median(s, 'loss_G'):.2f}" for s in losses), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--saddle", required=True, help="the binary")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--threads",
        type=int,
        nargs="+",
        help="PyTorch's numbers of threads; default: 1, its own choice, and all",
    )
    parser.add_argument("--device", default="cpu", help="ours: what the word `device` takes")
    parser.add_argument("--peer-device", help="PyTorch's; default: cuda where ours is neither cpu nor ndarray")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the numbers of steps, to look quickly")
    parser.add_argument("--no-jax", dest="jax", action="store_false", help="PyTorch alone")
    options = parser.parse_args()
    if options.peer_device is None:
        options.peer_device = "cpu" if options.device in ("cpu", "ndarray") else "cuda"
    if options.peer_device != "cpu":
        options.threads = [1]
    options.threads = options.threads or numbers_of_threads()
    if unknown := set(options.workloads) - set(WORKLOADS):
        parser.error(f"there is no workload {', '.join(sorted(unknown))}; there are {', '.join(WORKLOADS)}")
    if options.device != "cpu":
        about = subprocess.run([options.saddle, "doctor"], capture_output=True, text=True).stdout
        adapter = re.search(rf"^.*\b{re.escape(options.device)}\b +(.*)$", about, re.M)
        print(f"{options.device}: {adapter[1] if adapter else 'unknown'}; PyTorch on {options.peer_device}")
    print(f"{'':<18}{'steps a second':>39}{'ours ÷':>18}{'XLA':>9}{'memory, MB':>24}")
    print(
        f"{'':<18}{'ours':>10}{'PyTorch':>10}{'threads':>9}{'JAX':>10}{'PyTorch':>10}{'JAX':>8}{'s':>9}"
        f"{'ours':>8}{'PyTorch':>9}{'JAX':>7}   last losses D, G: ours | PyTorch | JAX"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in options.workloads or WORKLOADS:
            compare(name, options, folder)


if __name__ == "__main__":
    main()
