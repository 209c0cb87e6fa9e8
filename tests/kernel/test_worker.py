"""The worker process: however it dies, the cell says so once and the kernel answers on; and it never outlives the kernel."""

import os
import random
import signal
import subprocess
import sys
import threading
import time

import pexpect
import psutil
import pytest
from conftest import TIMEOUT, Kernel, text_of
from test_manners import alive

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


def worker(kernel):
    """The worker's process, as soon as there is one."""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        for child in psutil.Process(kernel.manager.provisioner.pid).children():
            if child.status() != psutil.STATUS_ZOMBIE and "worker" in child.cmdline():
                return child
        time.sleep(0.005)
    raise AssertionError("no worker")


def kill(kernel, number):
    os.kill(worker(kernel).pid, number)


def crash(kernel, number):
    """As a fault in native code would: Rust's handler takes the first signal for one, which then does not come again."""
    pid = worker(kernel).pid
    while alive(pid):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            break
        time.sleep(0.02)


def lost(kernel, msg_id):
    """The error of a cell whose worker died: one message, and a reply that agrees."""
    reply, messages = kernel.finish(msg_id)
    errors = [m["content"] for m in messages if m["msg_type"] == "error"]
    assert len(errors) == 1, messages
    assert errors[0] == {key: reply[key] for key in ("ename", "evalue", "traceback")}
    assert reply["status"] == "error"
    return reply


def printing(kernel, code):
    """Starts a cell; returns when it has printed."""
    msg_id = kernel.client.execute(code)
    while kernel.client.get_iopub_msg(timeout=TIMEOUT)["msg_type"] != "stream":
        pass
    return msg_id


ENDS = {
    "killed": (lambda k: kill(k, signal.SIGKILL), "killed by the system, probably for memory (SIGKILL"),
    "terminated": (lambda k: kill(k, signal.SIGTERM), "ended from outside (SIGTERM)"),
    "segfault": (lambda k: crash(k, signal.SIGSEGV), "crashed in native code (SIGSEGV)"),
    "bus error": (lambda k: crash(k, signal.SIGBUS), "crashed in native code (SIGBUS)"),
    "aborted": (lambda k: kill(k, signal.SIGABRT), "crashed in native code (SIGABRT)"),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_cell_under_which_the_worker_dies_says_so_once_and_the_kernel_answers_on(tmp_path, end):
    log = (tmp_path / "stderr").open("w+")
    kernel = Kernel({"stderr": log})
    try:
        file = tmp_path / "gan.ckpt"
        kernel.run("let G = linear(2, 1); let opt_G = adam(G); fn half(x) { x / 2.0 }")
        kernel.run(f'checkpoint("{file}", #{{ G: G, opt_G: opt_G, step: 7 }});')
        running = printing(kernel, 'print("before");\nloop {}')
        waiting = [kernel.client.execute("1 + 1") for _ in range(3)]
        time.sleep(0.1)
        act, expected = ENDS[end]
        act(kernel)
        reply = lost(kernel, running)
        assert reply["ename"] == "SessionLost" and expected in reply["evalue"]
        shown = "\n".join(reply["traceback"])
        assert "gone: G, opt_G, half()" in shown
        resume = f'resume("{file}", #{{ G: G, opt_G: opt_G }})'
        assert f"last checkpoint: `{file}`" in shown and resume in shown
        for msg_id in waiting:
            assert kernel.reply(msg_id)["content"]["status"] == "aborted"
        # Counts and history go on; what the hint says works.
        reply, messages = kernel.run(f"let G = linear(2, 1); let opt_G = adam(G); {resume}.step")
        assert reply["execution_count"] == 4 and reply["status"] == "ok"
        assert [m["msg_type"] for m in messages] == ["status", "execute_input", "execute_result", "status"]
        history = kernel.reply(kernel.client.history(hist_access_type="tail", n=10))["content"]["history"]
        assert [line for _, line, _ in history][:3] == [1, 2, 3] and history[2][2] == 'print("before");\nloop {}'
    finally:
        kernel.close()
    log.seek(0)
    assert log.read() == "", "nothing on Jupyter's terminal"


@pytest.mark.parametrize(
    "code, expected",
    [
        ("let x = []; x.pad(10000000000, 0);", "ran out of memory: 160.0 GB more were asked for"),
        ("let x = []; x.pad(1000000000000, 0);", "ran out of memory"),
    ],
)
def test_a_cell_that_asks_for_too_much_memory_is_told_how_much(kernel, code, expected):
    kernel.run("let a = 1;")
    reply = lost(kernel, kernel.client.execute(code))
    assert reply["ename"] == "SessionLost" and expected in reply["evalue"]
    assert "gone: a" in "\n".join(reply["traceback"])
    assert kernel.result("40 + 2") == "42"


def test_a_worker_that_dies_between_cells_is_told_of_by_the_next_cell(kernel):
    kernel.run("let D = 1;")
    kill(kernel, signal.SIGKILL)
    reply, messages = kernel.run("40 + 2")
    assert reply["status"] == "ok" and reply["execution_count"] == 2
    note = text_of(messages, "stderr")
    assert "SIGKILL" in note and "gone: D" in note
    assert text_of(kernel.run("40 + 2")[1], "stderr") == ""


def test_a_worker_that_dies_while_it_asks_ends_the_cell(kernel):
    msg_id = kernel.client.execute('input("name? ")', allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=TIMEOUT)
    kill(kernel, signal.SIGKILL)
    assert lost(kernel, msg_id)["ename"] == "SessionLost"
    # The answer to the old question is not taken for one to a new question.
    kernel.client.input("too late")
    msg_id = kernel.client.execute('input("again? ")', allow_stdin=True)
    assert kernel.client.get_stdin_msg(timeout=TIMEOUT)["content"]["prompt"] == "again? "
    kernel.client.input("in time")
    reply, messages = kernel.finish(msg_id)
    assert [m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "execute_result"] == ['"in time"']


def test_killed_a_hundred_times_in_a_row(kernel):
    process = psutil.Process(kernel.manager.provisioner.pid)
    kernel.run("1")
    files, threads, memory = process.num_fds(), process.num_threads(), process.memory_info().rss
    for round in range(100):
        running = printing(kernel, "print(1); loop {}")
        kill(kernel, signal.SIGKILL)
        assert lost(kernel, running)["ename"] == "SessionLost", round
    assert kernel.run("40 + 2")[0]["execution_count"] == 102
    assert [child.status() for child in process.children()].count(psutil.STATUS_ZOMBIE) == 0
    assert len(process.children()) == 1
    time.sleep(0.5)
    assert (process.num_fds(), process.num_threads()) == (files, threads)
    assert process.memory_info().rss < memory + 8_000_000


# ---- interrupts that are not heard


def test_a_second_interrupt_ends_a_cell_that_hears_none(kernel):
    kernel.run("let D = 1;")
    running = printing(kernel, 'print(1);\nloop {}')
    kill(kernel, signal.SIGSTOP)
    kernel.manager.interrupt_kernel()
    kernel.manager.interrupt_kernel()
    # A double click costs no variables.
    kernel.silent(seconds=0.7)
    time.sleep(0.5)
    start = time.monotonic()
    kernel.manager.interrupt_kernel()
    reply = lost(kernel, running)
    assert time.monotonic() - start < 0.5
    assert reply["ename"] == "KeyboardInterrupt" and "did not stop" in reply["evalue"]
    assert "gone: D" in "\n".join(reply["traceback"])
    assert kernel.result("40 + 2") == "42"


def test_eight_seconds_after_an_interrupt_that_has_no_effect_the_cell_is_ended(kernel):
    running = printing(kernel, 'print(1);\nloop {}')
    kill(kernel, signal.SIGSTOP)
    start = time.monotonic()
    kernel.manager.interrupt_kernel()
    reply = lost(kernel, running)
    assert 7.5 < time.monotonic() - start < 9
    assert reply["ename"] == "KeyboardInterrupt"
    assert kernel.result("40 + 2") == "42"


def test_what_native_code_does_after_its_interrupt_is_not_cut_short_at_once(kernel):
    # One product of matrices looks at no flag and takes longer than 100 ms; it must be let finish.
    kernel.run("let a = randn([3000, 3000]);")
    running = printing(kernel, "print(1);\nloop { a.matmul(a); }")
    kernel.manager.interrupt_kernel()
    kernel.manager.interrupt_kernel()
    assert kernel.reply(running)["content"]["ename"] == "KeyboardInterrupt"
    assert kernel.result("a.shape") == "[3000, 3000]"


STATES = {
    "loop": "loop {}",
    "sleep": "sleep(60)",
    "train": "let G = sequential([linear(64, 256), linear(256, 64)]); let opt = adam(G);\n"
    "loop { opt.descend(mean((G(randn([64, 64])) - 1) ** 2)); }",
    "load": "loop { for batch in digits().batches(64) { batch; } }",
    "draw": 'let p = rand([64, 1, 28, 28]); loop { show("p", p); show(plot([1, 2, 3])); }',
    "print": 'loop { print("x"); }',
    "animate": "let frames = []; for i in 0..300 { frames.push(plot(randn([100]))); }\nloop { animate(frames); }",
}


@pytest.mark.parametrize("state", STATES)
def test_an_interrupt_takes_at_most_100_ms(kernel, state):
    code = f'print("go");\n{STATES[state]}'
    kernel.run("let x = 41;")
    times = []
    for _ in range(3):
        msg_id = printing(kernel, code)
        time.sleep(0.2)
        start = time.monotonic()
        kernel.manager.interrupt_kernel()
        reply = kernel.reply(msg_id)["content"]
        times.append(time.monotonic() - start)
        assert reply["ename"] == "KeyboardInterrupt", reply
    assert min(times) < 0.1, times
    assert kernel.result("40 + 2") == "42"


def test_a_thousand_interrupts_at_random_moments_leave_the_variables_consistent(kernel):
    rng = random.Random(20261122)
    kernel.run("let pair = [0, 0]; let n = 0; let G = linear(4, 4); let opt = adam(G);")
    # A statement replaces both halves at once: they never differ, wherever the interrupt falls.
    code = "loop { n += 1; pair = [n, n]; opt.descend(mean(G(randn([8, 4])) ** 2)); }"
    client = kernel.client
    for _ in range(1000):
        # Taken, and perhaps not yet begun.
        msg_id = kernel.looping(code)
        time.sleep(rng.random() ** 3 * 0.02)
        client.control_channel.send(client.session.msg("interrupt_request"))
        assert kernel.reply(msg_id)["content"]["ename"] == "KeyboardInterrupt"
    assert kernel.result("pair[0] == pair[1] && (n - pair[0]) <= 1 && n > 0") == "true"
    assert kernel.result("G(randn([2, 4])).shape") == "[2, 4]"
    assert worker(kernel).is_running()


# ---- shutdown and orphans


def waiting_for_input(kernel):
    kernel.client.execute('input("name? ")', allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=TIMEOUT)


def stopped(kernel):
    printing(kernel, "print(1); loop {}")
    kill(kernel, signal.SIGSTOP)


def starting(kernel):
    # The cell waits for a worker that has just been started.
    kill(kernel, signal.SIGKILL)
    kernel.client.execute("loop {}")


SHUTDOWN = {
    "idle": lambda k: None,
    "busy": lambda k: printing(k, "print(1); loop {}"),
    "native": lambda k: printing(k, "print(1); let a = randn([6000, 6000]); a.matmul(a);"),
    "flood": lambda k: printing(k, 'loop { print("x"); }'),
    "asking": waiting_for_input,
    "stopped": stopped,
    "starting": starting,
    "dead": lambda k: kill(k, signal.SIGKILL),
}


@pytest.mark.parametrize("state", SHUTDOWN)
def test_shutdown_within_a_second_takes_the_worker_along(state):
    kernel = Kernel()
    try:
        before = worker(kernel)
        SHUTDOWN[state](kernel)
        client = kernel.client
        message = client.session.msg("shutdown_request", {"restart": False})
        start = time.monotonic()
        client.control_channel.send(message)
        reply = kernel.reply(message["header"]["msg_id"], channel="control")
        assert reply["content"] == {"status": "ok", "restart": False}
        workers = [before, *psutil.Process(kernel.manager.provisioner.pid).children()]
        while kernel.manager.is_alive():
            assert time.monotonic() - start < 1, "the process did not end"
            time.sleep(0.01)
        assert not any(alive(process.pid) for process in workers)
    finally:
        kernel.close()


@pytest.mark.parametrize("state", ["idle", "busy", "native", "flood", "asking"])
def test_no_worker_outlives_a_kernel_that_is_killed(state):
    kernel = Kernel()
    try:
        SHUTDOWN[state](kernel)
        pid = worker(kernel).pid
        os.kill(kernel.manager.provisioner.pid, signal.SIGKILL)
        end = time.monotonic() + 1
        while alive(pid):
            assert time.monotonic() < end, f"the worker {pid} is an orphan"
            time.sleep(0.01)
    finally:
        kernel.close()


ORPHAN = """
import os, sys, time
from jupyter_client.manager import KernelManager
manager = KernelManager(kernel_name="saddle")
manager.start_kernel()
if sys.argv[1]:
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=15)
    client.execute(sys.argv[1])
    time.sleep(0.5)
print(manager.provisioner.pid, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("code", ["", "1 + 1", "loop {}", 'input("?")', "let a = randn([6000, 6000]); a.matmul(a);"])
def test_nothing_outlives_a_jupyter_that_is_killed(code):
    # Also where it is killed before the kernel has looked at who started it.
    done = subprocess.run([sys.executable, "-c", ORPHAN, code], capture_output=True, text=True, timeout=60)
    pid = int(done.stdout)
    try:
        family = [pid, *(child.pid for child in psutil.Process(pid).children())]
    except psutil.NoSuchProcess:
        family = [pid]
    end = time.monotonic() + 5
    while left := [pid for pid in family if alive(pid)]:
        assert time.monotonic() < end, f"{left} are orphans"
        time.sleep(0.05)


def test_a_worker_killed_at_its_start_or_at_any_moment_of_it_is_replaced():
    kernel = Kernel()
    stop = threading.Event()

    def killer():
        while not stop.is_set():
            for child in psutil.Process(kernel.manager.provisioner.pid).children():
                child.kill()
            time.sleep(0.003)

    thread = threading.Thread(target=killer)
    try:
        thread.start()
        for _ in range(20):
            reply, _ = kernel.run("1 + 1")
            assert reply["status"] in ("ok", "error")
        stop.set()
        thread.join()
        kernel.run("1 + 1")
        assert kernel.result("40 + 2") == "42"
    finally:
        stop.set()
        kernel.close()


# ---- answers while the worker is not there


def test_the_kernel_introduces_itself_while_its_worker_hangs(kernel):
    kill(kernel, signal.SIGSTOP)
    start = time.monotonic()
    kernel.client.kernel_info()
    assert kernel.client.get_shell_msg(timeout=TIMEOUT)["content"]["status"] == "ok"
    assert time.monotonic() - start < 0.2
    kill(kernel, signal.SIGCONT)
    assert kernel.result("40 + 2") == "42"


def test_memory_counts_the_worker(kernel):
    text = text_of(kernel.run("let big = randn([5000, 5000]);\n%memory")[1])
    resident = float(text.split(" MB resident")[0])
    assert resident > 100
    assert abs(resident * 1e6 - worker(kernel).memory_info().rss) < 30e6


def test_a_flood_of_large_pictures_does_not_pile_up_in_the_kernel(kernel):
    supervisor = psutil.Process(kernel.manager.provisioner.pid)
    code = 'print("go"); let x = rand([1, 3, 1000, 1000]); loop { show(x); }'
    msg_id = printing(kernel, code)
    peak = 0
    end = time.monotonic() + 3
    while time.monotonic() < end:
        peak = max(peak, supervisor.memory_info().rss)
        while kernel.client.iopub_channel.msg_ready():
            kernel.client.get_iopub_msg(timeout=1)
        time.sleep(0.05)
    kernel.manager.interrupt_kernel()
    assert kernel.reply(msg_id)["content"]["ename"] == "KeyboardInterrupt"
    assert peak < 400e6, peak


def test_ctrl_c_in_jupyter_console_stops_the_cell_and_leaves_no_process(tmp_path):
    environment = dict(os.environ, TERM="dumb", PYTHONWARNINGS="ignore")
    command = ["-m", "jupyter_console", "--kernel", "saddle", "--simple-prompt"]
    console = pexpect.spawn(sys.executable, command, env=environment, encoding="utf-8", timeout=30, cwd=tmp_path)
    try:
        console.expect(r"In \[1\]:")
        family = psutil.Process(console.pid).children(recursive=True)
        assert any("worker" in process.cmdline() for process in family)
        console.sendline('let a = 42; print("go"); loop {}')
        console.expect(r"\ngo\r\n")
        console.sendintr()
        console.expect_exact("KeyboardInterrupt")
        console.expect(r"In \[\d+\]:")
        console.sendline("a")
        console.expect(r"Out\[\d+\]:\s+42")
        console.sendeof()
        console.expect_exact("Do you really want to exit")
        console.sendline("y")
        console.expect(pexpect.EOF)
    finally:
        console.close(force=True)
    _, left = psutil.wait_procs(family, timeout=5)
    assert not left
