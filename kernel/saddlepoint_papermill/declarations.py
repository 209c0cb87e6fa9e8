"""The variables that a Rhai cell declares at its top level: just enough of the language to read a cell of parameters."""

import re

# One piece of source. A text may hold anything, a `/*` is closed by hand because Rhai's block comments nest.
PIECE = re.compile(
    r"""
      (?P<comment> //[^\n]* )
    | (?P<block> /\* )
    | (?P<text> "(?:[^"\\]|\\.|"")*"? | `(?:[^`]|``)*`? | '(?:[^'\\\n]|\\[^\n])[^'\n]*' )
    | (?P<open> [\[({] )
    | (?P<close> [\])}] )
    | (?P<end> ; )
    | (?P<line> \n )
    | (?P<other> [^\n;"'`/\[\](){}]+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
DECLARATION = re.compile(r"(?:export\s+)?(?:let|const)\s+(\w+)\s*(?:=\s*(.*))?", re.DOTALL)
TYPES = [
    ("int", r"-?\s*(?:[0-9][0-9_]*|0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+)"),
    ("float", r"-?\s*[0-9][0-9_]*(?:\.[0-9_]*(?:e[+-]?[0-9_]+)?|e[+-]?[0-9_]+)"),
    ("bool", r"true|false"),
    ("NoneType", r"\(\s*\)"),
    ("text", r'"(?:[^"\\]|\\.|"")*"|`(?:[^`]|``)*`'),
    ("array", r"\[.*\]"),
    ("map", r"#\{.*\}"),
]


def declarations(source):
    """`(name, value, comment)` of each `let` and `const`; the comment is the one behind it on its line."""
    found = []
    for statement, comment in _statements(source):
        declaration = DECLARATION.fullmatch(statement.strip())
        if declaration:
            name, value = declaration.groups()
            found.append((name, (value or "()").strip(), comment))
    return found


def type_name(value):
    """The type of a literal in the language's own words, as papermill wants it: `NoneType` for `()`, `None` if unknown."""
    for name, pattern in TYPES:
        if re.fullmatch(pattern, value, re.DOTALL):
            return name
    return "None"


def _statements(source):
    """The statements at top level without their comments, each with the comment behind it on its line."""
    statements = []
    text, depth, same_line, at = "", 0, False, 0
    while at < len(source):
        piece = PIECE.match(source, at)
        kind, at = piece.lastgroup, piece.end()
        if kind == "block":
            at = _end_of_block(source, at)
            text += " "
        elif kind == "comment":
            if same_line and not text.strip():
                statements[-1][1] = piece.group().lstrip("/").strip()
        elif kind == "end" and depth == 0:
            statements.append([text, ""])
            text, same_line = "", True
        else:
            depth += {"open": 1, "close": -1}.get(kind, 0)
            same_line = same_line and kind != "line"
            # A value of several lines is shown as one.
            text = text.rstrip() + " " if kind == "line" else text + _without_indent(piece, text)
    if text.strip():
        statements.append([text, ""])
    return statements


def _without_indent(piece, before):
    return piece.group().lstrip() if piece.lastgroup == "other" and before.endswith(" ") else piece.group()


def _end_of_block(source, at):
    depth = 1
    while depth:
        mark = re.compile(r"/\*|\*/").search(source, at)
        if not mark:
            return len(source)
        depth += 1 if mark.group() == "/*" else -1
        at = mark.end()
    return at
