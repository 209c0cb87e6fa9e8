"""How long the kernel takes to start and to answer a trivial cell, beside ipykernel.

Run it in an environment that holds jupyter_client, ipykernel and the kernelspec `saddle`:

    python benches/kernel_latency.py [--starts 11] [--cells 300]

Both kernels are measured in turn, pair by pair, so that a busy moment of the machine hits both; the figures are medians.

* start: from `start_kernel()` to the reply to the first `kernel_info_request`. (`wait_for_ready` adds 0.2 s of its own.)
* first: from `start_kernel()` to the reply of a first cell, sent right behind that request.
* cell: from sending `1 + 1` to having both its reply and its `idle`.
* complete: from Tab to the reply while an endless loop runs (ipykernel answers no Tab then).
* interrupt: from sending the interrupt to the reply of an endless loop.
"""

import argparse
import statistics
import time

from jupyter_client.manager import KernelManager

WHAT = ("start", "first", "cell", "complete", "interrupt")
LOOPS = {"saddle": "loop {}", "python3": "while True: pass"}


def start(name):
    begin = time.perf_counter()
    manager = KernelManager(kernel_name=name)
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    requests = client.kernel_info(), client.execute("1 + 1")
    took = []
    for msg_id in requests:
        reply(client, msg_id)
        took.append(time.perf_counter() - begin)
    client.wait_for_ready(timeout=30)
    return manager, client, took


def reply(client, msg_id):
    while client.get_shell_msg(timeout=30)["parent_header"].get("msg_id") != msg_id:
        pass


def cell(client, code="1 + 1"):
    start = time.perf_counter()
    msg_id = client.execute(code)
    reply(client, msg_id)
    while True:
        message = client.get_iopub_msg(timeout=30)
        if message["parent_header"].get("msg_id") == msg_id and message["content"].get("execution_state") == "idle":
            return time.perf_counter() - start


def loop(manager, client, name):
    """How long Tab takes while a loop runs, and the loop's interrupt."""
    msg_id = client.execute(LOOPS[name])
    while client.get_iopub_msg(timeout=30)["msg_type"] != "execute_input":
        pass
    time.sleep(0.05)
    start = time.perf_counter()
    if name == "saddle":
        reply(client, client.complete("lins", 4))
    completed = time.perf_counter()
    manager.interrupt_kernel()
    reply(client, msg_id)
    return completed - start, time.perf_counter() - completed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=11)
    parser.add_argument("--cells", type=int, default=300)
    options = parser.parse_args()
    times = {(name, what): [] for name in LOOPS for what in WHAT}

    kernels = {}
    for _ in range(options.starts):
        for name in LOOPS:
            manager, client, took = start(name)
            times[name, "start"].append(took[0])
            times[name, "first"].append(took[1])
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
            completed, interrupted = loop(manager, client, name)
            times[name, "complete"].append(completed)
            times[name, "interrupt"].append(interrupted)
    for manager, client in kernels.values():
        client.stop_channels()
        manager.shutdown_kernel(now=True)

    print(f"{'median, ms':<12}{'saddle':>10}{'ipykernel':>12}{'ratio':>8}")
    for what in WHAT:
        ours, theirs = (statistics.median(times[name, what]) * 1e3 for name in LOOPS)
        if what == "complete":
            print(f"{what:<12}{ours:>10.2f}{'–':>12}")
        else:
            print(f"{what:<12}{ours:>10.2f}{theirs:>12.2f}{ours / theirs:>8.2f}")


if __name__ == "__main__":
    main()
