"""Dask's and Ray's own local clusters. `SADDLE_SCALE_PYTHON` is a Python with both, which `tests/run scale` installs."""

import os
import re
import signal
import subprocess
import time

import pytest
from elsewhere import can_import

PYTHON = os.environ.get("SADDLE_SCALE_PYTHON", "python3")


def needs(module):
    return pytest.mark.skipif(not can_import(PYTHON, module), reason=f"{PYTHON} has no {module}")


@pytest.fixture
def env():
    return {**os.environ, "PATH": f"{os.path.dirname(PYTHON)}:{os.environ['PATH']}"}


@pytest.fixture
def dask(env, tmp_path):
    """A scheduler and three workers; the address."""
    log = open(tmp_path / "dask.log", "w+")
    program = [PYTHON, "-m"]
    scheduler = subprocess.Popen(
        [*program, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"],
        env=env, stdout=log, stderr=log,
    )
    address = None
    deadline = time.monotonic() + 60
    while not address and time.monotonic() < deadline:
        found = re.search(r"tcp://127\.0\.0\.1:(\d+)", (tmp_path / "dask.log").read_text())
        address = found and found.group(1)
        time.sleep(0.2)
    assert address, (tmp_path / "dask.log").read_text()
    workers = [
        subprocess.Popen(
            [*program, "distributed.cli.dask_worker", f"tcp://127.0.0.1:{address}", "--nthreads", "1", "--no-dashboard",
             "--no-nanny", "--local-directory", str(tmp_path)],
            env=env, stdout=log, stderr=log,
        )
        for _ in range(3)
    ]
    yield f"dask://127.0.0.1:{address}"
    for process in [*workers, scheduler]:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            # A worker waits for the run that it has.
            process.kill()
            process.wait()


@needs("distributed")
def test_dask_runs_the_grid(saddle, notebook, env, dask):
    source = notebook('report("x", seed * seed); check("small", seed, #{ below: 3 });')
    done = saddle("sweep", source, "-p", "seed=0..4", "--on", dask, env=env)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "3 of 4 runs are done, 1 failed (4)" in done.stdout


@needs("distributed")
def test_a_dask_scheduler_that_is_down_is_one_error(saddle, notebook, env):
    done = saddle("sweep", notebook("1"), "-p", "seed=0", "--on", "dask://127.0.0.1:9", env=env)
    assert done.returncode == 2 and "no Dask scheduler answers at tcp://127.0.0.1:9" in done.stderr, done.stderr


@needs("distributed")
def test_a_dask_worker_that_is_killed_costs_one_repetition(saddle, notebook, env, dask):
    """Dask itself would give the task to the next worker, up to three times, and say nothing."""
    killed_twice(saddle, notebook, env, dask, "its worker was lost")


def killed_twice(saddle, notebook, env, engine, says):
    """A run whose worker is killed, and once more: it is repeated once, reported, and leaves no process."""
    source = notebook('if seed == 1 { while true { sleep(0.05); } } report("x", seed);')
    running = saddle.start("sweep", source, "-p", "seed=0,1", "--on", engine, env=env)
    try:
        killed = set()
        for _ in range(2):
            deadline = time.monotonic() + 180
            while not (found := runs(saddle, 2) - killed):
                assert time.monotonic() < deadline and running.poll() is None, running.communicate()
                time.sleep(0.1)
            (run,) = found
            killed.add(run)
            os.kill(parent(run), signal.SIGKILL)
            while run in runs(saddle, 2):
                assert time.monotonic() < deadline, "the run goes on without its worker"
                time.sleep(0.1)
        out, complaint = running.communicate(timeout=120)
    finally:
        running.kill()
        running.wait()
        for run in runs(saddle, 2):
            os.kill(run, signal.SIGKILL)
    assert running.returncode == 1, out + complaint
    assert f"run 2 (seed 1): {says}; it is run once more" in out, out
    assert f"run 2 (seed 1): {says}; that was the second time" in out, out
    assert "1 of 2 runs are done, 1 lost (2)" in out, out


def runs(saddle, number):
    """The processes of that run of the sweep in the folder of this test."""
    pattern = rf"sweep-run {re.escape(str(saddle.folder))}/sweep {number}$"
    return {pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if re.search(pattern, of_process(pid, "cmdline").replace("\0", " ").strip())}


def parent(pid):
    return int(of_process(pid, "stat").rsplit(")", 1)[1].split()[1])


def of_process(pid, what):
    try:
        with open(f"/proc/{pid}/{what}") as text:
            return text.read()
    except OSError:
        return ""


@needs("ray")
@pytest.mark.parametrize("address", ["ray", "ray://127.0.0.1:9"])
def test_a_ray_cluster_that_is_down_is_one_error(saddle, notebook, env, address):
    done = saddle("sweep", notebook("1"), "-p", "seed=0..4", "--on", address, env=env)
    assert done.returncode == 2 and "no Ray scheduler answers" in done.stderr, done.stderr
    assert "goes on once it is up" in done.stderr, done.stderr


@pytest.fixture(scope="module")
def ray():
    """A cluster of this machine alone."""
    program = os.path.join(os.path.dirname(PYTHON), "ray")
    start = [program, "start", "--head", "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats",
             "--object-store-memory=80000000"]
    # Ray gives its node 30 s, which a busy machine may not keep with cold files.
    env = {**os.environ, "PATH": f"{os.path.dirname(PYTHON)}:{os.environ['PATH']}", "RAY_gcs_server_port_wait_time_s": "150"}
    stop = lambda: subprocess.run([program, "stop", "--force"], env=env, capture_output=True, timeout=60)
    for _ in range(3):
        tried = subprocess.run(start, env=env, capture_output=True, text=True, timeout=240)
        if tried.returncode == 0:
            break
        stop()
    assert tried.returncode == 0, tried.stdout + tried.stderr
    yield "ray"
    stop()


@needs("ray")
def test_ray_runs_the_grid(saddle, notebook, env, ray):
    source = notebook('report("x", seed * seed); check("small", seed, #{ below: 3 });')
    done = saddle("sweep", source, "-p", "seed=0..4", "--on", ray, env=env, timeout=300)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "3 of 4 runs are done, 1 failed (4)" in done.stdout


@needs("ray")
def test_a_ray_worker_that_is_killed_costs_one_repetition(saddle, notebook, env, ray):
    killed_twice(saddle, notebook, env, ray, "its Ray worker failed: WorkerCrashedError")


@pytest.mark.parametrize("engine", ["kubernetes", "dask", "dask://", "ray://", "ray:127.0.0.1", "RAY"])
def test_an_engine_that_there_is_none_of_is_named_with_those_there_are(saddle, notebook, engine):
    done = saddle("sweep", notebook("1"), "-p", "seed=0", "--on", engine)
    assert done.returncode == 2 and "the engines are local, slurm, dask://HOST:PORT, ray and ray://HOST:PORT" in done.stderr, done.stderr
    assert not (saddle.folder / "sweep").exists()


def test_a_python_without_the_engine_says_how_to_get_it(saddle, notebook):
    bare = saddle.folder / "bin"
    bare.mkdir()
    # -S -I: this Python sees no installed package.
    (bare / "python3").write_text('#!/bin/sh\nexec /usr/bin/env -i /usr/bin/python3 -S -I "$@"\n')
    (bare / "python3").chmod(0o755)
    env = {**os.environ, "PATH": f"{bare}:/usr/bin:/bin"}
    for engine, package in [("dask://127.0.0.1:9", "dask[distributed]"), ("ray", "ray")]:
        done = saddle("sweep", notebook("1"), "-p", "seed=0", "--on", engine, "-o", package, env=env)
        assert done.returncode == 2 and f"pip install '{package}'" in done.stderr, done.stderr
