"""The order of things: statuses, counts, the queue, interrupts, completion beside a running cell, the end."""

import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import TIMEOUT, Kernel, text_of


def states(messages):
    return [m["content"]["execution_state"] for m in messages if m["msg_type"] == "status"]


def test_busy_comes_first_and_idle_last_with_every_output_between(kernel):
    reply, messages = kernel.run("for i in 0..2000 { print(i); }")
    assert reply["status"] == "ok"
    assert [m["msg_type"] for m in messages[:2]] == ["status", "execute_input"]
    assert states(messages) == ["busy", "idle"]
    assert text_of(messages) == "".join(f"{i}\n" for i in range(2000))
    # Batched: far fewer messages than lines.
    assert len(messages) < 100


def test_output_appears_while_the_cell_runs(kernel):
    msg_id = kernel.looping('print("now");\nloop {}')
    start = time.monotonic()
    message = kernel.client.get_iopub_msg(timeout=TIMEOUT)
    assert message["content"] == {"name": "stdout", "text": "now\n"}
    assert time.monotonic() - start < 0.5
    kernel.manager.interrupt_kernel()
    assert kernel.reply(msg_id)["content"]["ename"] == "KeyboardInterrupt"


def test_an_error_is_one_message_and_a_reply_that_agree(kernel):
    kernel.run("1 + 1")
    reply, messages = kernel.run('print("before");\nthrow "boom"')
    errors = [m["content"] for m in messages if m["msg_type"] == "error"]
    assert len(errors) == 1
    assert "boom" in errors[0]["evalue"]
    assert errors[0] == {key: reply[key] for key in ("ename", "evalue", "traceback")}
    assert reply["execution_count"] == 2
    assert text_of(messages) == "before\n"
    assert [m["msg_type"] for m in messages] == ["status", "execute_input", "stream", "error", "status"]


def test_counts_silent_and_store_history(kernel):
    count = lambda **options: kernel.run("1 + 1", **options)[0]["execution_count"]
    assert [count(), count()] == [1, 2]
    assert kernel.run("1 + 1", silent=True)[1][0]["content"] == {"execution_state": "busy"}
    reply, messages = kernel.run("1 + 1", silent=True)
    assert states(messages) == ["busy", "idle"] and len(messages) == 2
    reply, messages = kernel.run("1 + 2", store_history=False)
    assert [m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "execute_result"] == ["3"]
    assert count() == 3


def test_user_expressions_are_evaluated_after_the_cell(kernel):
    reply, _ = kernel.run("let x = 41;", user_expressions={"good": "x + 1", "bad": "no_such_name"})
    good, bad = reply["user_expressions"]["good"], reply["user_expressions"]["bad"]
    assert good["status"] == "ok" and good["data"]["text/plain"] == "42"
    assert bad["status"] == "error" and {"ename", "evalue", "traceback"} <= bad.keys()
    reply, _ = kernel.run('throw "boom"', user_expressions={"good": "x + 1"})
    assert reply["user_expressions"] == {}


def interrupt_on_control(kernel):
    kernel.manager.interrupt_kernel()


def interrupt_on_shell(kernel):
    # What VS Code did until December 2025.
    client = kernel.client
    client.shell_channel.send(client.session.msg("interrupt_request", {}))


def interrupt_by_signal(kernel):
    os.kill(kernel.manager.provisioner.pid, signal.SIGINT)


@pytest.mark.parametrize("interrupt", [interrupt_on_control, interrupt_on_shell, interrupt_by_signal])
def test_an_interrupt_ends_the_loop_and_keeps_the_variables(kernel, interrupt):
    kernel.run("let x = 40;")
    for _ in range(3):
        msg_id = kernel.looping()
        start = time.monotonic()
        interrupt(kernel)
        reply = kernel.reply(msg_id)["content"]
        assert time.monotonic() - start < 0.3
        assert reply["ename"] == "KeyboardInterrupt"
    assert kernel.result("x + 2") == "42"


def test_an_interrupt_when_nothing_runs_does_nothing(kernel):
    client = kernel.client
    for _ in range(5):
        interrupt_by_signal(kernel)
        # Channels are not in step with each other: once this is answered, no interrupt is on its way any more.
        message = client.session.msg("interrupt_request", {})
        client.control_channel.send(message)
        kernel.reply(message["header"]["msg_id"], channel="control")
    assert kernel.result("40 + 2") == "42"


def test_an_interrupt_right_behind_its_cell_is_not_lost(kernel):
    for _ in range(20):
        msg_id = kernel.looping()
        kernel.manager.interrupt_kernel()
        assert kernel.reply(msg_id)["content"]["ename"] == "KeyboardInterrupt"


def test_an_error_aborts_the_cells_that_wait_and_no_later_ones(kernel):
    first = kernel.looping()
    waiting = [kernel.client.execute("1 + 1") for _ in range(3)]
    info = kernel.client.kernel_info()
    time.sleep(0.2)
    kernel.manager.interrupt_kernel()
    assert kernel.reply(first)["content"]["status"] == "error"
    for msg_id in waiting:
        assert kernel.reply(msg_id)["content"]["status"] == "aborted"
        assert states(kernel.broadcasts(msg_id)) == ["busy", "idle"]
    assert kernel.reply(info)["msg_type"] == "kernel_info_reply"
    assert kernel.run("1 + 1")[0]["execution_count"] == 2


def test_stop_on_error_false_lets_the_queue_go_on(kernel):
    first = kernel.looping(stop_on_error=False)
    second = kernel.client.execute("40 + 2")
    time.sleep(0.2)
    kernel.manager.interrupt_kernel()
    assert kernel.reply(first)["content"]["status"] == "error"
    assert kernel.reply(second)["content"]["status"] == "ok"


def test_completion_counts_code_points(kernel):
    for code in ("lins", '"😀"; lins', "// é👩‍👩‍👧\nlins"):
        msg_id = kernel.client.complete(code + " + 1", cursor_pos=len(code))
        content = kernel.reply(msg_id)["content"]
        assert "linspace" in content["matches"], code
        assert (content["cursor_start"], content["cursor_end"]) == (len(code) - 4, len(code))
        types = content["metadata"]["_jupyter_types_experimental"]
        assert {"start", "end", "text", "type", "signature"} <= types[0].keys()
        assert [t["text"] for t in types] == content["matches"]


def test_a_running_cell_does_not_block_what_a_person_types(kernel):
    running = kernel.looping()
    client = kernel.client
    for ask in (
        lambda: client.complete("lins", 4),
        lambda: client.inspect("relu", 4),
        lambda: client.is_complete("{"),
        client.history,
        client.comm_info,
    ):
        msg_id = ask()
        assert kernel.reply(msg_id)["content"]["status"] in ("ok", "incomplete")
        assert states(kernel.broadcasts(msg_id)) == ["busy", "idle"]
        # A page that looks at the latest status alone must go on to show that the cell runs.
        latest = client.get_iopub_msg(timeout=TIMEOUT)
        assert latest["content"] == {"execution_state": "busy"}
        assert latest["parent_header"] == {}
    message = client.session.msg("kernel_info_request")
    client.control_channel.send(message)
    assert kernel.reply(message["header"]["msg_id"], channel="control")["content"]["status"] == "ok"
    kernel.manager.interrupt_kernel()
    assert kernel.reply(running)["content"]["ename"] == "KeyboardInterrupt"


def test_kernel_info_on_shell_waits_for_the_cells_before_it(kernel):
    cell, info = kernel.looping(), kernel.client.kernel_info()
    kernel.silent()
    kernel.manager.interrupt_kernel()
    assert kernel.client.get_shell_msg(timeout=TIMEOUT)["parent_header"]["msg_id"] == cell
    assert kernel.client.get_shell_msg(timeout=TIMEOUT)["parent_header"]["msg_id"] == info


def test_a_question_is_asked_and_answered(kernel):
    msg_id = kernel.client.execute('print(input("name? "))', allow_stdin=True)
    question = kernel.client.get_stdin_msg(timeout=TIMEOUT)
    assert question["content"] == {"prompt": "name? ", "password": False}
    assert question["parent_header"]["msg_id"] == msg_id
    kernel.client.input("Ada 😀")
    reply, messages = kernel.finish(msg_id)
    assert reply["status"] == "ok" and text_of(messages) == "Ada 😀\n"
    # A client that cannot answer is not asked, and the cell fails at once.
    assert kernel.run('input("name? ")', allow_stdin=False)[0]["status"] == "error"


def test_a_question_can_be_interrupted(kernel):
    msg_id = kernel.client.execute('input("name? ")', allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=TIMEOUT)
    kernel.manager.interrupt_kernel()
    assert kernel.reply(msg_id)["content"]["status"] == "error"
    assert kernel.result("40 + 2") == "42"


def test_a_loaded_file_takes_the_place_of_the_cell(kernel, tmp_path):
    script = tmp_path / "script.rhai"
    kernel.run("let x = 40;")
    kernel.run(f"%save {script}")
    assert script.read_text() == "let x = 40;\n"
    reply, messages = kernel.run(f"%load {script}")
    assert reply["payload"] == [{"source": "set_next_input", "text": "let x = 40;\n", "replace": True}]
    assert {m["msg_type"] for m in messages} == {"status", "execute_input"}


def test_a_comm_to_an_unknown_target_is_closed(kernel):
    client = kernel.client
    message = client.session.msg("comm_open", {"comm_id": "c1", "target_name": "jupyter.widget", "data": {}})
    client.shell_channel.send(message)
    broadcasts = kernel.broadcasts(message["header"]["msg_id"])
    assert [m["msg_type"] for m in broadcasts] == ["status", "comm_close", "status"]
    assert broadcasts[1]["content"]["comm_id"] == "c1"


@pytest.mark.parametrize("code", [None, "loop {}", 'loop { print("x"); }'])
@pytest.mark.parametrize("channel", ["control", "shell"])
@pytest.mark.parametrize("restart", [True, False])
def test_shutdown_is_answered_within_a_second_in_every_state(code, channel, restart):
    kernel = Kernel()
    try:
        if code:
            kernel.looping(code)
            time.sleep(0.1)
        client = kernel.client
        message = client.session.msg("shutdown_request", {"restart": restart})
        start = time.monotonic()
        getattr(client, f"{channel}_channel").send(message)
        reply = kernel.reply(message["header"]["msg_id"], channel=channel)
        assert time.monotonic() - start < 1
        assert reply["content"] == {"status": "ok", "restart": restart}
        while kernel.manager.is_alive():
            assert time.monotonic() - start < 2.5, "the process did not end"
            time.sleep(0.02)
    finally:
        kernel.close()


def test_what_was_printed_before_the_shutdown_arrives():
    kernel = Kernel()
    try:
        msg_id = kernel.client.execute("for i in 0..2000 { print(i); }")
        while kernel.client.get_iopub_msg(timeout=TIMEOUT)["msg_type"] != "execute_input":
            pass
        kernel.client.shutdown()
        reply, messages = kernel.finish(msg_id)
        assert reply["status"] in ("ok", "error")
        assert states(messages)[-1] == "idle"
        if reply["status"] == "ok":
            assert text_of(messages) == "".join(f"{i}\n" for i in range(2000))
    finally:
        kernel.close()


ORPHAN = """
import os, sys, time
from jupyter_client.manager import KernelManager
manager = KernelManager(kernel_name="saddle")
manager.start_kernel()
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=15)
client.execute(sys.argv[1])
time.sleep(0.3)
print(manager.provisioner.pid, flush=True)
os._exit(1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Jupyter ends its kernels itself there")
@pytest.mark.parametrize("code", ["1 + 1", "loop {}"])
def test_no_kernel_outlives_its_parent(code):
    done = subprocess.run([sys.executable, "-c", ORPHAN, code], capture_output=True, text=True, timeout=60)
    pid = int(done.stdout)
    end = time.monotonic() + 5
    while alive(pid):
        assert time.monotonic() < end, f"the kernel {pid} is an orphan"
        time.sleep(0.05)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        if os.path.isdir("/proc/self"):
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_connection_file_that_cannot_be_used_is_explained(tmp_path):
    binary = os.environ["SADDLE"]
    broken = tmp_path / "broken.json"
    broken.write_text('{"ip": "127.0.0.1"')
    for path in (tmp_path / "missing.json", broken):
        done = subprocess.run([binary, "kernel", "-f", path], capture_output=True, text=True, timeout=30)
        assert done.returncode != 0
        assert str(path) in done.stderr and "panicked" not in done.stderr
