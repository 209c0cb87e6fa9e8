"""How many code cells of the notebooks `saddle test` does not compare beyond the verdicts of their checks.

    python tests/notebooks/compared.py [NOTEBOOK …]

A cell counts when it is tagged `nbval-ignore-output` or `nbval-skip`, has outputs, and neither a tolerance of its own for what it prints nor a
similarity or a look for what it draws.
"""

import json
import re
import sys
from pathlib import Path

LIMITS = re.compile(r"saddle-(tolerance|similarity|look)-", re.IGNORECASE)
COMMENT = re.compile(r"^\s*(?://|#)\s*((?:NBVAL|SADDLE)_[A-Z_]+(?: [0-9.]+)?)\s*$", re.MULTILINE)


def markers(cell):
    comments = COMMENT.findall("".join(cell["source"]))
    return cell["metadata"].get("tags", []) + [c.lower().replace("_", "-").replace(" ", "-") for c in comments]


def draws(cell):
    return any(mime.startswith("image/") for output in cell["outputs"] for mime in output.get("data", {}))


def shows(cell):
    """Whether anything stands below the cell but a bar of progress, which leaves an empty output."""
    return any("text" in output or any(output.get("data", {}).values()) for output in cell["outputs"])


def only_verdicts(cell):
    """Whether of this cell's outputs nothing but the verdicts of its checks is compared."""
    found = markers(cell)
    if not ({"nbval-skip", "nbval-ignore-output"} & set(found)) or not shows(cell):
        return False
    kinds = {match[1] for match in map(LIMITS.match, found) if match}
    by_look = {"similarity", "look"} & kinds and draws(cell)
    return not by_look and "tolerance" not in kinds


def count(paths):
    """For each notebook how many code cells it has, and the places of those of which only verdicts are compared."""
    for path in paths:
        code = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
        yield path, len(code), [place for place, cell in enumerate(code, 1) if only_verdicts(cell)]


def main():
    folder = Path(__file__).resolve().parents[2] / "notebooks"
    total = unseen = 0
    for path, cells, places in count([Path(name) for name in sys.argv[1:]] or sorted(folder.glob("*.ipynb"))):
        total, unseen = total + cells, unseen + len(places)
        if places:
            print(f"{path.stem}: {len(places)} of {cells} code cells: {', '.join(f'[{place}]' for place in places)}")
    print(f"only verdicts are compared in {unseen} of {total} code cells, {100 * unseen / total:.0f} %")


if __name__ == "__main__":
    main()
