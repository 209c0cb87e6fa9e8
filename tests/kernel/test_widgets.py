"""Widgets as a page has them: the messages of the comms, the states that the Python package `ipywidgets` itself would send,
and what moving a control does, between cells and while one runs."""

import base64
import time

import ipywidgets
import psutil
import pytest
from conftest import TIMEOUT, Kernel, text_of
from nbclient import NotebookClient
from nbformat import v4

VIEW = "application/vnd.jupyter.widget-view+json"


class Page:
    """A page with widgets: the models that a client has been told of, as a widget manager keeps them."""

    def __init__(self, kernel, client=None):
        self.kernel = kernel
        self.client = client or kernel.client
        self.models = {}

    def take(self, messages):
        """Takes over what broadcasts say about models."""
        for message in messages:
            content = message["content"]
            if message["msg_type"] == "comm_open":
                assert content["target_name"] == "jupyter.widget"
                assert message["metadata"]["version"] == "2.1.0"
                assert content["data"]["buffer_paths"] == []
                self.models[content["comm_id"]] = content["data"]["state"]
            elif message["msg_type"] == "comm_msg" and content["comm_id"] in self.models:
                assert content["data"]["method"] in ("update", "echo_update")
                self.models[content["comm_id"]].update(content["data"]["state"])
        return messages

    def run(self, code):
        reply, messages = self.kernel.run(code, self.client)
        assert reply["status"] == "ok", reply
        return self.take(messages)

    def named(self, name, label=None):
        """The id of the one model of a name, with a label."""
        found = [
            id
            for id, state in self.models.items()
            if state["_model_name"] == name and (label is None or state["description"] == label)
        ]
        assert len(found) == 1, found
        return found[0]

    def say(self, comm_id, data, msg_type="comm_msg", buffers=None, **content):
        message = self.client.session.msg(msg_type, {"comm_id": comm_id, "data": data, **content})
        self.client.session.send(self.client.shell_channel.socket, message, buffers=buffers)
        return message["header"]["msg_id"]

    def set(self, comm_id, **state):
        """Moves a control, as the page's side does."""
        return self.say(comm_id, {"method": "update", "state": state, "buffer_paths": []})

    def click(self, comm_id):
        return self.say(comm_id, {"method": "custom", "content": {"event": "click"}})

    def idle(self, msg_id):
        """The broadcasts of a message up to its idle."""
        return self.take(self.kernel.broadcasts(msg_id, self.client))

    def called(self, msg_id):
        """What the call shows that a message causes: after the message's own idle, with the message as parent."""
        self.idle(msg_id)
        return [m for m in self.idle(msg_id) if m["msg_type"] != "status"]


@pytest.fixture
def page(kernel):
    return Page(kernel)


CONTROLS = {
    'slider("z0", -3.0, 3.0)': ipywidgets.FloatSlider(min=-3, max=3, value=0, step=0.05, description="z0"),
    'slider("n", 1, 9)': ipywidgets.IntSlider(min=1, max=9, value=5, description="n"),
    'slider("lr", 0, 0.01)': ipywidgets.FloatSlider(
        min=0, max=0.01, value=0.005, step=0.0001, description="lr", readout_format=".4f"
    ),
    'dropdown("loss", ["a", "b"], #{ value: "b" })': ipywidgets.Dropdown(
        options=["a", "b"], value="b", description="loss"
    ),
    'checkbox("ema", true)': ipywidgets.Checkbox(value=True, description="ema"),
    'text_box("run", "first")': ipywidgets.Text(value="first", description="run", continuous_update=False),
    'button("go")': ipywidgets.Button(description="go"),
}


@pytest.mark.parametrize("code", CONTROLS)
def test_states_are_those_that_ipywidgets_sends(page, code):
    def comparable(state, models):
        """The state with the models that it refers to in the place of the references."""
        state = {key: list(value) if isinstance(value, tuple) else value for key, value in state.items()}
        for key in ("layout", "style"):
            if key in state:
                state[key] = models[state[key].removeprefix("IPY_MODEL_")]
        return state

    messages = page.run(code)
    (shown,) = [m["content"]["data"] for m in messages if m["msg_type"] == "execute_result"]
    theirs = CONTROLS[code]
    models = {child.model_id: child.get_state() for child in (theirs.layout, theirs.style)}
    ours = page.models[shown[VIEW]["model_id"]]
    assert comparable(ours, page.models) == comparable(theirs.get_state(), models)
    assert shown[VIEW] == {"version_major": 2, "version_minor": 0, "model_id": shown[VIEW]["model_id"]}
    assert "pip install ipywidgets" in shown["text/plain"]


def test_the_box_and_the_place_of_an_interact_are_those_of_ipywidgets(page):
    page.run("interact(|z| print(z))")
    for theirs in (ipywidgets.VBox(), ipywidgets.Output()):
        ours = page.models[page.named(type(theirs).__name__ + "Model")]
        expected = theirs.get_state()
        differing = {key for key in expected | ours if ours.get(key, "missing") != expected.get(key, "missing")}
        assert differing - {"layout", "children", "outputs", "_dom_classes"} == set()
    box = page.models[page.named("VBoxModel")]
    expected = [page.named("FloatSliderModel", "z"), page.named("OutputModel")]
    assert box["children"] == [f"IPY_MODEL_{id}" for id in expected]


def test_a_moved_slider_is_echoed_and_read_by_the_next_cell(page):
    page.run('let s = slider("z0", -3.0, 3.0);')
    slider = page.named("FloatSliderModel")
    moved = page.set(slider, value=1.5)
    # Sent before the answer is there: the cell still sees what the message did.
    cell = page.client.execute("s.value")
    busy, echo, idle = page.idle(moved)
    assert echo["content"] == {
        "comm_id": slider,
        "data": {"method": "echo_update", "state": {"value": 1.5}, "buffer_paths": []},
    }
    assert echo["parent_header"]["msg_id"] == moved
    _, messages = page.kernel.finish(cell)
    assert [m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "execute_result"] == ["1.5"]

    page.idle(page.set(slider, value=99, description="<b>other</b>", _model_name="EvilModel"))
    assert page.models[slider]["value"] == 3.0
    assert page.models[slider]["_model_name"] == "FloatSliderModel"
    assert page.kernel.result("s.value") == "3.0"
    # A binary part where none belongs does no harm.
    page.idle(page.say(slider, {"method": "update", "state": {}, "buffer_paths": [["value"]]}, buffers=[b"\0\xff"]))
    assert page.kernel.result("s.value") == "3.0"


def test_a_cell_moves_a_slider_on_the_page(page):
    page.run('let s = slider("n", 0, 100000); let d = dropdown("law", ["normal", "uniform"]);')
    slider, dropdown = page.named("IntSliderModel"), page.named("DropdownModel")
    page.run('s.value = 7; s.label = "steps"; s.disabled = true; d.value = "uniform";')
    assert page.models[slider]["value"] == 7
    assert page.models[slider]["description"] == "steps"
    assert page.models[slider]["disabled"] is True
    assert page.models[dropdown]["index"] == 1
    # As fast as a loop can: few messages, the last value among them.
    messages = page.run("for i in 0..50000 { s.value = i; }")
    told = [m for m in messages if m["msg_type"] == "comm_msg"]
    assert page.models[slider]["value"] == 49_999
    assert len(told) < 100
    reply, _ = page.kernel.run('s.value = "x"')
    assert (reply["ename"], reply["evalue"]) == ("TypeError", "the value of a slider must be a whole number, got a text")


def test_a_running_loop_sees_where_the_slider_stands_now(page):
    page.run('let stop = slider("stop", 0, 10, #{ value: 0 });')
    slider = page.named("IntSliderModel")
    cell = page.kernel.looping("while stop.value < 7 {} stop.value")
    for value in (3, 8):
        began = time.monotonic()
        page.idle(page.set(slider, value=value))
        assert time.monotonic() - began < 0.5
    reply, messages = page.kernel.finish(cell)
    assert reply["status"] == "ok"
    assert [m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "execute_result"] == ["8"]


def test_callbacks_wait_for_the_running_cell_and_take_the_newest_value(page):
    page.run('let calls = 0; let s = slider("n", 0, 1000); on_change(s, |v| { calls += 1; print(`now ${v}`); });')
    slider, output = page.named("IntSliderModel"), page.named("OutputModel")
    cell = page.kernel.looping("sleep(0.5); calls")
    moves = [page.set(slider, value=value) for value in range(1, 200)]
    reply, messages = page.kernel.finish(cell)
    assert [m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "execute_result"] == ["0"]
    # The one call is that of the newest message: its outputs have that for their parent.
    update = find(page, lambda m: m["msg_type"] == "comm_msg" and m["content"]["comm_id"] == output)
    assert update["parent_header"]["msg_id"] == moves[-1]
    assert update["content"]["data"]["state"]["outputs"] == [
        {"output_type": "stream", "name": "stdout", "text": "now 199\n"}
    ]
    assert page.kernel.result("calls") == "1"


def find(page, wanted, seconds=TIMEOUT):
    """The next broadcast of a kind."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        message = page.client.get_iopub_msg(timeout=seconds)
        page.take([message])
        if wanted(message):
            return message
    raise AssertionError("no such message")


def test_each_click_is_a_call(page):
    page.run('let b = button("go"); let n = 0; on_click(b, || { n += 1; n });')
    button = page.named("ButtonModel")
    for _ in range(3):
        page.click(button)
    end = time.monotonic() + TIMEOUT
    while page.kernel.result("[b.value, n]") != "[3, 3]" and time.monotonic() < end:
        pass
    assert page.kernel.result("[b.value, n]") == "[3, 3]"


def test_an_interact_is_redrawn_in_its_place(page):
    messages = page.run("interact(|z0, z1| show(plot([z0, z1])), #{ z1: [0, 9] })")
    controls, picture = [m["content"] for m in messages if m["msg_type"] == "display_data"]
    assert controls["data"][VIEW]["model_id"] == page.named("VBoxModel")
    place = picture["transient"]["display_id"]
    moved = page.set(page.named("FloatSliderModel", "z0"), value=2.5)
    (redrawn,) = page.called(moved)
    assert redrawn["msg_type"] == "update_display_data"
    assert redrawn["parent_header"]["msg_id"] == moved
    assert redrawn["content"]["transient"] == {"display_id": place}
    before, after = picture["data"]["image/png"], redrawn["content"]["data"]["image/png"]
    assert before != after
    # The same value again: nothing has changed, nothing is called.
    assert [m["msg_type"] for m in page.idle(page.set(page.named("FloatSliderModel", "z0"), value=2.5))] == [
        "status",
        "comm_msg",
        "status",
    ]
    assert page.kernel.silent("iopub")


def test_an_error_of_a_callback_is_shown_in_its_place_and_harms_nothing(page):
    messages = page.run('interact([slider("n", 0, 5, #{ value: 0 })], |n| {\n  if n > 2 { throw "too <much>"; }\n  print(n);\n})')
    (picture,) = [m for m in messages if m["content"].get("transient", {}).get("display_id")]
    assert picture["content"]["data"] == {"text/plain": "0"}
    slider = page.named("IntSliderModel")
    shown, error = page.called(page.set(slider, value=4))
    assert shown["content"]["transient"] == picture["content"]["transient"]
    text, html = shown["content"]["data"]["text/plain"], shown["content"]["data"]["text/html"]
    assert "too <much>" in text and "In[1], line 2" in text and "\x1b" not in text
    assert "too &lt;much&gt;" in html and "<much>" not in html
    assert error["msg_type"] == "error" and error["content"]["evalue"] == "too <much>"
    (shown,) = page.called(page.set(slider, value=1))
    assert shown["content"]["data"] == {"text/plain": "1"}
    assert page.kernel.result("1 + 1") == "2"


def test_a_callback_is_interrupted_like_a_cell(page):
    page.run('let s = slider("n", 0, 5, #{ value: 0 }); on_change(s, |v| { if v == 1 { loop {} } });')
    slider = page.named("IntSliderModel")
    moved = page.set(slider, value=1)
    page.idle(moved)
    page.kernel.manager.interrupt_kernel()
    messages = page.idle(moved)
    assert [m["content"]["ename"] for m in messages if m["msg_type"] == "error"] == ["KeyboardInterrupt"]
    assert page.kernel.result("s.value") == "1"


def test_a_page_that_is_loaded_again_finds_its_widgets(page):
    page.run("interact(|z| print(z))")
    again = Page(page.kernel, page.kernel.connect())
    client = again.client
    for target, count in (("jupyter.widget", len(page.models)), ("other", 0)):
        info = page.kernel.reply(client.comm_info(target), client)["content"]
        assert len(info["comms"]) == count and info["status"] == "ok"
    again.idle(again.say("control-1", {}, "comm_open", target_name="jupyter.widget.control"))
    asked = again.say("control-1", {"method": "request_states"})
    (answer,) = [m for m in page.kernel.broadcasts(asked, client) if m["msg_type"] == "comm_msg"]
    assert answer["content"]["comm_id"] == "control-1"
    data = answer["content"]["data"]
    assert data["method"] == "update_states" and data["buffer_paths"] == []
    assert set(data["states"]) == set(page.models)
    for id, described in data["states"].items():
        state = {f"_{key}": value for key, value in described.items() if key != "state"} | described["state"]
        assert state == page.models[id]

    # That page does not know the display of the cell: it gets what is shown in the widget for outputs as well.
    slider, output = page.named("FloatSliderModel", "z"), page.named("OutputModel")
    shown = again.called(again.set(slider, value=1.5))
    assert [m["msg_type"] for m in shown] == ["update_display_data", "comm_msg"]
    assert shown[1]["content"]["comm_id"] == output
    assert shown[1]["content"]["data"]["state"]["outputs"][0]["text"] == "1.5\n"
    client.stop_channels()


def test_closed_and_forgotten_widgets(page):
    page.run('let s = slider("n", 0, 5); let t = slider("m", 0, 5);')
    slider = page.named("IntSliderModel", "n")
    page.idle(page.say(slider, {}, "comm_close"))
    assert page.kernel.result("s.value") == "2"
    info = page.kernel.reply(page.client.comm_info("jupyter.widget"))["content"]["comms"]
    assert slider not in info and page.named("IntSliderModel", "m") in info
    messages = page.run("%reset")
    assert page.named("IntSliderModel", "m") in [m["content"].get("comm_id") for m in messages]
    assert page.kernel.reply(page.client.comm_info("jupyter.widget"))["content"]["comms"] == {}


def test_a_slider_of_a_session_that_was_lost_is_closed(page):
    page.run('let s = slider("n", 0, 5);')
    slider = page.named("IntSliderModel")
    (worker,) = psutil.Process(page.kernel.manager.provisioner.pid).children()
    worker.kill()
    messages = page.idle(page.set(slider, value=3))
    assert [m["content"]["comm_id"] for m in messages if m["msg_type"] == "comm_close"] == [slider]
    page.run('let s = slider("m", 0, 5);')
    assert page.kernel.result("s.value") == "2"


def test_a_front_end_cannot_make_widgets(page):
    opened = page.say("theirs", {"state": {}}, "comm_open", target_name="jupyter.widget")
    assert [m["msg_type"] for m in page.idle(opened)] == ["status", "comm_close", "status"]


def test_nbclient_stores_the_picture_and_the_state_of_the_widgets(tmp_path):
    cells = [v4.new_code_cell("let d = digits();\ninteract(|i| show(plot([i, 1])), #{ i: [0, 9] })")]
    notebook = v4.new_notebook(cells=cells)
    NotebookClient(notebook, kernel_name="saddle", timeout=TIMEOUT).execute()
    controls, picture = notebook.cells[0].outputs
    assert "image/png" in picture["data"]
    states = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    assert controls["data"][VIEW]["model_id"] in states
    assert {state["model_name"] for state in states.values()} >= {"VBoxModel", "IntSliderModel", "OutputModel"}


def painted(h, w, *planes):
    """What a page sends: the mask and the planes of ink, bytes in base64."""
    return base64.b64encode(bytes(b for plane in planes for b in plane) if planes else b"").decode()


def test_a_paint_is_made_of_widgets_that_ipywidgets_has(page):
    messages = page.run("paint(zeros([2, 3]))")
    (shown,) = [m["content"]["data"] for m in messages if m["msg_type"] == "execute_result"]
    box = page.models[shown[VIEW]["model_id"]]
    children = [page.models[child.removeprefix("IPY_MODEL_")] for child in box["children"]]
    wire_style = children[2]["style"]
    for ours, theirs in zip([box, *children], [ipywidgets.VBox(), *[ipywidgets.HTML() for _ in range(2)], ipywidgets.Text()]):
        expected = theirs.get_state()
        differing = {key for key in expected | ours if ours.get(key, "missing") != expected.get(key, "missing")}
        assert differing <= {"children", "layout", "style", "_dom_classes", "value", "box_style"}, differing
    style = page.models[children[0]["style"].removeprefix("IPY_MODEL_")]
    expected = ipywidgets.HTML().style.get_state()
    assert {key: style.get(key, "missing") for key in expected} == expected and wire_style != children[0]["style"]
    # Who has no widgets sees the picture.
    assert "image/png" in shown and "0 of 6 pixels painted" in shown["text/plain"]


def test_what_is_painted_is_the_mask_and_the_ink(page):
    page.run("let p = paint(zeros([2, 3])); p")
    wire = page.named("TextModel")
    page.idle(page.set(wire, value=painted(2, 3, [0, 255, 0, 0, 0, 255], [0, 51, 0, 0, 0, 255])))
    assert "[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]" in text_of(page.run("print(p.value.to_array())"))
    assert "0.2" in text_of(page.run("print(p.ink[0, 1].item())"))
    # Of another size, or no bytes at all: the page is told what holds.
    for wrong in [painted(2, 3, [255] * 5), "%%%", "A" * 100_000]:
        page.idle(page.set(wire, value=wrong))
        assert page.models[wire]["value"] == painted(2, 3, [0, 255, 0, 0, 0, 255], [0, 51, 0, 0, 0, 255])
    # Reading leaves the ink as it was, though Rhai sets what a method has read.
    page.run("p.value.sum(); p.ink.sum(); p.image.sum();")
    assert "0.2" in text_of(page.run("print(p.ink[0, 1].item())"))
    for code, part in [
        ("p.value = zeros([3, 3])", "the mask has shape [3, 3] and the picture [2, 3]"),
        ("p.image = zeros([3, 2, 3])", "the new picture is [3, 2, 3] and the one that is painted on [1, 2, 3]"),
        ("p.ink = ones([2, 3])", "painted, not set"),
        ('slider("a", 0, 1).ink', "a slider has no picture and no ink"),
    ]:
        reply, _ = page.kernel.run(code)
        assert reply["status"] == "error" and part in reply["evalue"], reply
    page.run("p.value = ones([2, 3]) > 0; p.image = ones([2, 3]);")
    assert page.models[wire]["value"] == painted(2, 3, [255] * 6, [255] * 6)


def test_the_point_of_an_xy_pad_is_two_numbers_inside_its_bounds(page):
    page.run('let p = xy_pad("x", "y", -2, 2); p')
    wire = page.named("TextModel")
    page.idle(page.set(wire, value="0.5 -1.25"))
    assert "[0.5, -1.25]" in text_of(page.run("print(p.value)"))
    page.idle(page.set(wire, value="9 0"))
    assert page.models[wire]["value"] == "2 0"
    # No point at all: the page is told what holds.
    for wrong in ["", "1", "NaN 0", "a b", 3]:
        page.idle(page.set(wire, value=wrong))
        assert page.models[wire]["value"] == "2 0", wrong
    page.run("p.value = [1, 1.5];")
    assert page.models[wire]["value"] == "1 1.5"
    for code, part in [
        ("p.value = [1, 2, 3]", "must be [x, y], two numbers"),
        ('p.label = "z"', "the label of this xy_pad cannot be set"),
        ("p.ink", "has no picture and no ink"),
    ]:
        reply, _ = page.kernel.run(code)
        assert reply["status"] == "error" and part in reply["evalue"], reply


def test_an_explorer_is_redrawn_where_the_point_of_its_pad_stands(page):
    code = "seed(2); let G = sequential([linear(3, 64), sigmoid()]); let e = explore(G, #{ pad: true, directions: eye(3), z: zeros([1, 3]) });"
    messages = page.run(code)
    (picture,) = [m["content"] for m in messages if m["content"].get("transient", {}).get("display_id")]
    (redrawn,) = [m["content"] for m in page.called(page.set(page.named("TextModel"), value="1.5 -2"))]
    assert redrawn["transient"] == picture["transient"]
    assert redrawn["data"]["image/png"] != picture["data"]["image/png"]
    assert "[[1.5, -2.0, 0.0]]" in text_of(page.run("print(e.z.to_array())"))
