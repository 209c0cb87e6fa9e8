"""A disk that is full in the middle of a sweep: a real one of 1 MB, in memory."""

import os
import subprocess
import time

import pytest
from conftest import command_line

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk")


@pytest.fixture
def disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no disk can be mounted: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(disk):
    filler = disk / "filler"
    with open(filler, "wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(4096))
        except OSError:
            return filler


def test_a_sweep_stops_where_nothing_can_be_kept_and_goes_on_once_there_is_room(disk):
    saddle = command_line.Saddle(disk)
    source = saddle.notebook("n.ipynb", "let seed = 0;", 'sleep(1); report("x", seed);')
    book = source.read_text().replace('"tags": []', '"tags": ["parameters"]', 1)
    source.write_text(book)
    running = saddle.start("sweep", source, "-p", "seed=0..6", "--jobs", "1")
    first = disk / "sweep/runs/0001/result.json"
    deadline = time.monotonic() + 60
    while not first.exists():
        assert time.monotonic() < deadline and running.poll() is None, running.communicate()
        time.sleep(0.05)
    kept = first.read_text()
    filler = fill(disk)
    out, complaint = running.communicate(timeout=60)
    assert running.returncode == 2, out + complaint
    assert "No space left on device" in complaint and "goes on" in complaint, complaint
    # No further one is started that could not be kept either.
    assert "run 2 " in out and "run 4 " not in out, out
    filler.unlink()
    again = saddle("sweep", source, "-p", "seed=0..6", "--jobs", "2")
    assert again.returncode == 0 and "6 of 6 runs are done;" in again.stdout, again.stdout + again.stderr
    assert "of 6 runs are done already" in again.stdout and first.read_text() == kept
