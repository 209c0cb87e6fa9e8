"""What VS Code does that other front ends do not: its fields, its order of requests, its ways to interrupt."""

import time
import uuid

import pytest
from conftest import text_of


def send(kernel, channel, msg_type, content, metadata=None):
    """Sends a message with the header fields that VS Code adds; its id."""
    client = kernel.client
    message = client.session.msg(msg_type, content, metadata=metadata)
    message["header"].update(username="", subshell_id=None)
    getattr(client, f"{channel}_channel").send(message)
    return message["header"]["msg_id"]


def cell(kernel, code, **options):
    """Runs a cell with what VS Code sends along."""
    content = {
        "code": code,
        "silent": False,
        "stop_on_error": False,
        "allow_stdin": True,
        "store_history": True,
        "user_expressions": {},
        **options,
    }
    return send(kernel, "shell", "execute_request", content, {"cellId": f"vscode-notebook-cell:/n.ipynb#{uuid.uuid4()}"})


def test_its_first_requests_leave_no_trace(kernel):
    # Before the first cell it asks who the kernel is, on both channels at once, and runs silent code of its own.
    infos = [(channel, send(kernel, channel, "kernel_info_request", {})) for channel in ("shell", "control")]
    for channel, msg_id in infos:
        assert kernel.reply(msg_id, channel=channel)["content"]["language_info"]["name"] == "rhai"
    silent = cell(kernel, "1 + 1", silent=True, store_history=False, allow_stdin=False)
    assert kernel.reply(silent)["content"]["status"] == "ok"
    assert kernel.finish(cell(kernel, "1"))[0]["execution_count"] == 1


def test_it_asks_for_widgets_that_no_one_has_opened(kernel):
    comm = uuid.uuid4().hex
    content = {"comm_id": comm, "target_name": "a.target.of.an.extension", "data": {"version": "2"}}
    send(kernel, "shell", "comm_open", content, {"version": "2.1.0"})
    send(kernel, "shell", "comm_msg", {"comm_id": comm, "data": {"method": "request_states"}})
    assert kernel.result("40 + 2") == "42"


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_who_the_kernel_is_while_a_cell_runs(kernel, channel):
    running = kernel.looping()
    asked = time.monotonic()
    info = send(kernel, channel, "kernel_info_request", {})
    if channel == "control":
        assert kernel.reply(info, channel="control")["content"]["status"] == "ok"
        assert time.monotonic() - asked < 0.3
        kernel.manager.interrupt_kernel()
        assert kernel.reply(running)["content"]["ename"] == "KeyboardInterrupt"
    else:
        # On shell it waits for its turn, and a failing cell before it does not take it away.
        assert kernel.silent("shell")
        kernel.manager.interrupt_kernel()
        replies = [kernel.client.get_shell_msg(timeout=15)["msg_type"] for _ in range(2)]
        assert replies == ["execute_reply", "kernel_info_reply"]


@pytest.mark.parametrize("channels", [["shell"], ["control"], ["control", "shell"], ["shell"] * 3])
def test_its_interrupts_on_either_channel_and_more_than_one(kernel, channels):
    kernel.run("let x = 40;")
    running = kernel.looping()
    began = time.monotonic()
    asked = [(channel, send(kernel, channel, "interrupt_request", {})) for channel in channels]
    replies = {}
    while running not in replies or any(msg_id not in replies for channel, msg_id in asked if channel == "shell"):
        message = kernel.client.get_shell_msg(timeout=15)
        replies[message["parent_header"]["msg_id"]] = message["content"]
    assert time.monotonic() - began < 0.5
    assert replies[running]["ename"] == "KeyboardInterrupt"
    for channel, msg_id in asked:
        content = replies[msg_id] if channel == "shell" else kernel.reply(msg_id, channel=channel)["content"]
        assert content == {"status": "ok"}
    # None of them is left over for the next cell.
    reply, messages = kernel.finish(cell(kernel, "print(x + 2); sleep(0.3);"))
    assert reply["status"] == "ok" and text_of(messages) == "42\n"


def test_it_completes_and_explains_while_a_cell_runs(kernel):
    running = kernel.looping()
    complete = send(kernel, "shell", "complete_request", {"code": "linsp", "cursor_pos": 5})
    inspect = send(kernel, "shell", "inspect_request", {"code": "linspace", "cursor_pos": 8, "detail_level": 0})
    assert "linspace" in kernel.reply(complete)["content"]["matches"]
    assert kernel.reply(inspect)["content"]["found"]
    kernel.manager.interrupt_kernel()
    assert kernel.reply(running)["content"]["status"] == "error"
