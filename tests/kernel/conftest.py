"""What the kernel's tests share: a started kernel, and short ways to talk to it.

The runner installs the kernelspec `saddle` into the current environment and names the binary in `SADDLE`.
"""

import collections
import queue
import time

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

TIMEOUT = 15


class Kernel:
    """A kernel and one client of it."""

    def __init__(self, start=None, **options):
        """`start` goes to the kernel's process (`env`, `stderr`), the other options to its manager."""
        self.manager = KernelManager(kernel_name="saddle", **options)
        self.manager.start_kernel(**(start or {}))
        # Broadcasts that were read while those of another message were looked for, by client.
        self.passed_over = collections.defaultdict(list)
        self.client = self.connect()

    def connect(self):
        # Not `manager.client()`: its clients share the manager's session, and with it the identity on the sockets.
        client = BlockingKernelClient()
        client.load_connection_info(self.manager.get_connection_info())
        client.start_channels()
        client.wait_for_ready(timeout=TIMEOUT)
        return client

    def run(self, code, client=None, **options):
        """Runs a cell; its reply's content and its iopub messages from the first to idle."""
        client = client or self.client
        return self.finish(client.execute(code, **options), client)

    def finish(self, msg_id, client=None):
        client = client or self.client
        return self.reply(msg_id, client)["content"], self.broadcasts(msg_id, client)

    def reply(self, msg_id, client=None, channel="shell"):
        client = client or self.client
        get = getattr(client, f"get_{channel}_msg")
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            message = get(timeout=TIMEOUT)
            if message["parent_header"].get("msg_id") == msg_id:
                return message
        raise AssertionError(f"no reply to {msg_id}")

    def broadcast(self, msg_id, client=None):
        """The next broadcast of a message; those of others stay for whoever asks for them."""
        client = client or self.client
        others = self.passed_over[client]
        for at, message in enumerate(others):
            if message["parent_header"].get("msg_id") == msg_id:
                return others.pop(at)
        while True:
            message = client.get_iopub_msg(timeout=TIMEOUT)
            if message["parent_header"].get("msg_id") == msg_id:
                return message
            others.append(message)

    def broadcasts(self, msg_id, client=None):
        messages = []
        while True:
            messages.append(self.broadcast(msg_id, client))
            if messages[-1]["content"].get("execution_state") == "idle":
                return messages

    def result(self, code, client=None):
        """The text of a cell's result."""
        reply, messages = self.run(code, client)
        assert reply["status"] == "ok", reply
        results = [m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "execute_result"]
        assert len(results) == 1, messages
        return results[0]

    def looping(self, code="loop {}", **options):
        """Starts a cell that does not end; returns when it runs."""
        msg_id = self.client.execute(code, **options)
        self.until(msg_id, "execute_input")
        return msg_id

    def until(self, msg_id, msg_type):
        """Takes a message's broadcasts up to the first of a type."""
        while self.broadcast(msg_id)["msg_type"] != msg_type:
            pass

    def silent(self, channel="shell", seconds=0.3, client=None):
        """Whether nothing arrives."""
        try:
            message = getattr(client or self.client, f"get_{channel}_msg")(timeout=seconds)
        except queue.Empty:
            return True
        raise AssertionError(f"unexpected on {channel}: {message}")

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel():
    kernel = Kernel()
    yield kernel
    kernel.close()


def text_of(messages, name="stdout"):
    return "".join(m["content"]["text"] for m in messages if m["msg_type"] == "stream" and m["content"]["name"] == name)
