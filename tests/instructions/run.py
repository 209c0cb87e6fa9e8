"""How many instructions a few kernels and a training step take, beside what is written in `expected.json`.

A regression guard that does not measure time: the same program takes the same number of instructions on a busy machine as
on an idle one. Each case is a loop in the language that runs under callgrind twice, with few and with many rounds; the
difference is what the rounds take. Callgrind's processor has AVX2 and no AVX-512, so these are the AVX2 kernels.

    python3 tests/instructions/run.py SADDLE            compares; exit status 1 if a case is more than 10 % off either way
    python3 tests/instructions/run.py SADDLE --update   writes what it finds

Prints one line a case, and `N passed, N failed` last.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

EXPECTED = Path(__file__).with_name("expected.json")
TOLERANCE = 0.10

# name: (before the loop, one round, rounds)
CASES = {
    "matmul 128 × 256 × 128": ("let a = randn([128, 256]); let b = randn([256, 128]);", "a @ b;", 20),
    "linear 64 × 256 → 256": ("let f = linear(256, 256); let x = randn([64, 256]);", "f(x);", 20),
    "conv2d 8 × 16 × 14 × 14 → 32": (
        "let f = conv2d(16, 32, 4, #{ stride: 2, padding: 1 }); let x = randn([8, 16, 14, 14]);",
        "f(x);",
        20,
    ),
    "exp of 65,536": ("let x = randn([65536]);", "exp(x);", 20),
    "randn of 65,536": ("", "randn([65536]);", 20),
    "sum of 512 × 128 along 0": ("let x = randn([512, 128]);", "sum(x, #{ dim: 0 });", 20),
    "a step of tiny": (
        """
        let data = gaussian(4, 0.5);
        let G = sequential([linear(1, 16), relu(), linear(16, 1)]);
        let D = sequential([linear(1, 16), relu(), linear(16, 1)]);
        let opt_G = sgd(G, #{ lr: 0.01, momentum: 0.5 });
        let opt_D = sgd(D, #{ lr: 0.01, momentum: 0.5 });
        """,
        """
        let x = data.sample(128);
        let x_fake = detach(G(randn([128, 1])));
        opt_D.descend((bce_with_logits(D(x), 1) + bce_with_logits(D(x_fake), 0)) / 2);
        opt_G.descend(bce_with_logits(D(G(randn([128, 1]))), 1));
        """,
        100,
    ),
}


def collected(saddle, script):
    """Instructions of the process that runs the cells of a script which prints `done` at its end and then waits."""
    for old in script.parent.glob("counts.*"):
        old.unlink()
    valgrind = f"valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file={script.parent}/counts.%p"
    environment = {**os.environ, "SADDLE_THREADS": "1", "SADDLE_HISTORY": "off", "SADDLE_WORKER_UNDER": valgrind}
    command = [saddle, "run", script]
    # `saddle run` kills that process at its end; callgrind counts to the end of one that is asked to end.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as run:
        said = []
        for line in run.stdout:
            said.append(line)
            if line.strip() == "done":
                [log] = script.parent.glob("counts.*")
                os.kill(int(log.suffix[1:]), signal.SIGTERM)
    logs = "".join(log.read_text() for log in script.parent.glob("counts.*"))
    found = re.search(r"Collected : (\d+)", logs)
    if "done\n" not in said or not found:
        sys.exit(f"failed: {' '.join(map(str, command))}\n{''.join(said)}{logs}")
    return int(found[1])


def measure(saddle, case, folder):
    """Instructions of one round."""
    before, body, rounds = case
    folder.mkdir()
    script = folder / "case.rhai"

    def total(times):
        script.write_text(f"seed(0);\n{before}\nfor i in 0..{times} {{ {body} }}\nprint(`done`);\nsleep(600);\n")
        return collected(saddle, script)

    few = 3
    return (total(few + rounds) - total(few)) // rounds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("saddle", help="the binary")
    parser.add_argument("--update", action="store_true", help="write what is found")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = pool.map(lambda at: measure(options.saddle, at[1], Path(folder) / str(at[0])), enumerate(CASES.values()))
        found = dict(zip(CASES, counts))
    if options.update:
        EXPECTED.write_text(json.dumps(found, indent=4, ensure_ascii=False) + "\n")
        return
    expected = json.loads(EXPECTED.read_text())
    failed = 0
    for name, count in found.items():
        change = count / expected[name] - 1
        right = abs(change) <= TOLERANCE
        failed += not right
        print(f"{'ok' if right else 'FAILED':<8}{name:<32}{count:>12,} instructions, {change:+.1%}")
    if failed:
        print("a change that is meant goes into expected.json: python3 tests/instructions/run.py SADDLE --update")
    print(f"{len(found) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
