"""On a machine with a graphics card: what holds there, and how fast it is, in at most eight minutes.

    python benches/gpu/run.py PACK.tar.xz [--device wgpu,cuda] [--minutes 8] [--workloads tiny,ring] [--out FOLDER]

PACK is what benches/gpu/pack has made; beside it only this repository is needed. For each device, in order of what is wanted most:

* `truth`, the values, gradients and optimizers that PyTorch computed in float64, and the tests of devices (no read-back in a
  training step, a lost device);
* the workloads, steps a second, with f32 and with f16, beside PyTorch on the same card, eager and through `torch.compile`,
  where this python has a PyTorch that sees a card, and the kernels that a step launches, by cubecl's own account of them;
* `tape`, finite differences of every operation, which takes the longest, with the time that is left.

What did not fit into the time is named. The report is printed, and kept as FOLDER/report.md. It runs on a software adapter as well
(Mesa's lavapipe): the launches are the same there, the speeds say nothing.
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

# Before the workloads, and after them.
SUITES, LAST_SUITES = ["truth", "devices"], ["tape"]
WORKLOADS = ["dcgan", "mlp", "r1", "gp", "attention", "ring", "tiny"]
TEST_RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed", re.M)
# A launch in cubecl's account of what it ran (cubecl-runtime 0.11, src/logging/server.rs), as `| 12.3µs     | ElemwiseFuse_2079716c`.
LAUNCH = re.compile(r"^\| (?:[0-9.]+(?:ns|µs|ms|s)|not measured) *\| ", re.M)
# That account comes with the source of each kernel and with all trials of autotune: cubecl has no switch for launches alone.
ACCOUNT = {"CUBECL_DEBUG_OPTION": "profile"}
# The seconds that suites and workloads leave to what comes after them, and the most that one run may take.
RESERVE, LONGEST = 200, 45


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
    except FileNotFoundError:
        return "", f"no {Path(command[0]).name} in the pack"
    text = done.stdout + done.stderr
    lines = text.strip().splitlines() or ["nothing printed"]
    errors = [line for line in lines if re.match(r"\w*Error\b", line)]
    return text, None if done.returncode == 0 else f"exit status {done.returncode}: {(errors or lines)[-1][:200]}"


def card(release):
    asked = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    text = run(asked, 20)[0].strip() if shutil.which(asked[0]) else ""
    about, _ = run([release / "saddle", "doctor"], 60)
    adapters = [line.strip() for line in about.splitlines() if re.search(r"\b(wgpu|cuda)\b", line)]
    return [text or "no nvidia-smi", *adapters]


def opened(release, devices, folder, report):
    """Those of the devices that this machine and the pack have."""
    path = folder / "open.rhai"
    path.write_text("ones([]).item();")
    trouble = {device: run([release / "saddle", "run", path], LONGEST, SADDLE_DEVICE=device)[1] for device in devices}
    for device, why in trouble.items():
        if why:
            report.say(f"{device}: {why}\n")
    return [device for device in devices if not trouble[device]]


def suites(release, devices, names, seconds, report):
    """Each suite on each device, within `seconds()` of what is left."""
    report.say("\n| suite | device | passed | failed | seconds |\n|---|---|---|---|---|")
    for name in names:
        for device in devices:
            if name == "devices" and device != "wgpu":
                report.say(f"| {name} | {device} | – | not run: its tests open wgpu by that name | – |")
                continue
            start = time.monotonic()
            text, why = run(
                [release / "deps" / name, "--test-threads=4"],
                seconds(),
                SADDLE_DEVICE=device,
                CARGO_MANIFEST_DIR=str(BENCHES.parent / "src" / "nn"),
            )
            found = TEST_RESULT.search(text)
            passed, failed = found.groups() if found else ("–", why)
            report.say(f"| {name} | {device} | {passed} | {failed} | {time.monotonic() - start:.0f} |")
            (report.folder / f"{name}_{device}.txt").write_text(text)


def workload(name):
    return (BENCHES / "workloads" / f"{name}.rhai").read_text()


def steps_of(name, factor):
    """How many steps are timed, and how many come before them."""
    return (max(2, round(number(workload(name), what) * factor)) for what in ("steps", "warm_up"))


def ours(release, device, name, steps, warm_up, folder, seconds, half=False):
    path = folder / f"{name}.rhai"
    first_line = f'device("{device}"); precision("f16");\n' if half else ""
    path.write_text(first_line + replaced(workload(name), steps=steps, warm_up=warm_up))
    text, why = run([release / "saddle", "run", path], seconds, SADDLE_DEVICE=device)
    return steps_per_second(text, why, steps)


def steps_per_second(text, why, steps):
    found = LAST_LINE.search(text)
    return (steps / float(found[1]), None) if found and not why else (None, why or "no result")


def peer(name, compiled, steps, warm_up, seconds):
    command = [sys.executable, BENCHES / "peers" / f"{name}.py", "--device", "cuda", "--steps", steps, "--warm-up", warm_up]
    text, why = run([*command, *(["--compile"] if compiled else [])], seconds)
    return steps_per_second(text, why, steps)


def launches(release, device, name, folder, seconds):
    """Kernels that a step launches: those of a run of 12 steps less those of 2, by ten.

    To be asked after a run without the account, which leaves what autotune has found: trials are launches, too."""
    counts = []
    for steps in (2, 12):
        path, log = folder / f"{name}_{steps}.rhai", folder / f"{name}_{steps}.log"
        path.write_text(replaced(workload(name), steps=steps, warm_up=1))
        log.unlink(missing_ok=True)
        _, why = run(
            [release / "saddle", "run", path], seconds / 2, SADDLE_DEVICE=device, CUBECL_DEBUG_LOG=str(log), **ACCOUNT
        )
        if why or not log.exists():
            return why or "no account of kernels"
        counts.append(len(LAUNCH.findall(log.read_text(encoding="utf-8", errors="replace"))))
    return f"{(counts[1] - counts[0]) / 10:g}"


def has_torch():
    text, _ = run([sys.executable, "-c", "import torch; print(torch.cuda.is_available())"], 60)
    return "True" in text


def workloads(release, devices, names, clock, report, folder, factor):
    torch = has_torch()
    report.say("\n## Workloads, steps a second\n")
    if not torch:
        report.say("No PyTorch that sees a card in this python: its columns are empty.\n")
    report.say(
        "| workload | device | ours | ours, f16 | PyTorch | torch.compile | ours ÷ PyTorch | launches a step |\n|---|---|---|---|---|---|---|---|"
    )
    shown = lambda found: f"{found[0]:.1f}" if found[0] else found[1]
    share = lambda: min(clock.left() - 5, LONGEST)
    for name in names:
        steps, warm_up = steps_of(name, factor)
        eager = peer(name, False, steps, warm_up, share()) if torch else (None, "–")
        compiled = peer(name, True, steps, warm_up, share()) if torch else (None, "–")
        for device in devices:
            single = ours(release, device, name, steps, warm_up, folder, share())
            half = ours(release, device, name, steps, warm_up, folder, share(), half=True)
            ratio = f"{single[0] / eager[0]:.2f}" if single[0] and eager[0] else "–"
            counted = launches(release, device, name, folder, share())
            report.say(
                f"| {name} | {device} | {shown(single)} | {shown(half)} | {shown(eager)} | {shown(compiled)} | {ratio} | {counted} |"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pack", type=Path)
    parser.add_argument("--device", default="wgpu", help="one, or several between commas: wgpu,cuda")
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the numbers of steps")
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--out", type=Path, default=Path("gpu-report"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    clock, report = Clock(options.minutes), Report(options.out)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(options.pack) as pack:
            pack.extractall(folder, filter="data")
        release = Path(folder) / "release"
        report.say("# " + "; ".join(card(release)) + "\n")
        devices = opened(release, options.device.split(","), Path(folder), report)
        report.say("## Suites")
        early = lambda: min(clock.left() - RESERVE, 90)
        suites(release, devices, SUITES, early, report)
        workloads(release, devices, options.workloads.split(","), clock, report, Path(folder), options.scale)
        report.say("\n## Finite differences")
        suites(release, devices, LAST_SUITES, lambda: clock.left() - 5, report)
    report.say(f"\n{options.minutes * 60 - clock.left():.0f} s in all.")


if __name__ == "__main__":
    main()
