"""The shipped kernel, driven as a hostile or careless client would drive it. Whatever comes, it must answer the next one."""

import json
import random

import pytest
import zmq
from conftest import TIMEOUT, Kernel
from jupyter_client.session import Session

DELIMITER = b"<IDS|MSG>"
CHANNELS = ("shell", "control", "stdin")
REQUESTS = (
    "kernel_info_request execute_request complete_request inspect_request is_complete_request history_request "
    "comm_info_request comm_open comm_msg comm_close interrupt_request input_reply make_tea_request"
).split()


class Raw:
    """A client that writes frames by hand."""

    def __init__(self, kernel, identity=None):
        info = kernel.manager.get_connection_info()
        self.context = zmq.Context()
        self.sockets = {}
        for channel in CHANNELS:
            socket = self.context.socket(zmq.DEALER)
            if identity:
                socket.identity = identity
            socket.connect(f"tcp://{info['ip']}:{info[f'{channel}_port']}")
            self.sockets[channel] = socket
        self.session = Session(key=info["key"])

    def frames(self, msg_type, content):
        return self.session.serialize(self.session.msg(msg_type, content))

    def send(self, channel, frames):
        self.sockets[channel].send_multipart(frames)

    def signed(self, parts):
        """Frames with a true signature, whatever the parts hold."""
        return [DELIMITER, self.session.sign(parts), *parts]

    def receive(self, channel, seconds=TIMEOUT):
        socket = self.sockets[channel]
        if not socket.poll(seconds * 1000):
            return None
        _, frames = self.session.feed_identities(socket.recv_multipart())
        return self.session.deserialize(frames)

    def close(self):
        self.context.destroy(linger=0)


@pytest.fixture
def raw(kernel):
    raw = Raw(kernel)
    yield raw
    raw.close()


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_a_bad_signature_gets_no_answer(kernel, raw, channel):
    frames = raw.frames("kernel_info_request", {})
    for signature in (b"", b"0" * 64, b"not hex", frames[1][:-1], frames[1].upper()[::-1]):
        raw.send(channel, [frames[0], signature, *frames[2:]])
    forged = list(frames)
    forged[5] = b'{"code": "1 + 1"}'
    raw.send(channel, forged)
    assert raw.receive(channel, 0.3) is None
    raw.send(channel, raw.frames("kernel_info_request", {}))
    assert raw.receive(channel)["msg_type"] == "kernel_info_reply"
    assert kernel.result("1 + 1") == "2"


def test_a_replayed_message_runs_once(kernel, raw):
    frames = raw.frames("execute_request", {"code": "1 + 1"})
    raw.send("shell", frames)
    raw.send("shell", frames)
    assert raw.receive("shell")["content"]["execution_count"] == 1
    assert raw.receive("shell", 0.3) is None
    assert kernel.run("1 + 1")[0]["execution_count"] == 2


@pytest.mark.parametrize("channel", CHANNELS)
def test_malformed_json_and_frames_are_dropped(kernel, raw, channel):
    header = json.dumps(raw.session.msg("kernel_info_request")["header"], default=str).encode()
    for parts in (
        [header, b"{}", b"{}", b"{"],
        [b"{}", b"{}", b"{}", b"{}"],
        [b"", b"", b"", b""],
        [b"[" * 100_000, b"{}", b"{}", b"{}"],
        [b"\xff\xfe", b"{}", b"{}", b"{}"],
        [header, b"{}", b"{}", b"\xff"],
        [b'{"msg_id": 1, "msg_type": []}', b"{}", b"{}", b"{}"],
        [header],
    ):
        raw.send(channel, raw.signed(parts))
    for frames in ([b""], [DELIMITER], [b"x"] * 50, [DELIMITER] * 50):
        raw.send(channel, frames)
    assert kernel.result("1 + 1") == "2"


def test_an_unknown_type_is_dropped_and_content_that_does_not_fit_is_answered(kernel, raw):
    raw.send("shell", raw.frames("make_tea_request", {"sugar": 2}))
    assert raw.receive("shell", 0.3) is None
    for msg_type, content in (
        ("execute_request", {}),
        ("execute_request", {"code": 7}),
        ("complete_request", {"code": "pri", "cursor_pos": "three"}),
        ("history_request", {"hist_access_type": "guess"}),
        ("inspect_request", b"[]"),
    ):
        raw.send("shell", raw.frames(msg_type, content))
        reply = raw.receive("shell")
        assert reply["msg_type"] == msg_type.replace("_request", "_reply")
        assert reply["content"]["status"] == "error"
        assert {"ename", "evalue", "traceback"} <= reply["content"].keys()
    assert kernel.result("1 + 1") == "2"


def test_ten_thousand_random_messages(kernel, raw):
    rng = random.Random(20261122)

    def value(depth=0):
        kinds = [None, True, -1, 2**70, 1e308, "", "😀\u0000x", rng.random()]
        if depth < 3:
            kinds += [[value(depth + 1)], {rng.choice(["code", "cursor_pos", "n", "x"]): value(depth + 1)}]
        return rng.choice(kinds)

    def message():
        kind = rng.randrange(4)
        if kind == 0:
            return [rng.randbytes(rng.randrange(80)) for _ in range(rng.randrange(1, 9))]
        if kind == 1:
            return [DELIMITER, *(rng.randbytes(rng.randrange(80)) for _ in range(rng.randrange(8)))]
        if kind == 2:
            return raw.signed([rng.randbytes(rng.randrange(40)) for _ in range(4)])
        fields = ("code", "cursor_pos", "detail_level", "silent", "n", "comm_id", "hist_access_type", "user_expressions")
        content = {field: value() for field in rng.sample(fields, rng.randrange(len(fields)))}
        return raw.frames(rng.choice(REQUESTS), content)

    for _ in range(10_000):
        raw.send(rng.choice(CHANNELS), message())
    # An error in one of them aborts what is queued behind it, as the protocol wants: this cell waits for that.
    kernel.reply(kernel.client.execute("1"))
    assert kernel.result("40 + 2") == "42"
    assert kernel.manager.is_alive()


def test_a_client_that_leaves_in_the_middle_of_its_reply(kernel):
    for _ in range(5):
        gone = Raw(kernel)
        for _ in range(20):
            gone.send("shell", gone.frames("execute_request", {"code": "for i in 0..2000 { print(i); }"}))
        gone.close()
    assert kernel.result("1 + 1") == "2"


def test_a_client_that_connects_again_under_its_name_is_heard(kernel):
    # The old connection is still open when the next one comes, as after a lost network.
    clients = []
    for _ in range(3):
        clients.append(Raw(kernel, identity=b"the same"))
        clients[-1].send("shell", clients[-1].frames("kernel_info_request", {}))
        assert clients[-1].receive("shell")["msg_type"] == "kernel_info_reply"
    for client in clients:
        client.close()


def test_a_subscriber_that_never_reads_does_not_stop_the_others(kernel):
    info = kernel.manager.get_connection_info()
    context = zmq.Context()
    stalled = context.socket(zmq.SUB)
    stalled.setsockopt(zmq.RCVHWM, 1)
    stalled.subscribe(b"")
    stalled.connect(f"tcp://{info['ip']}:{info['iopub_port']}")
    for _ in range(20):
        kernel.run("for i in 0..2000 { print(i); }")
    assert kernel.result("1 + 1") == "2"
    context.destroy(linger=0)


def test_two_clients_get_their_own_replies_and_see_each_other(kernel):
    other = kernel.connect()
    try:
        first, second = kernel.client.execute("1 + 1"), other.execute("1 + 2")
        assert kernel.reply(first)["content"]["status"] == "ok"
        assert kernel.reply(second, other)["content"]["status"] == "ok"
        for client in (kernel.client, other):
            # In the order of the kernel, whoever looks.
            counts = {}
            while len(counts) < 2:
                message = client.get_iopub_msg(timeout=TIMEOUT)
                if message["msg_type"] == "execute_result":
                    counts[message["parent_header"]["msg_id"]] = message["content"]["data"]["text/plain"]
            assert counts == {first: "2", second: "3"}
        kernel.silent()
        kernel.silent(client=other)
    finally:
        other.stop_channels()


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
@pytest.mark.parametrize("key", [b"", b"secret"])
def test_transports_with_and_without_a_key(transport, key):
    kernel = Kernel(transport=transport, session=Session(key=key))
    try:
        assert kernel.result("40 + 2") == "42"
        assert kernel.client.hb_channel.is_beating()
    finally:
        kernel.close()
