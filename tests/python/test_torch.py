"""PyTorch takes what we save: `tests/torch/back.py`, run by a Python that has torch. It is too large for the environment of these
tests: SADDLE_TORCH_PYTHON names such a Python; without it the one that `benches/run` has made is taken, where there is one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BACK = Path(__file__).resolve().parents[1] / "torch" / "back.py"


def has_torch(python):
    # Looked for, not imported: from a cold disk that takes minutes.
    look = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
    return subprocess.run([python, "-c", look], capture_output=True, timeout=60).returncode == 0


@pytest.fixture
def torch_python():
    named = os.environ.get("SADDLE_TORCH_PYTHON")
    if named:
        assert has_torch(named), f"SADDLE_TORCH_PYTHON={named} has no torch"
        return named
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "saddlepoint"
    candidates = [sys.executable, *sorted(caches.glob("bench-*/bin/python"))]
    for python in candidates:
        if has_torch(python):
            return python
    pytest.skip("no Python with torch is known here: SADDLE_TORCH_PYTHON may name one")


def test_load_state_dict_takes_what_is_saved(saddle, tmp_path, torch_python):
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [torch_python, BACK, saddle.program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("PyTorch takes them, strictly\n")
