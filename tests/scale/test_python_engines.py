"""Dask's and Ray's own local clusters. `SADDLE_SCALE_PYTHON` is a Python with both, which `tests/run scale` installs."""

import os
import re
import subprocess
import time

import pytest

PYTHON = os.environ.get("SADDLE_SCALE_PYTHON", "python3")


def needs(module):
    found = subprocess.run([PYTHON, "-c", f"import {module}"], capture_output=True).returncode == 0
    return pytest.mark.skipif(not found, reason=f"{PYTHON} has no {module}")


@pytest.fixture
def env():
    return {**os.environ, "PATH": f"{os.path.dirname(PYTHON)}:{os.environ['PATH']}"}


@pytest.fixture
def dask(env, tmp_path):
    """A scheduler and two workers; the address, and how to kill a worker."""
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
        for _ in range(2)
    ]
    yield f"dask://127.0.0.1:{address}", workers
    for process in [*workers, scheduler]:
        process.terminate()
        process.wait(20)


@needs("distributed")
def test_dask_runs_the_grid(saddle, notebook, env, dask):
    source = notebook('report("x", seed * seed); check("small", seed, #{ below: 3 });')
    done = saddle("sweep", source, "-p", "seed=0..4", "--on", dask[0], env=env)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "3 of 4 runs are done, 1 failed (4)" in done.stdout


@needs("distributed")
def test_a_dask_scheduler_that_is_down_is_one_error(saddle, notebook, env):
    done = saddle("sweep", notebook("1"), "-p", "seed=0", "--on", "dask://127.0.0.1:9", env=env)
    assert done.returncode == 2 and "no Dask scheduler answers at tcp://127.0.0.1:9" in done.stderr, done.stderr


@needs("ray")
def test_ray_runs_the_grid_and_a_cluster_that_is_down_is_one_error(saddle, notebook, env):
    source = notebook('report("x", seed * seed); check("small", seed, #{ below: 3 });')
    ray = os.path.join(os.path.dirname(PYTHON), "ray")
    down = saddle("sweep", source, "-p", "seed=0..4", "--on", "ray", env=env)
    assert down.returncode == 2 and "no Ray scheduler answers" in down.stderr, down.stderr
    start = [ray, "start", "--head", "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats",
             "--object-store-memory=80000000"]
    # Ray gives its node 30 s, which a busy machine may not keep with cold files.
    env = {**env, "RAY_gcs_server_port_wait_time_s": "150"}
    try:
        for _ in range(3):
            tried = subprocess.run(start, env=env, capture_output=True, text=True, timeout=240)
            if tried.returncode == 0:
                break
            subprocess.run([ray, "stop", "--force"], env=env, capture_output=True, timeout=60)
        assert tried.returncode == 0, tried.stdout + tried.stderr
        done = saddle("sweep", source, "-p", "seed=0..4", "--on", "ray", env=env, timeout=300)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "3 of 4 runs are done, 1 failed (4)" in done.stdout
    finally:
        subprocess.run([ray, "stop", "--force"], env=env, capture_output=True, timeout=60)


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
