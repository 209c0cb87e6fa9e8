"""Whatever a person gets wrong: one error, in the terms of the cell (kind, message, cell and line, hint); the kernel lives,
the variables stay."""

import re
import struct

import pytest
from conftest import Kernel

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
IMAGES = struct.pack(">IIII", 0x803, 2, 28, 28) + bytes(2 * 28 * 28)
LABELS = struct.pack(">II", 0x801, 2) + bytes([1, 2])


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """A kernel that serves all cells of this file, and the file into which its process would complain."""
    path = tmp_path_factory.mktemp("kernel") / "stderr"
    with path.open("wb") as stderr:
        kernel = Kernel(start={"stderr": stderr})
        kernel.run("let kept = 42; let sizes = [2, 3];")
        yield kernel
        assert kernel.result("kept") == "42" and kernel.result("sizes") == "[2, 3]"
        kernel.close()
    assert path.read_text() == ""


def error(kernel, code):
    """The error of a cell as it is shown, without its colours; `In[n]` for its number."""
    reply, messages = kernel.run(code)
    assert reply["status"] == "error", reply
    errors = [m["content"] for m in messages if m["msg_type"] == "error"]
    assert len(errors) == 1
    assert errors[0]["ename"] == reply["ename"] and errors[0]["evalue"] == reply["evalue"]
    shown = re.sub("\x1b\\[[0-9;]*m", "", "\n".join(errors[0]["traceback"]))
    assert shown.startswith(f"{reply['ename']}: {reply['evalue']}\n")
    assert "panicked" not in shown and ".rs:" not in shown
    return shown.replace(f"In[{reply['execution_count']}]", "In[n]")


# The code, and all that is shown. The caret stands below the letter where the error is.
CASES = {
    "unknown option": (
        "let a = 1;\nlinear(4, 2, #{ bais: true })",
        """\
OptionError: linear: unknown option `bais`; did you mean `bias`?
  In[n], line 2
    2 | linear(4, 2, #{ bais: true })
        ^
hint: options: bias, init, bias_init""",
    ),
    "wrong shape of an operator": (
        "randn([64, 100]) @ randn([128, 784])",
        """\
ShapeError: matmul: [64, 100] @ [128, 784]: inner sizes 100 and 128 differ
  In[n], line 1
    1 | randn([64, 100]) @ randn([128, 784])
                         ^""",
    ),
    "wrong shape of a network's input": (
        "let D = sequential([linear(4, 1)]);\nfn score(x) {\n    D(x)\n}\nscore(randn([2, 5]))",
        """\
ShapeError: linear: input [2, 5] does not fit weights of shape [1, 4] [out, in]
  In[n], line 5
    5 | score(randn([2, 5]))
        ^
  in `score`, In[n], line 3
    3 |     D(x)
            ^
hint: the last dim of the input must be 4""",
    ),
    "wrong type": (
        'relu("x")',
        """\
TypeError: relu: x must be a tensor or a number, got a text
  In[n], line 1
    1 | relu("x")
        ^
hint: relu(x)""",
    ),
    "a name that is not defined": (
        "let y = 2 * keptt;",
        """\
NameError: `keptt` is not defined; did you mean `kept`?
  In[n], line 1
    1 | let y = 2 * keptt;
                    ^""",
    ),
    "NaN in a loss": (
        "let G = sequential([linear(2, 2)]);\nlet opt = sgd(G, #{ lr: 1.0 });\n"
        "opt.descend(log(mean(G(zeros([1, 2]))) - 5))",
        """\
ValueError: descend: the loss is NaN; the parameters keep their values
  In[n], line 3
    3 | opt.descend(log(mean(G(zeros([1, 2]))) - 5))
            ^
hint: log(0) · 0, ∞ − ∞ or 0 / 0 make one: detect_anomaly(true) names the operation; losses on logits avoid log(0)""",
    ),
    "division by zero": (
        "let n = 0;\n1 / n",
        """\
ValueError: division by zero
  In[n], line 2
    2 | 1 / n
          ^
hint: only tensors divide by zero, to inf or NaN""",
    ),
    "deep recursion": (
        "fn f(n) { f(n + 1) }\nf(0)",
        """\
ValueError: calls are nested more than 1000 deep
  In[n], line 2
    2 | f(0)
        ^
hint: does a function call itself without end?""",
    ),
    "a cell of one line of 1 MB": (
        "x" * 1_000_000,
        f"""\
ValueError: the line has 1000000 letters; it may have 60000
  In[n], line 1
    1 | …{"x" * 160}…
         ^
hint: data are better read from a file than written in a cell""",
    ),
    "a cell of 1 MB in many lines": (
        "let x = 1;\n" * 100_000,
        """\
ValueError: the cell has 100000 lines; it may have 60000
  In[n], line 60001
60001 | let x = 1;
        ^
hint: data are better read from a file than written in a cell""",
    ),
    "more memory than there is": (
        "zeros([1000000, 1000000])",
        re.compile(
            r"ValueError: zeros: \[1000000, 1000000\] needs 4000\.0 GB, more than half of the [0-9.]+ GB of this machine\n"
            r"  In\[n\], line 1\n    1 \| zeros\(\[1000000, 1000000\]\)\n        \^"
        ),
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_one_clear_error(talk, what):
    code, expected = CASES[what]
    shown = error(talk, code)
    if isinstance(expected, str):
        assert shown == expected
    else:
        assert expected.fullmatch(shown), shown


GOOD_COPY = "put a good copy in its place, or leave `folder` out to have it downloaded"

# The two files (or none, or no folder at all), the message and the hint; `{folder}` is where they lie.
FILES = {
    "a missing folder": (
        None,
        "FileError: mnist: there is no folder {folder}",
        "leave `folder` out to have the files downloaded",
    ),
    "a folder without the files": (
        (),
        "FileError: mnist: {folder} has no file train-images-idx3-ubyte.gz",
        "it needs train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz, with or without .gz, with - or . before idx",
    ),
    "an empty file": (
        (b"", LABELS),
        "FileError: {folder}/train-images-idx3-ubyte: the file is empty",
        GOOD_COPY,
    ),
    "a file that is cut off": (
        (IMAGES[:-100], LABELS),
        "FileError: {folder}/train-images-idx3-ubyte: the file ends after 1468 of the 1568 bytes of its sizes [2, 28, 28]",
        GOOD_COPY,
    ),
    "a file of another kind": (
        (b"\x89PNG" + IMAGES[4:], LABELS),
        "FileError: {folder}/train-images-idx3-ubyte: not an IDX file: it begins with [89, 50, 4e, 47] instead of two zeros",
        GOOD_COPY,
    ),
    "sizes that no file has": (
        (struct.pack(">IIII", 0x803, 2**32 - 1, 2**16, 2**14), LABELS),
        "FileError: {folder}/train-images-idx3-ubyte: the file ends after 0 of the 4611686017353646080 bytes of its sizes "
        "[4294967295, 65536, 16384]",
        GOOD_COPY,
    ),
    "files that do not belong together": (
        (IMAGES, struct.pack(">II", 0x801, 3) + bytes(3)),
        "ShapeError: mnist: 3 labels for 2 rows",
        "the files in {folder} do not belong together",
    ),
}


@pytest.mark.parametrize("what", FILES)
def test_one_clear_error_about_a_file(talk, tmp_path, what):
    files, message, hint = FILES[what]
    folder = tmp_path / "mnist"
    if files is not None:
        folder.mkdir()
        for name, content in zip(NAMES, files):
            (folder / name).write_bytes(content)
    line = f'mnist(#{{ folder: "{folder}" }})'
    place = f"  In[n], line 1\n    1 | {line}\n        ^"
    expected = f"{message}\n{place}\nhint: {hint}".replace("{folder}", str(folder))
    assert error(talk, line) == expected


def test_an_endless_loop_is_interrupted_where_it_is(talk):
    # The first line is over when its text arrives.
    msg_id = talk.looping("let n = 0; print(n);\nloop {\n    n += 1;\n}")
    talk.until(msg_id, "stream")
    talk.manager.interrupt_kernel()
    reply, messages = talk.finish(msg_id)
    assert (reply["ename"], reply["evalue"]) == ("KeyboardInterrupt", "interrupted")
    shown = re.sub("\x1b\\[[0-9;]*m", "", "\n".join(reply["traceback"]))
    # Anywhere in the loop.
    assert re.search(r"In\[\d+\], line [234]\n", shown), shown
    assert shown.endswith("hint: variables keep their values")
    assert talk.result("n > 0") == "true"
