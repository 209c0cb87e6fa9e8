"""What becomes of the kernel's memory while cells that make large tensors are run again and again.

Run by `benches/run memory`, or in an environment that holds jupyter_client and the kernelspec `saddle`:

    python benches/kernel_memory.py [--runs 200] [--settled 10] [--sizes 1,2,4,8,16,32,64,128,200]

For tensors of each size, and for all of them mixed in another order at each run, in a kernel of its own: the resident memory of
the kernel, with the processes that it has started, when it is empty, after the first runs, at its highest after any later run, after the
last, and a second after `%reset`.
"""

import argparse
import time
from pathlib import Path

from jupyter_client.manager import KernelManager


def processes(pid):
    """The process and all that it has started."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(p for c in children for child in c.read_text().split() for p in processes(int(child)))]


def resident(pid):
    """MB."""
    fields = (Path(f"/proc/{p}/status").read_text().split("VmRSS:")[1].split()[0] for p in processes(pid))
    return sum(map(int, fields)) / 1000


def cell(sizes):
    """A cell that makes tensors of these sizes in MB, computes with them, and takes a gradient of some of them."""
    lines = ["let all = [];"]
    for i, size in enumerate(sizes):
        rows = int(size * 250)
        lines.append(f"let t{i} = full([{rows}, 1000], 0.5); let u{i} = t{i} * 2; all.push(t{i} + u{i});")
    last = len(sizes) - 1
    lines.append(f"let net = linear(1000, 8); let y = mean(net(t{last}) ** 2); let g = grad(y, net);")
    return "\n".join(lines)


def curve(cells, runs, settled):
    """Empty, after `settled` runs, the highest after that, after the last, a second after `%reset`, in MB."""
    manager = KernelManager(kernel_name="saddle")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)
    pid = manager.provisioner.pid

    def run(code):
        reply = client.execute_interactive(code, output_hook=lambda message: None, timeout=300, store_history=False)
        assert reply["content"]["status"] == "ok", reply["content"]

    try:
        run("1")
        empty, highest, after_settled = resident(pid), 0, 0
        for i in range(1, runs + 1):
            run(cells[i % len(cells)])
            if i == settled:
                after_settled = resident(pid)
            if i >= settled:
                highest = max(highest, resident(pid))
        last = resident(pid)
        run("%reset")
        time.sleep(1)
        return empty, after_settled, highest, last, resident(pid)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--settled", type=int, default=10)
    parser.add_argument("--sizes", default="1,2,4,8,16,32,64,128,200")
    options = parser.parse_args()
    sizes = [float(size) for size in options.sizes.split(",")]
    turned = [sizes[i:] + sizes[:i] for i in range(len(sizes))]
    cases = [(f"{size:g}", [cell([size])]) for size in sizes]
    # In another order at each run, each order again after as many runs.
    cases.append(("mixed", [cell(order) for order in turned + [order[::-1] for order in turned]]))
    print(f"{'MB':>6}  {'empty':>8}  {f'after {options.settled}':>9}  {'highest':>8}  {f'after {options.runs}':>9}  {'grown':>7}  {'reset':>8}")
    for name, cells in cases:
        empty, first, highest, last, reset = curve(cells, options.runs, options.settled)
        grown = 100 * (last / first - 1)
        print(f"{name:>6}  {empty:8.1f}  {first:9.1f}  {highest:8.1f}  {last:9.1f}  {grown:+6.1f}%  {reset:8.1f}", flush=True)


if __name__ == "__main__":
    main()
