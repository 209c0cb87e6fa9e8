"""Python's values as Rhai source, and the parameters that a Rhai cell declares."""

import math
import numbers
import os
import re

from papermill.exceptions import PapermillException
from papermill.models import Parameter
from papermill.translators import Translator

from .declarations import declarations, type_name

NAME = re.compile(r"_*[A-Za-z][A-Za-z0-9_]*")
INT_MIN, INT_MAX = -(2**63), 2**63 - 1


class RhaiTranslator(Translator):
    """Writes parameters as `let` statements. A value that Rhai has no way to write is refused, never changed."""

    @classmethod
    def translate(cls, val):
        # More than JSON's types: papermill called from Python hands over what the caller has.
        if isinstance(val, os.PathLike):
            val = os.fspath(val)
        if isinstance(val, (tuple, range)):
            val = list(val)
        if not isinstance(val, (bool, int, float)):
            if isinstance(val, numbers.Integral):
                val = int(val)
            elif isinstance(val, numbers.Real):
                val = float(val)
        if val is None or isinstance(val, (bool, int, float, str, list, dict)):
            return super().translate(val)
        raise PapermillException(f"a parameter of type {type(val).__name__} has no counterpart in Rhai: {val!r}")

    @classmethod
    def translate_none(cls, val):
        return "()"

    @classmethod
    def translate_int(cls, val):
        if not INT_MIN <= val <= INT_MAX:
            raise PapermillException(f"the integer {val} does not fit into the 64 bits of Rhai's; write it as {val}.0")
        return str(val)

    @classmethod
    def translate_float(cls, val):
        # Rhai has no literals for these, and refuses a division by zero.
        if math.isinf(val):
            return 'parse_float("inf")' if val > 0 else '-parse_float("inf")'
        if math.isnan(val):
            return 'parse_float("nan")'
        return float.__repr__(val)

    @classmethod
    def translate_escaped_str(cls, str_val):
        return '"' + "".join(map(_escaped, str_val)) + '"'

    @classmethod
    def translate_list(cls, val):
        return "[" + ", ".join(map(cls.translate, val)) + "]"

    @classmethod
    def translate_dict(cls, val):
        if not val:
            return "#{}"
        # YAML allows keys of any type; those of a Rhai map are strings.
        pairs = (f"{cls.translate_escaped_str(str(key))}: {cls.translate(value)}" for key, value in val.items())
        return "#{ " + ", ".join(pairs) + " }"

    @classmethod
    def comment(cls, cmt_str):
        return f"// {' '.join(cmt_str.split())}".strip()

    @classmethod
    def assign(cls, name, str_val):
        if not NAME.fullmatch(name):
            raise PapermillException(
                f"{name!r} cannot be the name of a parameter: Rhai's names are made of ASCII letters, digits and _, "
                "and do not begin with a digit"
            )
        return f"let {name} = {str_val};"

    @classmethod
    def inspect(cls, parameters_cell):
        return [
            Parameter(name=name, inferred_type_name=type_name(value), default=value, help=comment)
            for name, value, comment in declarations(parameters_cell["source"])
        ]


ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escaped(char):
    """One character inside a Rhai string: printable ones as they are."""
    if char in ESCAPES:
        return ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    if 0xD800 <= code <= 0xDFFF:
        raise PapermillException(f"a text with half a character (the surrogate U+{code:04X}) cannot be written in Rhai")
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
