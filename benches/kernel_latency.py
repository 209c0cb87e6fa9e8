"""How long the kernel takes to start and to answer a trivial cell, beside ipykernel.

Run it in an environment that holds jupyter_client, ipykernel and the kernelspec `saddle`:

    python benches/kernel_latency.py [--starts 11] [--cells 300]

Both kernels are measured in turn, pair by pair, so that a busy moment of the machine hits both; the figures are medians.

* start: from `start_kernel()` to the reply to the first `kernel_info_request`. (`wait_for_ready` adds 0.2 s of its own.)
* cell: from sending `1 + 1` to having both its reply and its `idle`.
* interrupt: from sending the interrupt to the reply of an endless loop.
"""

import argparse
import statistics
import time

from jupyter_client.manager import KernelManager

LOOPS = {"saddle": "loop {}", "python3": "while True: pass"}


def start(name):
    begin = time.perf_counter()
    manager = KernelManager(kernel_name=name)
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    msg_id = client.kernel_info()
    while client.get_shell_msg(timeout=30)["parent_header"].get("msg_id") != msg_id:
        pass
    took = time.perf_counter() - begin
    client.wait_for_ready(timeout=30)
    return manager, client, took


def cell(client, code="1 + 1"):
    start = time.perf_counter()
    msg_id = client.execute(code)
    while client.get_shell_msg(timeout=30)["parent_header"].get("msg_id") != msg_id:
        pass
    while True:
        message = client.get_iopub_msg(timeout=30)
        if message["parent_header"].get("msg_id") == msg_id and message["content"].get("execution_state") == "idle":
            return time.perf_counter() - start


def interrupt(manager, client, name):
    msg_id = client.execute(LOOPS[name])
    while client.get_iopub_msg(timeout=30)["msg_type"] != "execute_input":
        pass
    time.sleep(0.05)
    start = time.perf_counter()
    manager.interrupt_kernel()
    while client.get_shell_msg(timeout=30)["parent_header"].get("msg_id") != msg_id:
        pass
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=11)
    parser.add_argument("--cells", type=int, default=300)
    options = parser.parse_args()
    times = {(name, what): [] for name in LOOPS for what in ("start", "cell", "interrupt")}

    kernels = {}
    for _ in range(options.starts):
        for name in LOOPS:
            manager, client, took = start(name)
            times[name, "start"].append(took)
            if name in kernels:
                client.stop_channels()
                manager.shutdown_kernel(now=True)
            else:
                kernels[name] = (manager, client)

    for warm_up in range(options.cells + 10):
        for name, (_, client) in kernels.items():
            took = cell(client)
            if warm_up >= 10:
                times[name, "cell"].append(took)
    for _ in range(options.starts):
        for name, (manager, client) in kernels.items():
            times[name, "interrupt"].append(interrupt(manager, client, name))
    for manager, client in kernels.values():
        client.stop_channels()
        manager.shutdown_kernel(now=True)

    print(f"{'median, ms':<12}{'saddle':>10}{'ipykernel':>12}{'ratio':>8}")
    for what in ("start", "cell", "interrupt"):
        ours, theirs = (statistics.median(times[name, what]) * 1e3 for name in LOOPS)
        print(f"{what:<12}{ours:>10.2f}{theirs:>12.2f}{ours / theirs:>8.2f}")


if __name__ == "__main__":
    main()
