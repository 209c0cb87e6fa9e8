"""Slurm with munge on one node, as Debian has both."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from namespaces import free_port

MISSING = [name for name in ["munged", "slurmctld", "slurmd"] if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"there is no {' '.join(MISSING)} (apt install slurm-wlm munge)"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may start slurmd"),
]

CONF = """ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld}
SlurmdPort={slurmd}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
JobAcctGatherType=jobacct_gather/none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=512 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class Cluster:
    def __init__(self, folder):
        self.folder = folder
        for name in ["state", "spool"]:
            (folder / name).mkdir()
        host = socket.gethostname().split(".")[0]
        conf = folder / "slurm.conf"
        conf.write_text(
            CONF.format(host=host, folder=folder, ctld=free_port(), slurmd=free_port(), cores=os.cpu_count())
        )
        key = folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        self.env = {**os.environ, "SLURM_CONF": str(conf), "PATH": f"{os.environ['PATH']}:/usr/sbin"}
        self.running = {}
        # `--force`: the folders of tests are writable by more than munge likes.
        self.start(
            "munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket",
            f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed",
        )
        self.wait(lambda: (folder / "munge.socket").exists(), "munged")
        self.start("slurmctld", "-D", "-f", str(conf))
        self.start("slurmd", "-D", "-f", str(conf), "-N", host)
        self.wait(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T"), "an idle node")

    def start(self, name, *arguments):
        log = open(self.folder / f"{name}.out", "w")
        self.running[name] = subprocess.Popen([name, *arguments], env=self.env, stdout=log, stderr=log)

    def stop(self, name):
        daemon = self.running.pop(name)
        daemon.send_signal(signal.SIGTERM)
        try:
            daemon.wait(10)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def ask(self, *command):
        return subprocess.run(command, env=self.env, capture_output=True, text=True).stdout

    def wait(self, ready, what):
        deadline = time.monotonic() + 60
        while not ready():
            if time.monotonic() > deadline:
                logs = "\n".join(path.read_text()[-1500:] for path in Path(self.folder).glob("*.log"))
                raise AssertionError(f"Slurm does not come up: {what} is missing\n{logs}")
            time.sleep(0.2)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slurm")
    folder.chmod(0o755)
    cluster = Cluster(folder)
    yield cluster
    for name in ["slurmd", "slurmctld", "munged"]:
        if name in cluster.running:
            cluster.stop(name)


def test_an_array_job_runs_the_grid(saddle, notebook, cluster):
    source = notebook('report("x", seed * seed); check("small", seed, #{ below: 3 });')
    done = saddle("sweep", source, "-p", "seed=0..4", "--on", "slurm", env=cluster.env)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Slurm has 4 runs as job" in done.stdout and "3 of 4 runs are done, 1 failed (4)" in done.stdout
    again = saddle("sweep", source, "-p", "seed=0..4", "--on", "slurm", env=cluster.env)
    assert "4 of 4 runs are done already" in again.stdout


def test_a_cancelled_run_is_queued_once_more_and_then_reported(saddle, notebook, cluster):
    source = notebook("if seed == 1 { while true { sleep(0.05); } }")
    running = saddle.start("sweep", source, "-p", "seed=0,1", "--on", "slurm", env=cluster.env)
    for _ in range(2):
        cluster.wait(lambda: "RUNNING" in cluster.ask("squeue", "-h", "-o", "%T") and not cluster.ask("squeue", "-h", "-t", "PD"), "a job")
        time.sleep(3)
        cluster.ask("scancel", "--signal=KILL", "--state=RUNNING", "--user=root")
        cluster.ask("scancel", "--state=RUNNING", "--user=root")
        time.sleep(2)
    out, complaint = running.communicate(timeout=120)
    assert running.returncode == 1, out + complaint
    assert "it is run once more" in out and "that was the second time" in out and "1 of 2 runs are done, 1 lost (2)" in out


def test_what_is_queued_is_waited_for_by_the_next_sweep(saddle, notebook, cluster):
    source = notebook("sleep(6);")
    running = saddle.start("sweep", source, "-p", "seed=0,1", "--on", "slurm", env=cluster.env)
    cluster.wait(lambda: cluster.ask("squeue", "-h"), "a job")
    cluster.wait(lambda: (saddle.folder / "sweep/slurm.jobs").exists(), "the list of jobs")
    running.kill()
    running.communicate()
    again = saddle("sweep", source, "-p", "seed=0,1", "--on", "slurm", env=cluster.env)
    assert again.returncode == 0 and "waiting for job" in again.stdout and "2 of 2 runs are done already" in again.stdout


def test_an_option_that_slurm_refuses_and_a_controller_that_is_down(saddle, notebook, cluster):
    source = notebook("1")
    refused = saddle("sweep", source, "-p", "seed=0", "--on", "slurm", "--sbatch=--partition=none", env=cluster.env)
    assert refused.returncode == 2 and "refused" in refused.stderr and "partition" in refused.stderr
    cluster.stop("slurmctld")
    down = saddle("sweep", source, "-p", "seed=0", "--on", "slurm", env=cluster.env)
    assert down.returncode == 2 and "Slurm's controller does not answer" in down.stderr, down.stderr
