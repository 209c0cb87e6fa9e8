"""ipykernel's own tests of Jupyter's messages, made to run against this kernel.

    python tests/kernel/message_spec.py CACHE FOLDER && python -m pytest FOLDER

They are not part of this project: this script takes them from ipykernel's source distribution (the version that is installed
here; pip fetches it once, it is kept in CACHE), puts Rhai where they have Python, by the names of their functions and the
order of their calls, and writes the result into FOLDER. What is left out or changed otherwise is named in `CHANGES`, with why,
and printed. A new release whose tests differ is noticed: every change must find its place, and the number of tests is known.

Exit status: 0 the tests stand in FOLDER, 3 pip could not fetch them, 1 they are not what they were.
"""

import argparse
import ast
import importlib.metadata
import subprocess
import sys
import tarfile
from pathlib import Path

KERNEL = "saddle"
TESTS = 24

# The code of each test's requests, in the order in which they are sent. `fail` is the variable of that name.
CODE = {
    "test_execute": ["let x = 1;"],
    "test_execute_silent": ["let x = 1;", "let x = 2;"],
    "test_execute_error": ['throw "boom"'],
    "test_execute_inc": ["let x = 1;", "let x = 2;"],
    "test_execute_stop_on_error": {
        "fail": 'sleep(1.0);\nthrow "boom"',
        "calls": [None, 'print("a")', 'print("b")', None, 'print("a")'],
    },
    "test_user_expressions": ["let x = 1;"],
    "test_user_expressions_fail": ["let x = 0;"],
    "test_oinfo": ["a"],
    "test_oinfo_found": ["let a = 5;", "a"],
    "test_oinfo_detail": ["let a = 5;", "leaky_relu"],
    "test_oinfo_not_found": ["does_not_exist"],
    "test_complete": ["let alpha = 5; let albert = 5;", "al"],
    "test_single_payload": ["%load SCRIPT\n" * 3],
    "test_is_complete": ["let a = 1"],
    "test_history_range": ["let x = 1;"],
    "test_history_tail": ["let x = 1;"],
    "test_history_search": ["let x = 1;"],
    "test_stream": ['print("hi")'],
    "test_display_data": ["show(1)"],
}

# Words in what the tests expect that are Python's or IPython's, and ours.
WORDS = {
    "test_execute_error": {"ZeroDivisionError": "Thrown"},
    "test_oinfo_found": {"Type:": "int", "Docstring:": "5"},
    "test_oinfo_detail": {"Signature:": "leaky_relu(", "Source:": "Example"},
}

# What is asked of ipykernel alone: the place, and why it is not asked of this kernel.
LEFT_OUT = {
    "test_subshell": "subshells are an optional part of the protocol, which this kernel does not have yet",
    "test_non_execute_stop_on_error": "comm_info and inspect are to wait for the running cell; here they are answered at once",
}
CHANGES = {
    "test_kernel_info_request": "without the line that wants `kernel subshells` among the supported features",
    "KernelInfoReply": "the kernel's own version may be below 2.1, which is ipykernel's",
}


def fetch(cache, version):
    """The source distribution, from the cache or by pip."""
    archive = cache / f"ipykernel-{version}.tar.gz"
    if not archive.exists():
        cache.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
        source = ["--no-deps", "--no-binary", "ipykernel", f"ipykernel=={version}", "--dest", str(cache)]
        done = subprocess.run([*pip, *source], capture_output=True, text=True)
        if done.returncode or not archive.exists():
            print(f"pip could not fetch the source distribution of ipykernel {version}: {done.stderr.strip()[-300:]}")
            sys.exit(3)
    return archive


class Patch(ast.NodeTransformer):
    """Rhai for Python in one test; every replacement has to be used."""

    def __init__(self, name):
        self.name = name
        code = CODE.get(name, [])
        self.fail = code["fail"] if isinstance(code, dict) else None
        self.calls = list(code["calls"] if isinstance(code, dict) else code)
        self.words = dict(WORDS.get(name, {}))

    def visit_Assign(self, node):
        if self.fail and [ast.unparse(target) for target in node.targets] == ["fail"]:
            node.value = ast.Constant(self.fail)
            self.fail = None
            return node
        return self.generic_visit(node)

    def visit_Call(self, node):
        called = ast.unparse(node.func)
        if called in ("execute", "KC.execute", "KC.inspect", "KC.complete", "KC.is_complete"):
            code = self.calls.pop(0)
            if code is not None:
                place = next((k for k in node.keywords if k.arg == "code"), None)
                if place:
                    place.value = ast.Constant(code)
                else:
                    node.args[0] = ast.Constant(code)
        return self.generic_visit(node)

    def visit_Constant(self, node):
        if isinstance(node.value, str) and node.value in self.words:
            return ast.Constant(self.words.pop(node.value))
        return node

    def finish(self):
        assert not (self.fail or self.calls or self.words), f"{self.name} is not what it was: {vars(self)}"


def patch_tests(source):
    module = ast.parse(source)
    tests = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    assert len(tests) == TESTS, f"ipykernel has {len(tests)} such tests now, not {TESTS}: look at the new ones"
    unknown = set(CODE) - {test.name for test in tests}
    assert not unknown, f"these tests are gone: {unknown}"
    assert set(LEFT_OUT) < {test.name for test in tests}
    for test in tests:
        if test.name in LEFT_OUT:
            continue
        patch = Patch(test.name)
        patch.visit(test)
        patch.finish()
    module.body = [node for node in module.body if getattr(node, "name", None) not in LEFT_OUT]
    info = next(test for test in tests if test.name == "test_kernel_info_request")
    kept = [node for node in info.body if "kernel subshells" not in ast.unparse(node)]
    assert len(kept) == len(info.body) - 1
    info.body = kept
    reply = next(node for node in module.body if getattr(node, "name", None) == "KernelInfoReply")
    versions = [node for node in reply.body if ast.unparse(node).startswith("implementation_version")]
    assert len(versions) == 1
    versions[0].value.keywords[0].value = ast.Constant("0.1")
    return ast.unparse(ast.fix_missing_locations(module))


def patch_utilities(source):
    """Starts this kernel."""
    module = ast.parse(source)
    [start] = [node for node in module.body if getattr(node, "name", None) == "start_new_kernel"]
    start.body[:1] = ast.parse(f'kwargs["kernel_name"] = {KERNEL!r}').body
    return ast.unparse(ast.fix_missing_locations(module))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    version = importlib.metadata.version("ipykernel")
    script = options.folder.resolve() / "script.rhai"
    with tarfile.open(fetch(options.cache, version)) as archive:
        read = lambda name: archive.extractfile(f"ipykernel-{version}/tests/{name}").read().decode()
        files = {
            "__init__.py": "",
            "test_message_spec.py": patch_tests(read("test_message_spec.py")).replace("SCRIPT", str(script)),
            "utils.py": patch_utilities(read("utils.py")),
        }
    package = options.folder / "ipykernel_tests"
    package.mkdir(parents=True)
    for name, text in files.items():
        (package / name).write_text(text)
    script.write_text("let loaded = true;\n")
    print(f"{TESTS - len(LEFT_OUT)} of the {TESTS} tests of messages of ipykernel {version} apply; left out:")
    for name, why in LEFT_OUT.items():
        print(f"  {name}: {why}")
    print("changed beside their code:")
    for place, why in CHANGES.items():
        print(f"  {place}: {why}")


if __name__ == "__main__":
    main()
