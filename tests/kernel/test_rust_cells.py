"""`%%rust` cells: what they print and show; how they fail, crash and are stopped; and what they leave behind."""

import glob
import os
import re
import shutil
import stat
import tempfile
import textwrap
import time
from pathlib import Path

import conftest
import psutil
import pytest
from conftest import Kernel, text_of
from rust_cells import CARGO, error, family, fresh, hosts, needs_rust, notebook, patience, rust, shown  # noqa: F401

pytestmark = needs_rust


def test_rust_starts_with_the_first_such_cell_and_says_so(fresh):
    assert fresh.result("1 + 1") == "2"
    assert hosts(fresh) == [], "who does not use it pays nothing"
    reply, messages = fresh.run("%%rust\nlet a = 20;\na + 1")
    assert reply["status"] == "ok"
    assert "starting Rust" in text_of(messages)
    assert [m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "execute_result"] == ["21"]
    assert len(hosts(fresh)) == 1
    reply, messages = fresh.run("%%rust\na + 2")
    assert "starting" not in text_of(messages), "once"
    assert fresh.result("%%rust\na * 2") == "40", "variables persist"


def test_what_a_cell_prints_comes_while_it_runs(notebook):
    code = """%%rust
        println!("first");
        eprintln!("on stderr");
        std::thread::sleep(std::time::Duration::from_millis(1500));
        println!("last");"""
    msg_id = notebook.client.execute(textwrap.dedent(code))
    came = {}
    while True:
        message = notebook.broadcast(msg_id)
        if message["msg_type"] == "stream":
            for line in message["content"]["text"].splitlines():
                came[line] = (message["content"]["name"], time.monotonic())
        if message["content"].get("execution_state") == "idle":
            break
    assert {line: stream for line, (stream, _) in came.items()} == {
        "first": "stdout",
        "on stderr": "stderr",
        "last": "stdout",
    }
    assert came["last"][1] - came["first"][1] > 0.8, "the first line did not wait for the end"


def test_a_line_without_an_end_is_shown_and_stops_nothing(notebook):
    assert rust(notebook, 'print!("open");') == "open"
    assert rust(notebook, 'use std::io::Write; print!("flushed"); std::io::stdout().flush().unwrap();') == "flushed"
    assert rust(notebook, 'println!("whole");') == "whole\n"
    many = rust(notebook, 'for i in 0..5_000 { println!("line {i}"); }')
    assert many == "".join(f"line {i}\n" for i in range(5_000)), "all lines, in order"


def test_rich_output_by_evcxrs_protocol(notebook):
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    html = shown(notebook, r'println!("EVCXR_BEGIN_CONTENT text/html\n<b>bold</b>\nEVCXR_END_CONTENT");')
    assert html["text/html"] == "<b>bold</b>" and html["text/plain"]
    picture = shown(notebook, rf'println!("EVCXR_BEGIN_CONTENT image/png\n{png}\nEVCXR_END_CONTENT");')
    assert picture["image/png"].replace("\n", "") == png


def test_an_error_of_the_compiler_points_into_the_cell(notebook):
    name, value, text = error(notebook, '%%rust\nlet one = 1;\n    let x: f64 = "text";')
    assert name == "CompileError" and "mismatched types" in value and "E0308" in value
    number, line, caret = next(
        (a, b, c) for a, b, c in zip(text.splitlines(), text.splitlines()[1:], text.splitlines()[2:]) if ", line " in a
    )
    assert number.strip().endswith("line 3") and line.endswith('let x: f64 = "text";')
    assert line[caret.index("^") :].startswith('"text"'), text
    # On the first line of code, before which the kernel has put a statement of its own.
    _, _, text = error(notebook, "%%rust\nlet y = missing;")
    lines = text.splitlines()
    caret = next(line for line in lines if line.strip() == "^")
    assert lines[lines.index(caret) - 1][caret.index("^") :].startswith("missing")
    # Warnings are no errors, and the cells before are as they were.
    assert rust(notebook, 'let unused = 1; println!("{ready}");') == "true\n"


def test_several_errors_are_shown_each_at_its_place(notebook):
    _, _, text = error(notebook, "%%rust\nlet a = missing_one;\nlet b = 1;\nlet c = missing_two;")
    assert "line 2" in text and "line 4" in text and "missing_one" in text and "missing_two" in text


def test_commands_that_would_end_or_reset_something_are_refused(notebook):
    for command in (":quit", ":clear", ":restart", "!touch /tmp/never"):
        name, _, text = error(notebook, f"%%rust\n{command}")
        assert name == "CompileError" and "line 2" in text, text
    assert rust(notebook, 'println!("{ready}");') == "true\n"


def test_panics_and_question_marks_are_errors(notebook):
    rust(notebook, "let kept = 5;")
    name, value, text = error(notebook, '%%rust\nlet fine = 1;\nlet list: Vec<i32> = vec![1];\nlet bad: i32 = list[7];')
    assert name == "Panic" and "index out of bounds" in value and "line 4" in text
    name, value, _ = error(notebook, '%%rust\nlet n: i32 = "x".parse()?;')
    assert "invalid digit" in value
    assert rust(notebook, 'println!("{kept}");') == "5\n"
    assert error(notebook, "%%rust\nfine")[0] == "CompileError", "what a cell defined that failed is not there"
    rust(notebook, 'fn picky(x: f64) -> f64 { if x < 0.0 { panic!("negative: {x}") } x }\nexport!(picky(x));')
    name, value, text = error(notebook, "let before = 1;\npicky(-1)")
    assert name == "Panic" and value == "picky: negative: -1" and "line 2" in text
    assert notebook.result("picky(2)") == "2.0"
    assert notebook.result('let message = ""; try { picky(-2); } catch (e) { message = "caught"; } message') == '"caught"'


ENDS = {
    "segmentation fault": ("unsafe { std::ptr::null_mut::<u8>().wrapping_add(8).write_volatile(1) }", "segmentation fault"),
    "abort": ("std::process::abort()", "aborted"),
    "exit": ("std::process::exit(3)", "exit(3)"),
    "stack overflow": ("fn deep(n: u64) -> u64 { deep(std::hint::black_box(n) + 1) + n }\ndeep(1);", "stack overflowed"),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_notebook_outlives_a_crash_and_exports_come_back(notebook, end):
    code, cause = ENDS[end]
    notebook.run("let mine = 41;")
    rust(notebook, "let lost = 1;\nfn survivor(x: f64) -> f64 { x + 1.0 }\nexport!(survivor(x));")
    name, value, _ = error(notebook, f'%%rust\nprintln!("last words");\n{code}')
    assert name == "SessionLost" and cause in value and "lost" in value, value
    assert notebook.result("mine + 1") == "42"
    assert notebook.result("survivor(1)") == "2.0"
    assert error(notebook, "%%rust\nlost")[0] == "CompileError"
    # The same inside of a call.
    rust(notebook, f"let gone = 2;\nfn crash() {{ {code} }}\nexport!(crash());")
    name, value, text = error(notebook, "crash()")
    assert name == "SessionLost" and cause in value and "gone" in value and "crash()" in text, value
    assert notebook.result("survivor(2)") == "3.0"
    rust(notebook, "let ready = true;")


LOOP = "let mut n = 0u64; loop { n = std::hint::black_box(n + 1); }"


def interrupt(kernel, msg_id):
    """Interrupts a cell: the seconds until its reply, and this."""
    start = time.monotonic()
    kernel.manager.interrupt_kernel()
    reply = kernel.reply(msg_id)["content"]
    return time.monotonic() - start, reply


def test_an_endless_cell_is_interrupted(notebook):
    rust(notebook, "fn spared(x: f64) -> f64 { x }\nexport!(spared(x));")
    msg_id = notebook.client.execute(f'%%rust\nprintln!("runs");\n{LOOP}')
    notebook.until(msg_id, "stream")
    seconds, reply = interrupt(notebook, msg_id)
    assert reply["ename"] == "KeyboardInterrupt" and seconds < 3, (seconds, reply)
    assert notebook.result("spared(2)") == "2.0"
    rust(notebook, "let ready = true;")


def test_an_endless_call_is_interrupted(notebook):
    rust(notebook, f"fn endless() {{ eprintln!(\"runs\"); {LOOP} }}\nfn short() -> i64 {{ 3 }}\nexport!(endless(), short());")
    msg_id = notebook.client.execute("let mine = 5; endless();")
    notebook.until(msg_id, "stream")
    seconds, reply = interrupt(notebook, msg_id)
    assert reply["ename"] == "KeyboardInterrupt" and seconds < 3, (seconds, reply)
    assert notebook.result("mine + short()") == "8"
    rust(notebook, "let ready = true;")


def test_a_cell_that_is_being_compiled_is_interrupted_and_nothing_is_lost(notebook):
    rust(notebook, "let kept = 6;")
    for pause in (0.02, 0.15, 0.3):
        msg_id = notebook.client.execute(f"%%rust\n{LOOP}")
        notebook.until(msg_id, "execute_input")
        time.sleep(pause)
        interrupt(notebook, msg_id)
    # The first was stopped before it ran.
    msg_id = notebook.client.execute(f"%%rust\n{LOOP}")
    notebook.until(msg_id, "execute_input")
    rust_is_up = notebook.client.execute("1")
    assert interrupt(notebook, msg_id)[1]["status"] == "error"
    notebook.reply(rust_is_up)
    assert rust(notebook, "let ready = true; println!(\"{ready}\");") == "true\n"
    compilers = [p.name() for p in family(notebook) if p.name() in ("cargo", "rustc")]
    assert compilers == []


def test_an_interrupt_while_rust_starts_stops_that(fresh):
    msg_id = fresh.client.execute("%%rust\n1 + 1")
    fresh.until(msg_id, "stream")
    seconds, reply = interrupt(fresh, msg_id)
    assert reply["ename"] == "KeyboardInterrupt" and seconds < 3, (seconds, reply)
    assert fresh.result("%%rust\n1 + 2") == "3"


def test_the_readmes_cell_works(notebook):
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    cell = re.search(r"```rust\n(%%rust.*?)```", readme, re.DOTALL).group(1)
    notebook.run("let x = tensor([-1.0, 0.5, 2.0]);")
    reply, _ = notebook.run(cell)
    assert reply["status"] == "ok", "\n".join(reply["traceback"])
    assert notebook.result("positive") == "2"
    assert notebook.result("max(abs(x.swish() - x * sigmoid(x))).item() < 1e-6") == "true"
    same = "max(abs(grad(sum(swish(x)), x) - grad(sum(x * sigmoid(x)), x))).item() < 1e-6"
    assert notebook.result(same) == "true"


def test_tab_and_shift_tab_inside_a_cell_of_rust(notebook):
    rust(notebook, "/// Twice as much.\nfn doubled(amount: f64) -> f64 { amount * 2.0 }\nlet amounts: Tensor = Tensor::zeros([3]);\nexport!(doubled(amount));")
    code = "%%rust\nlet b = doub"
    reply = notebook.client.complete(code, len(code), reply=True, timeout=30)["content"]
    assert "doubled" in [m.split("(")[0] for m in reply["matches"]], reply
    assert code[reply["cursor_start"] : reply["cursor_end"]] == "doub"
    code = '%%rust\n// 😀\nlet b = amounts.zip'
    reply = notebook.client.complete(code, len(code), reply=True, timeout=30)["content"]
    assert "zip_map" in [m.split("(")[0] for m in reply["matches"]], reply
    assert code[reply["cursor_start"] : reply["cursor_end"]] == "zip"
    code = "%%rust\nlet b = doubled(1.0);"
    reply = notebook.client.inspect(code, code.index("bled"), reply=True, timeout=30)["content"]
    assert reply["found"] and "fn doubled(amount: f64) -> f64" in reply["data"]["text/plain"], reply
    reply = notebook.client.inspect(code, 3, reply=True, timeout=30)["content"]
    assert "the cell is Rust code" in reply["data"]["text/plain"], "the magic itself"
    # While a cell runs there is no answer, and nobody waits for it.
    msg_id = notebook.client.execute(f'%%rust\nprintln!("runs");\n{LOOP}')
    notebook.until(msg_id, "stream")
    start = time.monotonic()
    reply = notebook.client.complete(code, 13, reply=True, timeout=30)["content"]
    assert reply["matches"] == [] and time.monotonic() - start < 1
    interrupt(notebook, msg_id)
    # In a cell of Rhai the exported word is one like others.
    reply = notebook.client.complete("doub", 4, reply=True, timeout=30)["content"]
    assert reply["matches"] == ["doubled"]
    reply = notebook.client.inspect("doubled", 3, reply=True, timeout=30)["content"]
    assert "doubled(amount: f64) -> f64" in reply["data"]["text/plain"] and "Twice as much." in reply["data"]["text/plain"]
    for code, status in {"%%rust\nfn f() {": "incomplete", "%%rust\nlet x: i32 = 1;": "complete"}.items():
        msg_id = notebook.client.is_complete(code)
        assert notebook.reply(msg_id)["content"]["status"] == status, code


def test_a_crate_is_added_by_a_line_before_the_code(notebook, tmp_path):
    crate = tmp_path / "tripled"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text('[package]\nname = "tripled"\nversion = "0.1.0"\nedition = "2021"\n')
    (crate / "src/lib.rs").write_text("pub fn tripled(x: f64) -> f64 { 3.0 * x }\n")
    code = f'%%rust\n// A comment.\n:dep tripled = {{ path = "{crate}" }}\nlet t = tripled::tripled(2.0);\nt'
    reply, messages = notebook.run(code)
    assert reply["status"] == "ok", "\n".join(reply["traceback"])
    assert "`tripled`" in text_of(messages), "it says what takes so long"
    [result] = [m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "execute_result"]
    assert result == "6.0"
    name, value, text = error(notebook, '%%rust\n:dep nothing = { path = "/nowhere" }\n1')
    assert "line 2" in text and "nothing" in text


def test_a_cell_asks_the_person(notebook):
    """As the crate `evcxr_input` does it."""
    code = """%%rust
        println!("EVCXR_INPUT_REQUEST:how many?");
        let mut line: String = String::new();
        std::io::stdin().read_line(&mut line)?;
        println!("{}", line.trim().parse::<i32>()? + 1);"""
    msg_id = notebook.client.execute(textwrap.dedent(code), allow_stdin=True)
    question = notebook.client.get_stdin_msg(timeout=conftest.TIMEOUT)["content"]
    assert question == {"prompt": "how many?", "password": False}
    notebook.client.input("41")
    reply, messages = notebook.finish(msg_id)
    assert reply["status"] == "ok" and text_of(messages) == "42\n"


def test_reset_forgets_it_all(fresh):
    rust(fresh, "let a = 1;\nfn f() -> i64 { 1 }\nexport!(f());")
    assert fresh.result("f()") == "1"
    fresh.run("%reset")
    assert error(fresh, "f()")[0] == "NameError"
    assert error(fresh, "%%rust\na")[0] == "CompileError"


def test_nothing_is_left_when_the_kernel_ends():
    kernel = Kernel()
    try:
        rust(kernel, "fn f() -> i64 { std::process::id() as i64 }\nexport!(f());")
        assert kernel.result("f()").isdigit()
        left = family(kernel)
        assert len(hosts(kernel)) == 1 and len(left) >= 3
        folders = f"{tempfile.gettempdir()}/saddlepoint-rust-{os.getuid()}/*"
        own = [folder for folder in glob.glob(folders) if hosts(kernel)[0].environ().get("SADDLE_RUST_FOLDER") == folder]
        assert len(own) == 1
        msg_id = kernel.client.execute(f'%%rust\nprintln!("runs");\n{LOOP}')
        kernel.until(msg_id, "stream")
    finally:
        kernel.close()
    gone, alive = psutil.wait_procs(left, timeout=10)
    assert alive == []
    end = time.monotonic() + 10
    while os.path.exists(own[0]) and time.monotonic() < end:
        time.sleep(0.05)
    assert not os.path.exists(own[0]), "temporary files are removed"


def without(*programs, tmp_path):
    """A PATH on which everything is that is on ours, but for these."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for path in reversed(os.environ["PATH"].split(":") + [str(Path(CARGO).parent)]):
        for file in glob.glob(f"{path}/*"):
            link = folder / Path(file).name
            if link.name not in programs:
                link.unlink(missing_ok=True)
                link.symlink_to(os.path.realpath(file) if "rustup" not in os.path.realpath(file) else file)
    return {**os.environ, "PATH": str(folder), "CARGO_HOME": str(tmp_path / "cargo")}


@pytest.mark.parametrize("programs, says", [(("cargo",), "needs `cargo`"), (("cc", "gcc", "clang"), "needs a C linker")])
def test_what_is_missing_on_the_machine_is_one_clear_error(tmp_path, programs, says):
    kernel = Kernel({"env": without(*programs, tmp_path=tmp_path)})
    try:
        for _ in range(2):
            name, value, text = error(kernel, "%%rust\nlet a = 1;")
            assert says in value and "hint: install" in text and "cells of Rhai need none" in text
        assert kernel.result("1 + 1") == "2"
    finally:
        kernel.close()


def test_a_users_toolchain_is_not_changed(tmp_path):
    """rust-analyzer would have rustup add the source of the standard library."""
    home = tmp_path / "cargo"
    (home / "bin").mkdir(parents=True)
    log = tmp_path / "log"
    shim = home / "bin/rustup"
    real = shutil.which("rustup") or "false"
    shim.write_text(f'#!/bin/sh\necho "$@" >> {log}\ncase "$1" in component) exit 1;; esac\nexec {real} "$@"\n')
    shim.chmod(shim.stat().st_mode | stat.S_IEXEC)
    path = f"{home}/bin:{os.environ['PATH']}:{Path(CARGO).parent}"
    kernel = Kernel({"env": {**os.environ, "CARGO_HOME": str(home), "PATH": path}})
    try:
        assert kernel.result("%%rust\n1 + 2") == "3"
    finally:
        kernel.close()
    asked = log.read_text().splitlines() if log.exists() else []
    assert asked, "rustup was asked where the programs are"
    assert not [line for line in asked if line.startswith(("component", "toolchain"))], asked
