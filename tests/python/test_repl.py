"""`saddle repl` in a real terminal."""

import os
import time

import pexpect
import pytest


@pytest.fixture
def prompt(tmp_path):
    environment = dict(os.environ, XDG_STATE_HOME=str(tmp_path), TERM="xterm", NO_COLOR="1")
    child = pexpect.spawn(os.environ["SADDLE"], ["repl"], env=environment, encoding="utf-8", timeout=15, dimensions=(40, 120))
    child.expect_exact("[1] ")
    yield child
    child.close(force=True)


def test_variables_persist_and_several_lines_are_one_input(prompt):
    prompt.send("let a = 40;\r")
    prompt.expect_exact("[2] ")
    prompt.send("fn f(x) {\r")
    prompt.send("    x + 2\r")
    prompt.send("}\r")
    prompt.expect_exact("[3] ")
    prompt.send("f(a)\r")
    prompt.expect(r"\r\n42\r\n")


def test_ctrl_c_stops_a_loop_and_variables_stay(prompt):
    prompt.send('let a = 42; print("go"); loop {}\r')
    prompt.expect(r"\r\ngo\r\n")
    pressed = time.monotonic()
    prompt.sendintr()
    prompt.expect_exact("KeyboardInterrupt")
    assert time.monotonic() - pressed < 0.2
    prompt.expect_exact("[2] ")
    prompt.send("a\r")
    prompt.expect(r"\r\n42\r\n")


def test_ctrl_c_at_the_prompt_gives_up_the_line_and_ctrl_d_leaves(prompt):
    prompt.send("let half = ")
    prompt.sendintr()
    prompt.expect_exact("[1] ")
    prompt.send("1 + 1\r")
    prompt.expect(r"\r\n2\r\n")
    prompt.expect_exact("[2] ")
    prompt.sendeof()
    prompt.expect(pexpect.EOF)
    prompt.close()
    assert prompt.exitstatus == 0


@pytest.mark.parametrize("word", ["exit", "quit"])
def test_exit_leaves_unless_it_is_a_variable(prompt, word):
    prompt.send(f"let {word} = 41;\r")
    prompt.expect_exact("[2] ")
    prompt.send(f"{word}\r")
    prompt.expect(r"\r\n41\r\n")
    prompt.expect_exact("[3] ")
    prompt.send("%reset\r")
    prompt.expect_exact("[4] ")
    prompt.send(f"{word}\r")
    prompt.expect(pexpect.EOF)
    prompt.close()
    assert prompt.exitstatus == 0


def test_tab_completes_and_the_history_outlives_the_session(prompt, tmp_path):
    prompt.send("let remarkable = 7;\r")
    prompt.expect_exact("[2] ")
    prompt.send("remark\t + 1\r")
    prompt.expect(r"\r\n8\r\n")
    prompt.expect_exact("[3] ")
    prompt.sendeof()
    prompt.expect(pexpect.EOF)
    history = tmp_path / "saddlepoint" / "repl-history"
    assert "let remarkable = 7;" in history.read_text()


def test_an_error_is_shown_with_its_place(prompt):
    prompt.send("1 + undefined_name\r")
    prompt.expect_exact("NameError")
    prompt.expect_exact("In[1], line 1")
    prompt.expect_exact("[2] ")


def test_code_piped_in_runs_without_a_prompt(saddle):
    done = saddle("repl", input="let a = 40;\na + 2\n")
    assert (done.returncode, done.stdout.strip()) == (0, "42")
    assert saddle("repl", input="undefined_name\n").returncode == 1
