"""Widgets in a real JupyterLab: a slider is moved, and the picture under it is another one."""

import re

import nbformat
import pytest
from conftest import ARTIFACTS
from jupyterlab import Notebook
from nbformat import v4
from playwright.sync_api import expect

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
    return cell.locator(".jp-OutputArea-output img:not([hidden])").last


def changed(page, cell, before):
    """Waits until the picture is another one; the new one."""
    # The page may draw it as a new element, so it is looked for again each time.
    expect(picture(cell)).not_to_have_attribute("src", before, timeout=30_000)
    return picture(cell).get_attribute("src")


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
    notebook.save()
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


PAINT = """let p = paint(zeros([8, 8]), #{ brush: 0.5, ink: 0.6 });
interact([p], |mask| print(`${sum(mask).item()} painted, ink ${round(255 * p.ink[3, 3].item())}, row 3: ${mask[3].to_array()}`))"""


def pad(cell):
    canvas = cell.locator(".saddle-pad canvas")
    canvas.wait_for()
    return canvas


def drag(page, canvas, begin, end, size=8):
    """Drags the mouse from the middle of one pixel of the picture, (column, row), to that of another."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    at = [(box["x"] + (u + 0.5) * box["width"] / size, box["y"] + (v + 0.5) * box["height"] / size) for u, v in (begin, end)]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=9)
    page.mouse.up()


def test_a_brush_dragged_over_the_picture_gives_the_kernel_a_mask(page, notebook):
    cell = run(notebook, PAINT)
    canvas = pad(cell)
    drag(page, canvas, (1, 3), (6, 3))
    # The row that the mouse went along, and no other; ink in 255 steps.
    notebook.output_of(cell, "6.0 painted, ink 153.0, row 3: [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]")
    cell.get_by_text("6 of 64 pixels painted").wait_for()
    page.screenshot(path=ARTIFACTS / "widgets_paint.png")
    page.keyboard.down("Shift")
    drag(page, canvas, (6, 3), (5, 3))
    page.keyboard.up("Shift")
    notebook.output_of(cell, "4.0 painted")
    cell.get_by_role("button", name="clear").click()
    notebook.output_of(cell, "0.0 painted")
    # A cell sets the mask, and the page follows.
    run(notebook, "p.value = eye(8); p.image = ones([8, 8]) * 0.5;")
    page.get_by_text("8 of 64 pixels painted").wait_for()
    page.get_by_text("8.0 painted, ink 153.0").wait_for()


def test_the_keyboard_paints(page, notebook):
    cell = run(notebook, PAINT)
    canvas = pad(cell)
    canvas.focus()
    # From the middle, pixel (4, 4), to (3, 3); brush down; two to the right.
    for key in ["ArrowLeft", "ArrowUp", "Space", "ArrowRight", "ArrowRight"]:
        canvas.press(key)
    notebook.output_of(cell, "3.0 painted, ink 153.0, row 3: [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0]")
    canvas.press("Delete")
    notebook.output_of(cell, "0.0 painted")


def test_a_running_loop_sees_what_is_painted(page, notebook):
    code = "let q = paint(zeros([3, 8, 8]));\nshow(q);\nwhile sum(q.value).item() == 0 { sleep(0.01); }\n"
    cell = run(notebook, code + "print(`seen ${sum(q.value).item() > 0}, ${q.ink.shape}`);")
    drag(page, pad(cell), (2, 2), (5, 5))
    notebook.output_of(cell, "seen true, [3, 8, 8]")


EXPLORE = """seed(2);
let G = sequential([linear(6, 64), sigmoid()]);
explore(|z, y| G(cat([z, one_hot(y, 3)], #{ dim: 1 })), #{ nz: 3, classes: ["a", "b", "c"], data: digits() })"""


def test_an_explorer_follows_its_sliders_its_class_and_its_button(page, notebook):
    cell = run(notebook, EXPLORE)
    cell.locator(".widget-slider", has_text="principal 1").wait_for()
    before = picture(cell).get_attribute("src")
    move(cell, "principal 1", 20)
    before = changed(page, cell, before)
    cell.locator("select").select_option("c")
    before = changed(page, cell, before)
    cell.get_by_role("button", name="another z").click()
    changed(page, cell, before)
    page.screenshot(path=ARTIFACTS / "widgets_explore.png")


XY = """let p = xy_pad("right", "up", -2, 2);
interact([p], |at| print(`at ${at[0]} ${at[1]}`))"""


def square(cell):
    canvas = cell.locator(".saddle-xy canvas")
    canvas.wait_for()
    return canvas


def test_a_point_is_chosen_with_the_pointer_and_with_the_arrow_keys(page, notebook):
    cell = run(notebook, XY)
    canvas = square(cell)
    notebook.output_of(cell, "at 0.0 0.0")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    # The frame is 12 of 240 pixels wide: three quarters of the way from the left to the right and an eighth from the top.
    inner = box["width"] * 216 / 240
    page.mouse.move(box["x"] + box["width"] / 20 + 0.75 * inner, box["y"] + box["height"] / 20 + 0.125 * inner)
    page.mouse.down()
    page.mouse.up()
    cell.get_by_text(re.compile(r"right (0\.9[5-9]|1\.0[0-5]), up 1\.[45]")).wait_for()
    for key in ["Home", "ArrowRight", "ArrowRight", "ArrowRight", "Shift+ArrowDown"]:
        canvas.press(key)
    # A sixtieth of the side each; with Shift five of them.
    notebook.output_of(cell, "at 0.2 -0.3333")
    page.screenshot(path=ARTIFACTS / "widgets_xy_pad.png")
    run(notebook, "p.value = [-1, 0.5];")
    page.get_by_text("right -1.00, up 0.50").wait_for()
    page.get_by_text("at -1.0 0.5").wait_for()
    # No pointer leads outside.
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 3 * box["width"], box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    cell.get_by_text("right 2.00").wait_for()


def test_an_explorer_with_a_pad_follows_the_point(page, notebook):
    cell = run(notebook, EXPLORE.replace("nz: 3,", "nz: 3, pad: true,"))
    canvas = square(cell)
    # Three directions: the square has two of them.
    cell.locator(".widget-slider", has_text="principal 3").wait_for()
    assert cell.locator(".widget-slider").count() == 1
    before = picture(cell).get_attribute("src")
    canvas.press("Shift+ArrowRight")
    before = changed(page, cell, before)
    canvas.press("Shift+ArrowUp")
    changed(page, cell, before)
    page.screenshot(path=ARTIFACTS / "widgets_explore_pad.png")


LAB = """let p = paint(zeros([16, 16]), #{ brush: 1.5 });
show(p);
while sum(p.value).item() == 0 { sleep(0.01); }
let data = density(p.ink, #{ bounds: [-2, 2] });
for step in 1..=200 { let x = data.sample(100).t(); show("lab", scatter(x[0], x[1], #{ title: `step ${step}` }), #{ fps: 30 }); sleep(0.02); }
print(`to the left: ${mean(data.sample(500).slice(1, 0..1)).item() < -0.5}`)"""

# Counts the pictures that a page shows, as their source changes.
COUNT = """cell => { window.pictures = 0; window.first = 0;
    new MutationObserver(() => { window.first ||= performance.now(); window.last = performance.now(); window.pictures += 1; })
        .observe(cell, { subtree: true, childList: true, attributes: true, attributeFilter: ['src'] }); }"""


def test_a_drawn_density_is_data_at_many_pictures_a_second(page, notebook):
    cell = run(notebook, LAB)
    canvas = pad(cell)
    cell.locator(".jp-OutputArea").first.evaluate(COUNT)
    drag(page, canvas, (2, 4), (2, 12), size=16)
    notebook.output_of(cell, "to the left: true")
    seconds = page.evaluate("(window.last - window.first) / 1000")
    rate = page.evaluate("window.pictures") / seconds
    print(f"{rate:.1f} changes a second over {seconds:.1f} s")
    # Without `fps` there would be ten at most.
    assert rate > 10


def test_a_page_loaded_again_shows_what_was_painted(page, notebook):
    cell = run(notebook, PAINT)
    drag(page, pad(cell), (2, 5), (4, 5))
    notebook.output_of(cell, "3.0 painted")
    notebook.save()
    page.reload()
    cell = page.locator(".jp-CodeCell", has_text="let p = paint").first
    cell.get_by_text("3 of 64 pixels painted").wait_for()
    drag(page, pad(cell), (2, 3), (4, 3))
    cell.get_by_text("6 of 64 pixels painted").wait_for()
    cell.locator(".jp-OutputArea-output .jp-OutputArea").get_by_text("6.0 painted").first.wait_for()
