"""`jupyter console` as a person sees it: a real terminal program on a pseudo-terminal, its screen read by an emulator."""

import sys
import time

import pexpect
import pyte
import pytest

TIMEOUT = 30
ROWS, COLUMNS = 50, 110
NORMAL_END = "Do you really want to exit"


class Console:
    """The console and the screen in front of it."""

    def __init__(self):
        command = ["-m", "jupyter_console", "--kernel", "saddle"]
        self.child = pexpect.spawn(sys.executable, command, encoding="utf-8", dimensions=(ROWS, COLUMNS))
        self.screen = pyte.HistoryScreen(COLUMNS, ROWS, history=2000)
        # The console asks where the cursor is, as it would ask any terminal.
        self.screen.write_process_input = self.child.send
        self.stream = pyte.Stream(self.screen)

    def text(self):
        """Everything on the screen and above it, without the blanks at the ends of the lines."""
        above = ["".join(line[x].data for x in range(COLUMNS)) for line in self.screen.history.top]
        lines = [line.rstrip() for line in [*above, *self.screen.display]]
        return "\n".join(lines).rstrip()

    def read(self, seconds=0.1):
        try:
            self.stream.feed(self.child.read_nonblocking(65536, timeout=seconds))
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        return True

    def wait(self, seen):
        """Waits until `seen(text)` holds, or the text `seen` stands at the end; the text."""
        shows = seen if callable(seen) else lambda text: text.endswith(seen)
        end = time.monotonic() + TIMEOUT
        while not shows(self.text()):
            alive = self.read()
            assert alive and time.monotonic() < end, f"waited for {seen!r}, and there is\n{self.text()}"
        return self.text()

    def prompt(self, number):
        """Waits for the empty prompt `In [number]:`; what stands between the prompt before it and this one."""
        text = self.wait(f"In [{number}]:")
        before = text.removesuffix(f"In [{number}]:").rstrip()
        return before.rpartition(f"In [{number - 1}]:")[2].strip()

    def cell(self, number, code):
        """Types a cell of one line at the prompt `number`; what is shown for it."""
        self.child.send(code + "\r")
        return self.prompt(number + 1).removeprefix(code).strip()


@pytest.fixture
def console():
    console = Console()
    console.prompt(1)
    yield console
    text = console.text()
    console.child.close(force=True)
    assert "Traceback" not in text and "panicked" not in text, text


def test_it_greets_and_a_cell_shows_its_result(console):
    assert "Saddlepoint" in console.text() and "Tab completes" in console.text()
    assert console.cell(1, "40 + 2") == "Out[1]: 42"
    assert console.cell(2, 'print("a"); print("b")') == "a\nb"
    shown = console.cell(3, "undefined_name")
    assert shown.startswith("NameError") and "line 1" in shown
    assert console.cell(4, "40 + 3") == "Out[4]: 43"


def test_an_unfinished_cell_goes_on_in_an_indented_line(console):
    console.child.send("fn f(a) {\r")
    console.wait(lambda text: "...:" in text.rpartition("fn f(a) {")[2])
    # The indent is there before anything is typed: the cursor stands behind it.
    console.wait(lambda _: console.screen.display[console.screen.cursor.y].rstrip().endswith("...:"))
    prompt = console.screen.display[console.screen.cursor.y].index(":") + 2
    assert console.screen.cursor.x == prompt + 4
    console.child.send("a * 2\r")
    console.wait(lambda text: text.count("...:") == 2)
    console.child.send("\x7f" * 4 + "}\r")
    text = console.wait(lambda text: text.endswith("In [2]:"))
    lines = text.rpartition("In [1]:")[2].splitlines()
    assert [line.partition(":")[2].strip() if "...:" in line else line.strip() for line in lines[:3]] == [
        "fn f(a) {",
        "a * 2",
        "}",
    ]
    assert console.cell(2, "f(21)") == "Out[2]: 42"


def test_tab_completes_a_word_and_offers_several(console):
    console.child.send("linspac\t")
    console.wait(lambda text: "linspace" in text.splitlines()[-1] or "linspace" in text.rpartition("In [1]:")[2])
    console.child.send("(0, 1, 3).shape\r")
    assert "Out[1]: [3]" in console.prompt(2)
    console.child.send("conv\t")
    console.wait(lambda text: {"conv1d", "conv2d"} <= set(text.rpartition("In [2]:")[2].split()))
    console.child.send("\x03")
    console.wait(lambda text: text.endswith("In [2]:"))


def test_an_interrupt_ends_a_loop_and_keeps_the_variables(console):
    assert console.cell(1, "let x = 40;") == ""
    console.child.send("loop {}\r")
    time.sleep(1)
    assert not console.text().endswith("In [3]:")
    console.child.send("\x03")
    assert "KeyboardInterrupt" in console.prompt(3)
    assert console.cell(3, "x + 2") == "Out[3]: 42"


def test_a_question_is_asked_and_the_answer_arrives(console):
    console.child.send('let name = input("who? ");\r')
    console.wait(lambda text: text.endswith("who?"))
    console.child.send("größe\r")
    console.prompt(2)
    assert console.cell(2, "name") == 'Out[2]: "größe"'
    console.child.send('let secret = password("word? ");\r')
    console.wait(lambda text: text.endswith("word?"))
    console.child.send("hush\r")
    console.prompt(4)
    assert "hush" not in console.text()
    assert console.cell(4, 'secret == "hush"') == "Out[4]: true"


@pytest.mark.parametrize("goodbye", ["exit\r", "\x04"])
def test_it_ends_when_asked_to(console, goodbye):
    console.child.send(goodbye)
    if goodbye == "\x04":
        console.wait(lambda text: NORMAL_END in text or not console.child.isalive())
        console.child.send("y\r")
    end = time.monotonic() + TIMEOUT
    while console.read():
        assert time.monotonic() < end, console.text()
    console.child.wait()
    assert console.child.exitstatus == 0
