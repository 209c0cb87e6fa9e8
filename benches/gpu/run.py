"""On a machine with a graphics card: what holds there, and how fast it is, in at most eight minutes.

    python benches/gpu/run.py PACK.tar.xz [--device wgpu] [--minutes 8] [--out FOLDER]

PACK is what benches/gpu/pack has made; beside it only this repository is needed. In order, each within its share of the time:

* the suites of operations and gradients on the device (values, first and second gradients against PyTorch's in float64, finite
  differences), and the tests of devices (no read-back in a training step, a lost device);
* the workloads, steps a second, with f32 and with f16, beside PyTorch on the same card, eager and through `torch.compile`,
  where this python has a PyTorch that sees a card;
* kernels launched in a step, counted by the driver's side: the difference between a long and a short run.

What did not fit into the time is named. The report is printed, and kept as FOLDER/report.md.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

BENCHES = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(BENCHES))
from compare import LAST_LINE, number, replaced  # noqa: E402

SUITES = ["devices", "truth", "tape"]
WORKLOADS = ["dcgan", "mlp", "r1", "gp", "attention", "ring", "tiny"]
TEST_RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed", re.M)
# A kernel in cubecl's account of what it ran.
LAUNCH = re.compile(r"^\s*\|?.*(Kernel|kernel).*(ms|µs|us|ns)\b", re.M)


class Clock:
    """The time that is left."""

    def __init__(self, minutes):
        self.end = time.monotonic() + 60 * minutes

    def left(self):
        return self.end - time.monotonic()


class Report:
    def __init__(self, folder):
        self.folder, self.lines = folder, []

    def say(self, line=""):
        print(line, flush=True)
        self.lines.append(line)
        (self.folder / "report.md").write_text("\n".join(self.lines) + "\n")


def run(command, seconds, **environment):
    """What a command prints, and why it has no result: `(text, None)` or `(text, reason)`."""
    if seconds < 5:
        return "", "no time left"
    try:
        done = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, timeout=seconds, env={**os.environ, **environment}
        )
    except subprocess.TimeoutExpired:
        return "", f"not done after {seconds:.0f} s"
    text = done.stdout + done.stderr
    lines = text.strip().splitlines() or ["nothing printed"]
    return text, None if done.returncode == 0 else f"exit status {done.returncode}: {lines[-1][:200]}"


def card(release):
    asked = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    text = run(asked, 20)[0].strip() if shutil.which(asked[0]) else ""
    about, _ = run([release / "saddle", "doctor"], 60)
    adapters = [line.strip() for line in about.splitlines() if re.search(r"\b(wgpu|cuda)\b", line)]
    return [text or "no nvidia-smi", *adapters]


def suites(release, device, clock, report):
    report.say("## Suites\n\n| suite | passed | failed | seconds |\n|---|---|---|---|")
    for name in SUITES:
        start = time.monotonic()
        text, why = run(
            [release / "deps" / name, "--test-threads=4"],
            min(clock.left() - 200, 150),
            SADDLE_DEVICE=device,
            CARGO_MANIFEST_DIR=str(BENCHES.parent / "src" / "nn"),
        )
        found = TEST_RESULT.search(text)
        passed, failed = found.groups() if found else ("–", why)
        report.say(f"| {name} | {passed} | {failed} | {time.monotonic() - start:.0f} |")
        (report.folder / f"{name}.txt").write_text(text)


def workload(name):
    return (BENCHES / "workloads" / f"{name}.rhai").read_text()


def steps_of(name, factor):
    return max(2, round(number(workload(name), "steps") * factor))


def ours(release, device, name, steps, folder, seconds, half=False):
    path = folder / f"{name}.rhai"
    first_line = f'device("{device}"); precision("f16");\n' if half else ""
    path.write_text(first_line + replaced(workload(name), steps=steps))
    text, why = run([release / "saddle", "run", path], seconds, SADDLE_DEVICE=device)
    return steps_per_second(text, why, steps)


def steps_per_second(text, why, steps):
    found = LAST_LINE.search(text)
    return (steps / float(found[1]), None) if found and not why else (None, why or "no result")


def peer(name, compiled, steps, seconds):
    command = [sys.executable, BENCHES / "peers" / f"{name}.py", "--device", "cuda", "--steps", steps]
    text, why = run([*command, *(["--compile"] if compiled else [])], seconds)
    return steps_per_second(text, why, steps)


def launches(release, device, name, folder, seconds):
    """Kernels that a step launches: those of a run of 12 steps less those of 2, by ten."""
    counts = []
    for steps in (2, 12):
        path = folder / f"{name}_{steps}.rhai"
        path.write_text(replaced(workload(name), steps=steps))
        log = folder / f"{name}_{steps}.log"
        _, why = run(
            [release / "saddle", "run", path], seconds / 2, SADDLE_DEVICE=device, CUBECL_DEBUG_LOG=str(log),
            CUBECL_DEBUG_OPTION="profile-medium",
        )
        if why or not log.exists():
            return why or "no account of kernels"
        counts.append(len(LAUNCH.findall(log.read_text(errors="replace"))))
    return f"{(counts[1] - counts[0]) / 10:.0f}"


def has_torch():
    text, _ = run([sys.executable, "-c", "import torch; print(torch.cuda.is_available())"], 60)
    return "True" in text


def workloads(release, device, clock, report, folder, factor):
    torch = has_torch()
    report.say("\n## Workloads, steps a second\n")
    if not torch:
        report.say("No PyTorch that sees a card in this python: its columns are empty.\n")
    report.say("| workload | ours | ours, f16 | PyTorch | torch.compile | ours ÷ PyTorch | launches a step |\n|---|---|---|---|---|---|---|")
    shown = lambda found: f"{found[0]:.1f}" if found[0] else found[1]
    for name in WORKLOADS:
        share = lambda: min(clock.left() - 5, 45)
        steps = steps_of(name, factor)
        single = ours(release, device, name, steps, folder, share())
        half = ours(release, device, name, steps, folder, share(), half=True)
        eager = peer(name, False, steps, share()) if torch else (None, "–")
        compiled = peer(name, True, steps, share()) if torch else (None, "–")
        ratio = f"{single[0] / eager[0]:.2f}" if single[0] and eager[0] else "–"
        counted = launches(release, device, name, folder, share())
        report.say(f"| {name} | {shown(single)} | {shown(half)} | {shown(eager)} | {shown(compiled)} | {ratio} | {counted} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pack", type=Path)
    parser.add_argument("--device", default="wgpu")
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the numbers of steps")
    parser.add_argument("--out", type=Path, default=Path("gpu-report"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    clock, report = Clock(options.minutes), Report(options.out)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(options.pack) as pack:
            pack.extractall(folder, filter="data")
        release = Path(folder) / "release"
        report.say("# " + "; ".join(card(release)) + "\n")
        suites(release, options.device, clock, report)
        workloads(release, options.device, clock, report, Path(folder), options.scale)
    report.say(f"\n{options.minutes * 60 - clock.left():.0f} s in all.")


if __name__ == "__main__":
    main()
