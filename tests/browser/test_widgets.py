"""Widgets in a real JupyterLab: a slider is moved, and the picture under it is another one."""

import nbformat
import pytest
from conftest import ARTIFACTS
from jupyterlab import Notebook
from nbformat import v4

NAME = "widgets.ipynb"

WALK = """seed(1);
let G = sequential([linear(2, 64), tanh(), linear(64, 64), sigmoid()]);
interact(|z0, z1| show_grid("sample", G(tensor([[z0, z1]])).reshape([1, 8, 8])), #{ z1: [-1.0, 1.0] })"""

PARTS = """let s = slider("loss weight", 0, 4, #{ value: 0 });
let b = button("resample");
on_click(b, |n| { show(plot([0, n, s.value])); print(`click ${n}`); });
show(s); show(dropdown("loss", ["minimax", "non-saturating"])); show(checkbox("ema", true)); show(text_box("run", "first")); show(b);"""

FAILS = """interact([slider("n", 0, 4, #{ value: 0 })], |n| {
    if n > 0 { throw "n is too <b>large</b>"; }
    print(n);
})"""

LOOP = """let stop = slider("stop", 0, 9, #{ value: 0 });
show(stop);
while stop.value < 3 { sleep(0.01); }
print(`stopped at ${stop.value}`);"""


@pytest.fixture
def notebook(page, lab, workspace):
    empty = v4.new_notebook(
        metadata={"kernelspec": {"name": "saddle", "display_name": "Saddlepoint", "language": "rhai"}},
        cells=[v4.new_code_cell("")],
    )
    nbformat.write(empty, workspace / NAME)
    return Notebook(page, lab, NAME)


def run(notebook, code):
    cell = notebook.add_cell(code)
    notebook.run_cell()
    return cell


def move(cell, label, steps):
    """Moves a slider as the keyboard does; the arrow keys are held by JupyterLab otherwise."""
    slider = cell.locator(".widget-slider", has_text=label)
    handle = slider.locator(".noUi-handle")
    handle.focus()
    for _ in range(abs(steps)):
        handle.press("ArrowRight" if steps > 0 else "ArrowLeft")
    return slider


def picture(cell):
    return cell.locator(".jp-OutputArea-output img").last


def changed(page, cell, before):
    """Waits until the picture is another one; the new one."""
    image = picture(cell)
    page.wait_for_function("([image, before]) => image.src !== before", arg=[image.element_handle(), before])
    return image.get_attribute("src")


def test_a_moved_slider_redraws_the_picture(page, notebook):
    cell = run(notebook, WALK)
    cell.locator(".widget-slider", has_text="z0").wait_for()
    before = picture(cell).get_attribute("src")
    slider = move(cell, "z0", 30)
    assert slider.locator(".widget-readout").inner_text() == "1.50"
    changed(page, cell, before)
    assert cell.locator("img").count() == 1
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for theme in ["JupyterLab Light", "JupyterLab Dark"]:
        notebook.theme(theme)
        page.screenshot(path=ARTIFACTS / f"widgets_{theme.split()[-1].lower()}.png")
    notebook.theme("JupyterLab Light")


def test_a_page_loaded_again_still_moves_the_picture(page, notebook):
    cell = run(notebook, WALK)
    cell.locator(".widget-slider", has_text="z0").wait_for()
    before = picture(cell).get_attribute("src")
    notebook.menu("File", "Save Notebook")
    page.locator(".jp-NotebookPanel .jp-mod-dirty").wait_for(state="detached")
    page.reload()
    cell = page.locator(".jp-CodeCell", has_text="let G").first
    # What the file stores is there without the widgets.
    assert picture(cell).get_attribute("src") == before
    cell.locator(".widget-slider", has_text="z0").wait_for()
    move(cell, "z0", 30)
    live = cell.locator(".jp-OutputArea-output .jp-OutputArea img").first
    live.wait_for()
    first = live.get_attribute("src")
    assert first != before
    move(cell, "z1", -30)
    page.wait_for_function("([image, before]) => image.src !== before", arg=[live.element_handle(), first])


def test_the_controls_and_what_a_click_shows(page, notebook):
    cell = run(notebook, PARTS)
    cell.get_by_role("button", name="resample").click()
    notebook.output_of(cell, "click 1")
    move(cell, "loss weight", 2)
    before = picture(cell).get_attribute("src")
    cell.get_by_role("button", name="resample").click()
    notebook.output_of(cell, "click 2")
    changed(page, cell, before)
    assert cell.get_by_text("click 1").count() == 0
    cell.locator("select").select_option("non-saturating")
    page.screenshot(path=ARTIFACTS / "widgets_controls.png")


def test_an_error_stands_in_the_place_of_the_picture(page, notebook):
    cell = run(notebook, FAILS)
    notebook.output_of(cell, "0")
    move(cell, "n", 2)
    notebook.output_of(cell, "n is too <b>large</b>")
    page.screenshot(path=ARTIFACTS / "widgets_error.png")
    move(cell, "n", -2)
    cell.locator(".jp-OutputArea").get_by_text("too <b>large</b>").wait_for(state="detached")


def test_a_running_loop_reads_the_slider(page, notebook):
    cell = run(notebook, LOOP)
    cell.locator(".widget-slider", has_text="stop").wait_for()
    move(cell, "stop", 5)
    notebook.output_of(cell, "stopped at ")


HOSTILE = r"""let evil = "<img src=x onerror='window.hacked = 1'><script>window.hacked = 1</script>";
show(slider(evil, 0, 4));
show(dropdown("choice", [evil, "b"]));
show(button(evil));
print(evil); eprint(evil); show(evil); show(hist([1, 1, 2], #{ title: evil }));
let curves = live_plot(evil); curves.push(1, #{ "<img src=x onerror='window.hacked = 1'>": 1 });
interact([slider("count", 0, 4, #{ value: 0 })], |n| {
    print(evil); show(hist([1, 1, 2], #{ title: evil }));
    if n > 0 { throw evil; }
});
evil"""


def test_no_text_of_a_cell_becomes_a_part_of_the_page(page, notebook):
    cell = run(notebook, HOSTILE)
    notebook.wait_until_idle()
    move(cell, "count", 2)
    notebook.output_of(cell, "Thrown: <img src=x")
    failing = run(notebook, "throw evil;")
    notebook.output_of(failing, "Thrown: <img src=x")
    assert page.evaluate("window.hacked") is None
    assert page.locator(".jp-OutputArea img[src='x']").count() == 0
    assert page.locator(".jp-OutputArea").get_by_text("<script>window.hacked").count() >= 6
