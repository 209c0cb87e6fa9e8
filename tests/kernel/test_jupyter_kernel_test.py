"""Jupyter's own conformance suite, `jupyter_kernel_test`, with every attribute set.

The suite skips a test whose attribute is empty, and says so nowhere. Here a skip is a failure, a subtest's skip too.
"""

import unittest

import jupyter_kernel_test
import pytest


class Conformance(jupyter_kernel_test.KernelTests):
    kernel_name = "saddle"
    language_name = "rhai"
    file_extension = ".rhai"
    code_hello_world = 'print("hello, world")'
    code_stderr = 'debug("trouble")'
    completion_samples = [{"text": "linspac", "matches": {"linspace"}}, {"text": "zzz_no_such_word", "matches": set()}]
    complete_code_samples = ["1 + 1", "let x = 1;", "fn f(a) {\n    a\n}"]
    incomplete_code_samples = ["fn f(a) {", "let t = [1,"]
    invalid_code_samples = ["1 + }", ")"]
    code_page_something = "relu?"
    code_generate_error = 'throw "boom"'
    code_execute_result = [
        {"code": "1 + 1", "result": "2"},
        {"code": "1 + 2", "result": "3"},
        {"code": "40 + 2", "result": "42"},
    ]
    code_display_data = [{"code": "show(tensor([[0.0, 1.0], [1.0, 0.0]]))", "mime": "image/png"}]
    supported_history_operations = ("tail", "range", "search")
    code_history_pattern = "1 + 1*"
    code_inspect_sample = "relu"
    code_clear_output = "clear_output()"


class IopubWelcome(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = "saddle"
    support_iopub_welcome = True


# How many tests the suite has. A new release that adds some must be looked at, not passed by.
EXPECTED = {Conformance: 12, IopubWelcome: 1}


@pytest.mark.parametrize("case", EXPECTED, ids=lambda case: case.__name__)
def test_suite_passes_with_no_silent_skip(case):
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(case)
    result = unittest.TestResult()
    suite.run(result)
    problems = [f"{test}\n{trace}" for test, trace in result.failures + result.errors]
    assert not problems, "\n".join(problems)
    assert not result.skipped, result.skipped
    assert result.testsRun == EXPECTED[case]


# pytest would collect the classes themselves as well, and run everything twice.
Conformance.__test__ = False
IopubWelcome.__test__ = False
