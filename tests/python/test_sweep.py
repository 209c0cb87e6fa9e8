"""`saddle sweep` on this machine, and `saddle collect`."""

import csv
import os
import re
import resource
import signal
import statistics
import subprocess
import time

import pytest


@pytest.fixture
def notebook(saddle):
    return lambda code: saddle.with_parameters('let seed = 0; let loss = "minimax";', code)


def rows(saddle, file="sweep/runs.csv"):
    with open(saddle.folder / file, newline="") as text:
        return list(csv.DictReader(text))


def test_a_grid_is_run_and_its_table_has_mean_and_spread(saddle, notebook):
    code = 'seed(seed); let x = mean(randn([50])).item() + if loss == "hinge" { 10 } else { 0 };\n'
    code += 'report("x", x); check("failing", seed, #{ below: 2 }); show_grid("x", rand([4, 16]));'
    done = saddle("sweep", notebook(code), "-p", "loss=minimax,hinge", "-p", "seed=0..3", "--jobs", "2")
    assert done.returncode == 1, done.stderr
    assert "4 of 6 runs are done, 2 failed (3, 6)" in done.stdout
    assert saddle("collect").returncode == 0
    table = rows(saddle)
    assert [(row["loss"], row["seed"], row["status"]) for row in table] == [
        (loss, str(seed), "failed" if seed == 2 else "done") for loss in ["minimax", "hinge"] for seed in range(3)
    ]
    assert "CheckFailed: failing: 2 is not below 2" == table[2]["error"]
    summary = rows(saddle, "sweep/summary.csv")
    for row, part in zip(summary, [table[:2], table[3:5]], strict=True):
        values = [float(run["x"]) for run in part]
        assert float(row["x mean"]) == pytest.approx(statistics.mean(values))
        assert float(row["x std"]) == pytest.approx(statistics.stdev(values))
        assert (row["done"], row["failed"]) == ("2", "1")
    page = (saddle.folder / "sweep/index.html").read_text()
    assert page.count("data:image/png;base64,") == 4, "failed runs stop before their picture"
    shown = saddle("run", saddle.notebook("r.ipynb", 'results("sweep/")', 'results("sweep/").runs[2].status'))
    assert "failed: 3" in shown.stdout and shown.stdout.endswith('"failed"\n'), shown.stdout + shown.stderr


def test_what_is_done_is_not_done_again_and_a_killed_run_is_repeated_once(saddle, notebook):
    # Each run notes that it began; the run with seed 1 kills its own process the first time, that with seed 2 every time.
    code = """let begun = `begun-${seed}.npy`; let n = 0;
try { n = load(begun).item(); } catch { }
save(begun, tensor([n + 1.0]));
if (seed == 1 && n == 0) || seed == 2 { while true { sleep(0.01); } }
report("n", n + 1);"""
    source = notebook(code)
    running = saddle.start("sweep", source, "-p", "seed=0..3", "--jobs", "1")
    killed = {}
    deadline = time.monotonic() + 90
    while running.poll() is None and time.monotonic() < deadline:
        for run, times in [(2, 1), (3, 2)]:
            looping = [p for p in descendants(running.pid) if re.search(f"sweep-run .* {run}$", command(p)) and p not in killed]
            begun = saddle.folder / f"begun-{run - 1}.npy"
            if looping and begun.exists() and list(killed.values()).count(run) < times:
                time.sleep(0.5)
                os.kill(looping[0], signal.SIGKILL)
                killed[looping[0]] = run
        time.sleep(0.05)
    out, complaint = running.communicate(timeout=10)
    assert len(killed) == 3 and running.returncode == 1, out + complaint
    assert "run 2 (seed 1): its process was killed by signal 9; it is run once more" in out
    assert "run 3 (seed 2): its process was killed by signal 9; that was the second time" in out
    assert "2 of 3 runs are done, 1 lost (3)" in out
    before = (saddle.folder / "sweep/runs/0001/result.json").read_text()
    running = saddle.start("sweep", source, "-p", "seed=0..3")
    time.sleep(3)
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=20)
    assert running.returncode == 130 and "2 of 3 runs are done already" in out
    assert (saddle.folder / "sweep/runs/0001/result.json").read_text() == before


def descendants(pid):
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True).stdout.split()
    parents = dict(zip(map(int, listed[::2]), map(int, listed[1::2])))
    return [child for child, parent in parents.items() if parent == pid]


def command(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as text:
            return text.read().replace("\0", " ").strip()
    except OSError:
        return ""


def test_two_sweeps_do_not_mix_in_one_folder(saddle, notebook):
    source = notebook('report("x", seed);')
    assert saddle("sweep", source, "-p", "seed=0,1").returncode == 0
    for arguments, says in [(["-p", "seed=0..5"], "other parameters"), (["-p", "seed=0,1", "-o", "sweep/"], None)]:
        done = saddle("sweep", source, *arguments)
        if says:
            assert done.returncode == 2 and "another sweep" in done.stderr and says in done.stderr
        else:
            assert done.returncode == 0 and "2 of 2 runs are done already" in done.stdout
    notebook('report("x", seed + 1);')
    done = saddle("sweep", source, "-p", "seed=0,1")
    assert done.returncode == 2 and "before it was changed" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["-p", "sede=0..3"], ["no parameter `sede`", "seed, loss"]),
        (["-p", "seed=a,b"], ["a whole number"]),
        (["-p", "seed=0..3", "--on", "kubernetes"], ["dask://HOST:PORT"]),
        (["-p", "seed=0..3", "--jobs", "0"], ["--jobs"]),
    ],
)
def test_what_cannot_be_swept_is_named(saddle, notebook, arguments, complaint):
    done = saddle("sweep", notebook("1"), *arguments)
    assert done.returncode == 2 and all(part in done.stderr for part in complaint), done.stderr
    assert not (saddle.folder / "sweep").exists()


def test_an_engine_that_is_not_installed_says_how_to_get_it(saddle, notebook):
    source = notebook("1")
    nothing = {**os.environ, "PATH": "/nowhere"}
    for engine, says in [("slurm", "apt install slurm-client"), ("dask://127.0.0.1:1", "python3"), ("ray", "python3")]:
        done = saddle("sweep", source, "-p", "seed=0", "--on", engine, env=nothing)
        assert done.returncode == 2 and says in done.stderr, done.stderr


def test_a_full_disk_is_one_error_and_what_is_done_stays(saddle, notebook):
    source = notebook('report("x", seed);')
    assert saddle("sweep", source, "-p", "seed=0..4").returncode == 0
    for run in (2, 3, 4):
        (saddle.folder / f"sweep/runs/000{run}/result.json").unlink()
    # No file may grow: the kernel refuses writes as a full disk does.
    limit = lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))
    done = saddle("sweep", source, "-p", "seed=0..4", "--jobs", "1", preexec_fn=limit)
    assert done.returncode == 2 and "cannot write" in done.stderr and "goes on" in done.stderr, done.stderr
    # No further one is started that could not be kept either.
    assert "run 2 " in done.stdout and "run 3 " not in done.stdout, done.stdout
    done = saddle("sweep", source, "-p", "seed=0..4")
    assert done.returncode == 0 and "1 of 4 runs are done already" in done.stdout


def test_collect_without_a_sweep_says_so(saddle):
    done = saddle("collect", "nothing")
    assert done.returncode == 2 and "holds no sweep" in done.stderr
