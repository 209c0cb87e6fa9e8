"""What a cell that is run again and again holds: no more after many runs than after a few, and after `%reset` nothing."""

import time

import psutil
import pytest

MB = 1e6
# What a cell leaves once, such as its text in the history, and how exactly memory can be measured.
SLACK = 4 * MB

# Buffers of 1 to 64 MB alone, and of several sizes together with layers and gradients.
CELLS = {
    "1 MB": "let big = randn([512, 512]); let y = big * 2;",
    "10 MB": "let big = randn([1600, 1600]); let y = big + 1;",
    "16 MB": "let big = randn([2000, 2000]); let net = sequential([linear(2000, 64)]); let y = net(big);",
    # The cell that was reported: its memory grew with each run, from 56 to 2,271 MB in 200.
    "16 MB, a layer of 16 MB": "let big = randn([2000, 2000]); let net = sequential([linear(2000, 2000)]); let y = net(big);",
    "64 MB": "let big = zeros([4000, 4000]); let y = big + 1;",
    "mixed": """
        let a = zeros([512, 512]); let b = zeros([1600, 1600]); let c = zeros([3000, 3000]);
        let net = sequential([linear(512, 512), relu(), linear(512, 512)]);
        let loss = mean(net(a + 1) ** 2); let g = grad(loss, net); let d = [a * 2, b + 1, c - 1];
    """,
}


def held(kernel):
    """The memory of the kernel's process and its worker."""
    parent = psutil.Process(kernel.manager.provisioner.pid)
    return sum(process.memory_info().rss for process in [parent, *parent.children(recursive=True)])


def run(kernel, code, times):
    for _ in range(times):
        reply, _ = kernel.run(code, store_history=False)
        assert reply["status"] == "ok", reply


@pytest.mark.parametrize("size", CELLS)
def test_a_cell_that_is_run_again_holds_no_more(kernel, size):
    run(kernel, "1", 3)
    empty = held(kernel)
    run(kernel, CELLS[size], 10)
    after_ten = held(kernel)
    run(kernel, CELLS[size], 60)
    assert held(kernel) < after_ten * 1.05 + SLACK, "memory grows with each run"
    kernel.run("%reset")
    end = time.monotonic() + 1
    while held(kernel) > empty + 16 * MB:
        assert time.monotonic() < end, f"{(held(kernel) - empty) / MB:.0f} MB are not given back a second after %reset"
        time.sleep(0.05)
