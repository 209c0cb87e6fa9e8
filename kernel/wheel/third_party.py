"""Writes the licences of all that is linked into our programs: `python third_party.py TARGET [CARGO-OPTIONS…] >THIRD-PARTY.txt`.

The crates are those that `cargo metadata` resolves for the target, from the workspace's members along their ordinary
dependencies: what only builds or tests is not linked in, but for crates that bring another library's sources. The texts are those
in the crates' own folders, each printed once. A crate without one is given the standard text of its licence, from our own files
with its authors' names, or from another crate where the text names nobody; where there is none of those, nothing is written and
the exit status is 1.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LICENCE_FILE = re.compile(r"(licen[cs]e|copying|copyright|unlicense|notice)([-._].*)?", re.IGNORECASE)
NO_TEXT = {".rs", ".toml", ".py", ".json", ".sh"}
# Build scripts that compile and link the sources of a library that they bring.
BRINGS_SOURCES = re.compile(r".*-src")
NAMES_NOBODY = {"MPL-2.0", "BSL-1.0", "CC0-1.0", "Unlicense"}
OTHERS = """\
The Rust standard library: MIT OR Apache-2.0, https://github.com/rust-lang/rust
libzmq, whose sources zeromq-src brings: LGPL-3.0 with an exception for programs that are linked with it statically,
  https://github.com/zeromq/libzmq; its texts stand with zeromq-src below
The C++ standard library of LLVM (libc++, libc++abi, libunwind): Apache-2.0 WITH LLVM-exception, https://llvm.org
The digits of digits(): E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository,
  1998, https://doi.org/10.24432/C50P49, CC-BY-4.0. The pixels are divided by 16.
The digits of mnist_5000() and of notebooks/files: Y. LeCun and C. Cortes, The MNIST database of handwritten digits,
  http://yann.lecun.com/exdb/mnist/, CC-BY-SA-3.0 (https://creativecommons.org/licenses/by-sa/3.0/). Of the training part the first 500
  of each class, in their order; the program divides the pixels by 255.
"""


def metadata(target, options):
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target, *options]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def linked(metadata):
    """The foreign packages that are linked in, in order."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    waiting, seen = list(metadata["workspace_members"]), set()
    while waiting:
        package = waiting.pop()
        if package in seen:
            continue
        seen.add(package)
        for dependency in nodes[package]["deps"]:
            kinds = {kind["kind"] for kind in dependency["dep_kinds"]}
            name = packages[dependency["pkg"]]["name"]
            if None in kinds or ("build" in kinds and BRINGS_SOURCES.fullmatch(name)):
                waiting.append(dependency["pkg"])
    foreign = (packages[package] for package in seen - set(metadata["workspace_members"]))
    return sorted(filter(is_library, foreign), key=lambda package: (package["name"].lower(), package["version"]))


def is_library(package):
    """A macro runs in the compiler."""
    return not any("proc-macro" in target["kind"] for target in package["targets"])


def expression(package):
    """The licence as SPDX writes it; the slash is how cargo wrote OR in its first years."""
    return re.sub(r"\s*/\s*", " OR ", package["license"] or "see its text")


def texts(package):
    """The texts in the package's folder, and in those of the libraries it brings."""
    folder = Path(package["manifest_path"]).parent
    named = [folder / package["license_file"]] if package["license_file"] else []
    found = [path for path in folder.rglob("*") if LICENCE_FILE.fullmatch(path.name) and path.suffix not in NO_TEXT]
    files = sorted({path.resolve() for path in named + found if path.is_file()})
    return [path.read_text(errors="replace").strip() for path in files]


def standard_text(package, packages):
    """The text that the licence's name stands for, where a package has left it out."""
    authors = ", ".join(package["authors"]) or f"the authors of {package['name']}"
    licence = expression(package)
    if "Apache-2.0" in licence:
        return (ROOT / "LICENSE-APACHE").read_text().strip()
    if licence == "MIT":
        lines = (ROOT / "LICENSE-MIT").read_text().strip().splitlines()
        return "\n".join(f"Copyright (c) {authors}" if line.startswith("Copyright") else line for line in lines)
    if licence in NAMES_NOBODY:
        return next((own[0] for other in packages if expression(other) == licence and (own := texts(other))), None)
    return None


def main(target, *options):
    resolved = metadata(target, options)
    packages = linked(resolved)
    by_text, without = defaultdict(list), []
    for package in packages:
        name = f"{package['name']} {package['version']}"
        own = texts(package) or list(filter(None, [standard_text(package, resolved["packages"])]))
        if not own:
            without.append(f"{name} ({expression(package)})")
        for text in own:
            by_text[text].append(name)
    if without:
        sys.exit(f"third_party: no licence text for {', '.join(without)}")
    print("What is linked into the programs of Saddlepoint, with its licences.\n")
    for package in packages:
        source = package["repository"] or package["homepage"] or f"https://crates.io/crates/{package['name']}"
        print(f"{package['name']} {package['version']}: {expression(package)}, {source}")
    print(f"\n{OTHERS}")
    for text, names in sorted(by_text.items(), key=lambda item: item[1]):
        print(f"{'=' * 100}\n{', '.join(names)}\n{'-' * 100}\n{text}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
