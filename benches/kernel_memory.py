"""What becomes of the kernel's memory while a cell that makes a 10 MB tensor is run again and again.

Run by `benches/run memory`, or in an environment that holds jupyter_client and the kernelspec `saddle`:

    python benches/kernel_memory.py [--runs 1000] [--settled 10]

Printed: the resident memory of the kernel, with the processes that it has started, after the first runs and after the
last, and by how much it has grown.
"""

import argparse
from pathlib import Path

from jupyter_client.manager import KernelManager

CELL = "let t = randn([2500, 1000]); t.mean()"


def processes(pid):
    """The process and all that it has started."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(p for c in children for child in c.read_text().split() for p in processes(int(child)))]


def resident(pid):
    """MB."""
    fields = (Path(f"/proc/{p}/status").read_text().split("VmRSS:")[1].split()[0] for p in processes(pid))
    return sum(map(int, fields)) / 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--settled", type=int, default=10)
    options = parser.parse_args()
    manager = KernelManager(kernel_name="saddle")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=30)
    pid = manager.provisioner.pid
    try:
        for run in range(1, options.runs + 1):
            reply = client.execute_interactive(CELL, output_hook=lambda message: None, timeout=60)
            assert reply["content"]["status"] == "ok", reply["content"]
            if run == options.settled:
                settled = resident(pid)
        last = resident(pid)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    print(f"after {options.settled} runs  {settled:8.1f} MB")
    print(f"after {options.runs} runs  {last:8.1f} MB  ({100 * (last / settled - 1):+.1f} %)")


if __name__ == "__main__":
    main()
