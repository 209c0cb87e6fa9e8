"""How long the kernel takes to start and to answer, beside ipykernel.

Run it in an environment that holds jupyter_client, ipykernel and the kernelspec `saddle`:

    python benches/kernel_latency.py [--starts 11] [--cells 300]

Both kernels are measured in turn, pair by pair, so that a busy moment of the machine hits both; the figures are medians.

* start: from `start_kernel()` to the reply to the first `kernel_info_request`. (`wait_for_ready` adds 0.2 s of its own.)
* cell: from sending `1 + 1` to having both its reply and its `idle`.
* interrupt: from sending the interrupt to the reply of an endless loop.
* Tab while busy: from sending a `complete_request` to its reply while a cell multiplies matrices on every core. ipykernel
  answers only when its cell has ended, so it has no figure.
* 64 images: from sending the cell that shows a grid of 64 images of 28×28 pixels, which exist already, to its
  `display_data`. (Here ipykernel would measure matplotlib, which is not installed.)
"""

import argparse
import statistics
import time

from jupyter_client.manager import KernelManager

LOOPS = {"saddle": "loop {}", "python3": "while True: pass"}
# What is measured, with its goal in milliseconds.
GOALS = {"start": 400, "cell": 2, "interrupt": 100, "Tab while busy": 20, "64 images": 10}
BUSY = "let a = randn([512, 512]); loop { matmul(a, a); }"
IMAGES = "let images = rand([64, 1, 28, 28]);"
WARM_UP = 10


def start(name):
    begin = time.perf_counter()
    manager = KernelManager(kernel_name=name)
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    reply_to(client, client.kernel_info())
    took = time.perf_counter() - begin
    client.wait_for_ready(timeout=30)
    return manager, client, took


def reply_to(client, msg_id):
    while client.get_shell_msg(timeout=30)["parent_header"].get("msg_id") != msg_id:
        pass


def broadcast_for(client, msg_id, wanted):
    while True:
        message = client.get_iopub_msg(timeout=30)
        if message["parent_header"].get("msg_id") == msg_id and wanted(message):
            return


def is_idle(message):
    return message["content"].get("execution_state") == "idle"


def is_display(message):
    return message["msg_type"] == "display_data"


def cell(client, code="1 + 1"):
    begin = time.perf_counter()
    msg_id = client.execute(code)
    reply_to(client, msg_id)
    broadcast_for(client, msg_id, is_idle)
    return time.perf_counter() - begin


def running(client, code):
    """Starts a cell that does not end; its message."""
    msg_id = client.execute(code)
    broadcast_for(client, msg_id, lambda message: message["msg_type"] == "execute_input")
    time.sleep(0.05)
    return msg_id


def interrupt(manager, client, code):
    msg_id = running(client, code)
    begin = time.perf_counter()
    manager.interrupt_kernel()
    reply_to(client, msg_id)
    return time.perf_counter() - begin


def complete_while_busy(manager, client, times):
    busy = running(client, BUSY)
    took = []
    for _ in range(times + WARM_UP):
        begin = time.perf_counter()
        reply_to(client, client.complete("linsp", 5))
        took.append(time.perf_counter() - begin)
        # As fast as a quick typist, and the cell has the machine for itself in between.
        time.sleep(0.03)
    manager.interrupt_kernel()
    reply_to(client, busy)
    return took[WARM_UP:]


def grid(client, times):
    cell(client, IMAGES)
    took = []
    for _ in range(times + WARM_UP):
        begin = time.perf_counter()
        msg_id = client.execute("show_grid(images)")
        broadcast_for(client, msg_id, is_display)
        took.append(time.perf_counter() - begin)
        reply_to(client, msg_id)
        broadcast_for(client, msg_id, is_idle)
    return took[WARM_UP:]


def measure(options):
    """Seconds, by kernel and by what was measured."""
    times = {(name, what): [] for name in LOOPS for what in GOALS}
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
    for turn in range(options.cells + WARM_UP):
        for name, (_, client) in kernels.items():
            took = cell(client)
            if turn >= WARM_UP:
                times[name, "cell"].append(took)
    for _ in range(options.starts):
        for name, (manager, client) in kernels.items():
            times[name, "interrupt"].append(interrupt(manager, client, LOOPS[name]))
    manager, client = kernels["saddle"]
    times["saddle", "Tab while busy"] = complete_while_busy(manager, client, options.cells // 3)
    times["saddle", "64 images"] = grid(client, options.cells // 3)
    for manager, client in kernels.values():
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=11)
    parser.add_argument("--cells", type=int, default=300)
    times = measure(parser.parse_args())

    print(f"{'median, ms':<16}{'saddle':>10}{'ipykernel':>12}{'ratio':>8}{'goal':>8}")
    for what, goal in GOALS.items():
        ours, theirs = (statistics.median(times[name, what] or [float("nan")]) * 1e3 for name in LOOPS)
        beside = f"{theirs:>12.2f}{ours / theirs:>8.2f}" if times["python3", what] else f"{'–':>12}{'–':>8}"
        print(f"{what:<16}{ours:>10.2f}{beside}{goal:>8}{'' if ours <= goal else '  missed'}")


if __name__ == "__main__":
    main()
