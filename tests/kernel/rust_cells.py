"""Cells of Rust for the tests of them: one kernel for all of a file, and what such a cell gives."""

import re
import shutil
import textwrap
from pathlib import Path

import conftest
import psutil
import pytest
from conftest import Kernel, text_of

CARGO = shutil.which("cargo") or shutil.which("cargo", path=Path.home() / ".cargo/bin")
LINKER = any(shutil.which(name) for name in ("cc", "gcc", "clang"))

needs_rust = pytest.mark.skipif(not (CARGO and LINKER), reason="%%rust cells need cargo and a C linker, which are not here")


@pytest.fixture(scope="module", autouse=True)
def patience():
    """Compiling takes its time where other tests run beside."""
    before, conftest.TIMEOUT = conftest.TIMEOUT, 120
    yield
    conftest.TIMEOUT = before


@pytest.fixture(scope="module")
def notebook(patience):
    """One kernel for all that leaves it as it was: Rust starts once."""
    kernel = Kernel()
    kernel.run("%%rust\nlet ready = true;")
    yield kernel
    kernel.close()


@pytest.fixture
def fresh(patience):
    kernel = Kernel()
    yield kernel
    kernel.close()


def rust(kernel, code):
    """Runs a cell of Rust that must not fail: its stdout."""
    reply, messages = kernel.run("%%rust\n" + textwrap.dedent(code))
    assert reply["status"] == "ok", "\n".join(reply["traceback"])
    return text_of(messages)


def shown(kernel, code):
    """What a cell of Rust shows as its result, by mime type."""
    reply, messages = kernel.run("%%rust\n" + textwrap.dedent(code))
    assert reply["status"] == "ok", "\n".join(reply["traceback"])
    [result] = [m["content"]["data"] for m in messages if m["msg_type"] == "execute_result"]
    return result


def error(kernel, code):
    """The error of a cell: its name, its message, and its lines without colours."""
    reply, messages = kernel.run(code)
    assert reply["status"] == "error", messages
    assert len([m for m in messages if m["msg_type"] == "error"]) == 1
    return reply["ename"], reply["evalue"], re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(reply["traceback"]))


def family(kernel):
    """The processes below the kernel, by what they are."""
    below = psutil.Process(kernel.manager.provisioner.pid).children(recursive=True)
    return [process for process in below if process.status() != psutil.STATUS_ZOMBIE]


def hosts(kernel):
    return [process for process in family(kernel) if process.cmdline()[1:] == ["serve"]]
