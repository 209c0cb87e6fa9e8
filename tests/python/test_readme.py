"""What the README shows works."""

import re

from conftest import ROOT


def test_the_first_cell_runs(saddle):
    cell = re.search(r"```rhai\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL).group(1)
    assert "1..=2000" in cell, "shortened here to a tenth"
    (saddle.folder / "cell.rhai").write_text(cell.replace("1..=2000", "1..=200"))
    done = saddle("run", "cell.rhai")
    assert done.returncode == 0, done.stderr
    assert "grid" in done.stdout


def test_every_command_it_names_exists(saddle):
    listed = saddle("--help").stdout
    for command in re.findall(r"`saddle ([a-z-]+)", (ROOT / "README.md").read_text()):
        assert re.search(rf"^  {command} ", listed, re.MULTILINE), command
