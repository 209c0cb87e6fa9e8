"""A crash in a cell of `saddle run`, `saddle test` or `saddle repl` costs that cell; Ctrl-C reaches the cell and leaves no process."""

import os
import signal
import sys
import time

import nbformat
import pexpect
import psutil
import pytest

CRASH = "let x = []; x.pad(10000000000, 0);"


def counts(path):
    return [cell.get("execution_count") for cell in nbformat.read(path, as_version=4).cells]


def in_terminal(saddle, *arguments):
    environment = dict(os.environ, XDG_STATE_HOME=str(saddle.folder), TERM="xterm", NO_COLOR="1")
    return pexpect.spawn(
        saddle.program, list(map(str, arguments)), cwd=saddle.folder, env=environment, encoding="utf-8", timeout=15
    )


def worker_of(process, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for child in psutil.Process(process.pid).children():
            if "worker" in child.cmdline():
                return child
        time.sleep(0.01)
    raise AssertionError("no worker")


def test_a_crash_is_an_error_of_its_cell_and_the_rest_of_the_notebook_is_written(saddle):
    source = saddle.notebook("n.ipynb", "let a = 1; a", "a + 1", CRASH, "40 + 2")
    done = saddle("run", source, "-o", "out.ipynb")
    assert done.returncode == 1
    assert "SessionLost" in done.stderr and "ran out of memory" in done.stderr and "gone: a" in done.stderr
    assert "cell 3 of 4" in done.stderr
    assert counts(saddle.folder / "out.ipynb") == [1, 2, 3, None]
    notebook = nbformat.read(saddle.folder / "out.ipynb", as_version=4)
    assert notebook.cells[1].outputs[0]["data"]["text/plain"] == "2"
    assert [output["ename"] for output in notebook.cells[2].outputs] == ["SessionLost"]
    # The rest can run in a fresh process.
    assert saddle("run", source, "--keep-going", "-o", "out.ipynb").returncode == 1
    notebook = nbformat.read(saddle.folder / "out.ipynb", as_version=4)
    assert notebook.cells[3].outputs[0]["data"]["text/plain"] == "42"


def test_a_crash_is_a_difference_when_a_notebook_is_tested(saddle):
    done = saddle("test", saddle.notebook("n.ipynb", "1 + 1", CRASH))
    assert done.returncode == 1
    assert "failed with SessionLost" in done.stdout


def test_a_crash_at_the_prompt_costs_the_variables_and_not_the_prompt(saddle):
    done = saddle("repl", input=f"let a = 40;\n{CRASH}\n40 + 2\n")
    assert done.returncode == 1
    assert done.stdout.strip() == "42" and "gone: a" in done.stderr
    prompt = in_terminal(saddle, "repl")
    prompt.expect_exact("[1] ")
    prompt.send(CRASH + "\r")
    prompt.expect_exact("SessionLost")
    prompt.expect_exact("[2] ")
    prompt.send("40 + 2\r")
    prompt.expect(r"\r\n42\r\n")
    prompt.close(force=True)


def test_ctrl_c_in_a_terminal_stops_the_cell_and_keeps_the_prompts_variables(saddle):
    # The terminal sends it to every process of the foreground, the worker included.
    prompt = in_terminal(saddle, "repl")
    prompt.expect_exact("[1] ")
    worker = worker_of(prompt)
    prompt.send('let a = 42; print("go"); loop {}\r')
    prompt.expect(r"\r\ngo\r\n")
    prompt.sendintr()
    prompt.expect_exact("KeyboardInterrupt")
    prompt.expect_exact("[2] ")
    prompt.send("a\r")
    prompt.expect(r"\r\n42\r\n")
    assert worker.is_running()
    prompt.sendeof()
    prompt.expect(pexpect.EOF)
    prompt.close()
    worker.wait(2)


def test_a_cell_that_hears_no_ctrl_c_is_ended_by_the_second_and_the_notebook_written(saddle):
    source = saddle.notebook("n.ipynb", "let a = 1; a", 'save("begun.npy", ones([1])); loop {}', "a")
    running = in_terminal(saddle, "run", source, "-o", "out.ipynb")
    worker = worker_of(running)
    deadline = time.monotonic() + 60
    while not (saddle.folder / "begun.npy").exists():
        assert time.monotonic() < deadline and running.isalive()
        time.sleep(0.01)
    worker.send_signal(signal.SIGSTOP)
    running.sendintr()
    time.sleep(0.3)
    assert running.isalive()
    running.sendintr()
    running.expect_exact("KeyboardInterrupt")
    running.expect(pexpect.EOF)
    running.close()
    assert running.exitstatus == 130
    assert counts(saddle.folder / "out.ipynb") == [1, 2, None]
    worker.wait(2)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux ends the worker; elsewhere the worker itself")
@pytest.mark.parametrize("code", ["loop {}", "let a = randn([6000, 6000]); a.matmul(a);"])
def test_no_worker_outlives_a_command_that_is_killed(saddle, code):
    script = saddle.folder / "s.rhai"
    script.write_text(code)
    running = saddle.start("run", script)
    worker = worker_of(running)
    time.sleep(0.5)
    running.kill()
    running.wait()
    assert worker.wait(2) is not None or not worker.is_running()
