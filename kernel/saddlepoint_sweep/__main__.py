"""Hands out the runs of a sweep to Dask or Ray. `saddle sweep --on dask://…` and `--on ray` run this with `python3 -c`.

Arguments: engine, address, the program `saddle`, the sweep's folder, how many runs at a time (0: as many as the cluster gives), threads of
each run, and the numbers of the runs. Prints `run N` for each run that has ended, with what its process died of behind it.
"""

import os
import subprocess
import sys

# In a run's folder: a worker has taken it.
BEGUN = "begun"


def run_one(program, folder, number, threads):
    """One run, on a worker: nothing, or of what its process has died. Its outcome is in the sweep's folder."""
    place = os.path.join(folder, "runs", f"{number:04}")
    log = os.path.join(place, "log")
    try:
        os.close(os.open(os.path.join(place, BEGUN), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        # Dask gives the tasks of a dead worker to others.
        return "its worker was lost"
    with open(log, "w") as errors:
        status = subprocess.run(
            [program, "sweep-run", folder, str(number)],
            env={**os.environ, "SADDLE_THREADS": str(threads)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            preexec_fn=tied(),
        ).returncode
    if status < 0:
        return f"its process was killed by signal {-status}"
    if status == 2:
        with open(log) as errors:
            said = [line.strip() for line in errors if line.strip() and not line.startswith("hint:")]
        return said[-1] if said else "it could not be carried out"
    return ""


def tied():
    """What a process does first so that it ends with its worker, also when that is killed: a run that nobody waits for would disturb its
    repetition. Nothing where the system has no way.
    """
    if sys.platform != "linux":
        return None
    import ctypes
    import signal

    # Imported and looked up here: between fork and exec nothing may wait for another thread.
    prctl, pr_set_pdeathsig, end = ctypes.CDLL(None).prctl, 1, int(signal.SIGTERM)
    return lambda: prctl(pr_set_pdeathsig, end)


def tell(number, death):
    print(f"run {number} {' '.join(str(death).split())}".rstrip(), flush=True)


def on_dask(address, program, folder, jobs, threads, numbers):
    from distributed import Client, as_completed

    try:
        client = Client(address, timeout=10)
    except (OSError, TimeoutError) as error:
        sys.exit(f"no cluster: {error}")

    def submit(number):
        # The sweep itself repeats what is lost, so that all engines do the same.
        return client.submit(run_one, program, folder, number, threads, key=f"saddle-{folder}-{number}", pure=False, retries=0)

    waiting = list(numbers)
    first = len(waiting) if jobs == 0 else jobs
    futures = {submit(number): number for number in waiting[:first]}
    waiting = waiting[first:]
    done = as_completed(list(futures))
    for future in done:
        number = futures.pop(future)
        try:
            death = future.result()
        except Exception as error:
            death = f"its Dask worker failed: {error!r}"
        tell(number, death)
        future.release()
        if waiting:
            number = waiting.pop(0)
            future = submit(number)
            futures[future] = number
            done.add(future)
    client.close()


def on_ray(address, program, folder, jobs, threads, numbers):
    import ray

    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        sys.exit(f"no cluster: {' '.join(str(error).split())}")
    remote = ray.remote(num_cpus=threads, max_retries=0)(run_one)
    waiting = list(numbers)
    first = len(waiting) if jobs == 0 else jobs
    running = {remote.remote(program, folder, number, threads): number for number in waiting[:first]}
    waiting = waiting[first:]
    while running:
        (ended,), _ = ray.wait(list(running), num_returns=1)
        number = running.pop(ended)
        try:
            death = ray.get(ended)
        except Exception as error:
            death = f"its Ray worker failed: {type(error).__name__}"
        tell(number, death)
        if waiting:
            number = waiting.pop(0)
            running[remote.remote(program, folder, number, threads)] = number
    ray.shutdown()


if __name__ == "__main__":
    engine, address, program, folder, jobs, threads, *numbers = sys.argv[1:]
    numbers = [int(number) for number in numbers]
    for number in numbers:
        try:
            os.unlink(os.path.join(folder, "runs", f"{number:04}", BEGUN))
        except FileNotFoundError:
            pass
    start = {"dask": on_dask, "ray": on_ray}[engine]
    start(address, program, folder, int(jobs), int(threads), numbers)
