"""Engines that exist, started on this machine for the tests: Slurm with munge on one node, Dask, Ray, MPI, gateways. `tests/run scale`
installs them; a test whose engine is missing is skipped with the reason.
"""

import importlib.util
import os
from pathlib import Path

import pytest

of_the_command_line = importlib.util.spec_from_file_location(
    "command_line", Path(__file__).resolve().parents[1] / "python/conftest.py"
)
command_line = importlib.util.module_from_spec(of_the_command_line)
of_the_command_line.loader.exec_module(command_line)

# Two cores, shared: what is tested is who runs what, and not how fast.
os.environ.setdefault("SADDLE_THREADS", "1")


@pytest.fixture
def host(tmp_path):
    """Another machine that SSH reaches."""
    from elsewhere import Host  # which takes from this module

    host = Host(tmp_path)
    if not host.space.name:
        pytest.skip("no network namespace can be made")
    yield host
    host.end()


@pytest.fixture
def saddle(tmp_path):
    return command_line.Saddle(tmp_path)


@pytest.fixture
def notebook(saddle):
    return lambda code: saddle.with_parameters("let seed = 0;", code)
