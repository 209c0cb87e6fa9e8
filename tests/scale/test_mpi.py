"""Data-parallel training on Open MPI: against one process with the whole batch, and when a rank dies."""

import os
import shutil
import signal
import subprocess
import time

import numpy
import pytest
from safetensors.numpy import load_file

pytestmark = pytest.mark.skipif(not shutil.which("mpirun"), reason="there is no mpirun (apt install openmpi-bin)")

TRAIN = """seed(1);
let data = digits();
let G = sequential([linear(8, 32), relu(), linear(32, 64), sigmoid()]);
let D = sequential([linear(64, 32), leaky_relu(0.2), linear(32, 1)]);
let opt_G = sgd(G, #{ lr: 0.05, momentum: 0.5 }); let opt_D = sgd(D, #{ lr: 0.05, momentum: 0.5 });
for step in 0..100 {
    let x = data.sample(64);
    let z = shard(randn([64, 8]));
    opt_D.ascend(mean(log_sigmoid(D(x)) + log_sigmoid(-D(G(z)))));
    let z = shard(randn([64, 8]));
    opt_G.ascend(mean(log_sigmoid(D(G(z)))));
}
let agreed = all_reduce(sum(G.params()[0]).item(), #{ op: "max" }) - all_reduce(sum(G.params()[0]).item(), #{ op: "min" });
if rank() == 0 { save(`D-${world()}.safetensors`, D); save(`G-${world()}.safetensors`, G); print(`agreed ${agreed}`); }
"""


def mpirun(saddle, ranks, *arguments, **options):
    command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", str(ranks), saddle.program]
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        cwd=saddle.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A group of its own, so that what is left over can be ended.
        start_new_session=True,
        **options,
    )


def test_four_ranks_are_one_process_with_the_whole_batch(saddle):
    source = saddle.notebook("train.ipynb", TRAIN)
    assert saddle("run", source).returncode == 0
    out, complaint = mpirun(saddle, 4, "run", source, "-o", "out.ipynb").communicate(timeout=300)
    assert (saddle.folder / "out.ipynb").exists(), complaint
    for net in "GD":
        alone, four = (load_file(saddle.folder / f"{net}-{n}.safetensors") for n in (1, 4))
        assert alone.keys() == four.keys() and len(alone) == 4
        for name in alone:
            numpy.testing.assert_allclose(four[name], alone[name], rtol=0, atol=1e-5)
    # A control: ranks that do not exchange (the first time would be after the 1000th step) end up elsewhere.
    source = saddle.notebook("apart.ipynb", "average_every(1000); " + TRAIN)
    apart = mpirun(saddle, 4, "run", source)
    _, complaint = apart.communicate(timeout=300)
    assert apart.returncode == 0, complaint
    other = load_file(saddle.folder / "D-4.safetensors")
    assert max(abs(other[name] - alone[name]).max() for name in alone) > 1e-4


# Two pairs of players in one process, each on its half of the batch; after every fifth step they become their mean.
APART = """seed(1);
let data = digits();
let G = sequential([linear(8, 32), relu(), linear(32, 64), sigmoid()]);
let D = sequential([linear(64, 32), leaky_relu(0.2), linear(32, 1)]);
let Gs = [G, G.copy()]; let Ds = [D, D.copy()];
let made = |nets| nets.map(|net| sgd(net, #{ lr: 0.05, momentum: 0.5 }));
let opt_Gs = made.call(Gs); let opt_Ds = made.call(Ds);
fn agree(nets) {
    let means = [];
    let a = nets[0].params(); let b = nets[1].params();
    for i in 0..a.len() { means.push((a[i] + b[i]) / 2); }
    for net in nets {
        let own = net.params();
        let away = [];
        for i in 0..own.len() { away.push(own[i] - means[i]); }
        sgd(net, #{ lr: 1 }).step(away);
    }
}
for step in 1..=100 {
    let x = data.sample(64); let z = randn([64, 8]);
    for r in 0..2 {
        let D = Ds[r]; let G = Gs[r]; let rows = (32 * r)..(32 * (r + 1));
        opt_Ds[r].ascend(mean(log_sigmoid(D(x[rows])) + log_sigmoid(-D(G(z[rows])))));
    }
    if step % 5 == 0 { agree(Ds); }
    let z = randn([64, 8]);
    for r in 0..2 {
        let D = Ds[r]; let G = Gs[r]; let rows = (32 * r)..(32 * (r + 1));
        opt_Gs[r].ascend(mean(log_sigmoid(D(G(z[rows])))));
    }
    if step % 5 == 0 { agree(Gs); }
}
save("D-apart.safetensors", D); save("G-apart.safetensors", G);
"""


def test_averaging_every_five_steps_is_local_sgd(saddle):
    """What Stich (2019) defines, computed in one process; the ranks agree in the end, since 100 is a multiple of 5."""
    done = saddle("run", saddle.notebook("apart.ipynb", APART))
    assert done.returncode == 0, done.stderr
    found = {}
    for name, first in [("every", ""), ("now and then", "average_every(5); ")]:
        source = saddle.notebook("train.ipynb", first + TRAIN)
        out, complaint = mpirun(saddle, 2, "run", source).communicate(timeout=300)
        assert "agreed 0.0" in out, out + complaint
        found[name] = {net: load_file(saddle.folder / f"{net}-2.safetensors") for net in "GD"}
    for net in "GD":
        expected = load_file(saddle.folder / f"{net}-apart.safetensors")
        for name in expected:
            numpy.testing.assert_allclose(found["now and then"][net][name], expected[name], rtol=0, atol=1e-5)
        # A control: an exchange at each step ends up elsewhere.
        assert max(abs(found["every"][net][name] - expected[name]).max() for name in expected) > 1e-4


def test_batch_norm_over_all_ranks_is_that_of_the_whole_batch(saddle):
    """With a second-order term, so that gradients pass through the exchanged statistics twice."""

    def trained(ranks, options):
        norm = f"batch_norm(32, #{{ {options} }}), "
        code = TRAIN.replace("relu(), linear(32, 64)", norm + "relu(), linear(32, 64)").replace("0..100", "0..50")
        code = code.replace("leaky_relu(0.2), linear(32, 1)", norm + "leaky_relu(0.2), linear(32, 1)")
        code = code.replace("mean(log_sigmoid(D(x)) +", "-0.1 * r1(D, x) + mean(log_sigmoid(D(x)) +")
        source = saddle.notebook("bn.ipynb", code)
        done = mpirun(saddle, ranks, "run", source)
        _, complaint = done.communicate(timeout=300)
        assert done.returncode == 0, complaint
        return load_file(saddle.folder / f"G-{ranks}.safetensors")

    alone, together, apart = trained(1, "sync: true"), trained(4, "sync: true"), trained(4, "sync: false")
    assert any("running_var" in name for name in alone)
    for name in alone:
        numpy.testing.assert_allclose(together[name], alone[name], rtol=0, atol=1e-5)
    # A control: statistics of each rank's own batch are others.
    assert max(abs(apart[name] - alone[name]).max() for name in alone) > 1e-3


def test_only_the_first_rank_shows_what_all_compute(saddle):
    source = saddle.notebook("n.ipynb", 'print(`${world()} ${all_reduce(rank() + 1.0)} ${all_reduce(rank(), #{ op: "max" })}`);')
    running = mpirun(saddle, 3, "run", source)
    out, complaint = running.communicate(timeout=120)
    assert (running.returncode, out) == (0, "3 6.0 2.0\n"), complaint


def test_broadcast_gives_all_the_first_ranks_parameters(saddle):
    code = "seed(rank()); let D = linear(3, 2); broadcast(D); let s = sum(D.params()[0]).item();\n"
    code += 'let spread = all_reduce(s, #{ op: "max" }) - all_reduce(s, #{ op: "min" }); seed(0); let E = linear(3, 2);\n'
    code += "print(`${spread} ${s - sum(E.params()[0]).item()}`);"
    out, complaint = mpirun(saddle, 2, "run", saddle.notebook("n.ipynb", code)).communicate(timeout=120)
    assert out == "0.0 0.0\n", complaint


def workers_under(session):
    """The processes of that session which hold tensors: rank → pid. `mpirun` has begun one of its own, whose number outlives it."""
    found = {}
    for place in os.listdir("/proc"):
        try:
            if not place.isdigit() or "worker" not in open(f"/proc/{place}/cmdline").read().split("\0"):
                continue
            with open(f"/proc/{place}/environ") as text:
                variables = dict(line.split("=", 1) for line in text.read().split("\0") if "=" in line)
            if os.getsid(int(place)) == session:
                found[int(variables["OMPI_COMM_WORLD_RANK"])] = int(place)
        except (OSError, KeyError, ValueError):
            continue
    return found


def test_a_rank_that_dies_ends_all_within_5_s_with_an_error_that_names_it(saddle):
    source = saddle.notebook("n.ipynb", "while true { let s = all_reduce(ones([1000])); }")
    running = mpirun(saddle, 3, "run", source)
    deadline = time.monotonic() + 60
    while len(workers_under(running.pid)) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(2)
    workers = workers_under(running.pid)
    assert sorted(workers) == [0, 1, 2]
    os.kill(workers[1], signal.SIGKILL)
    killed = time.monotonic()
    out, complaint = running.communicate(timeout=30)
    assert time.monotonic() - killed < 5
    assert running.returncode != 0
    assert "rank 1 of 3 failed" in complaint, complaint
    assert "rank 0 of 3 failed" not in complaint and "rank 2 of 3 failed" not in complaint
    end = time.monotonic() + 5
    while left := workers_under(running.pid):
        assert time.monotonic() < end, f"{left} are orphans"
        time.sleep(0.05)


def test_a_rank_with_other_code_is_named(saddle):
    saddle.notebook("a.ipynb", "rank();")
    saddle.notebook("b.ipynb", "rank(); 1")
    shell = f'exec "{saddle.program}" run $([ "$OMPI_COMM_WORLD_RANK" = 1 ] && echo b.ipynb || echo a.ipynb)'
    command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", "2", "bash", "-c", shell]
    done = subprocess.run(command, cwd=saddle.folder, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and "rank 1 runs other code than rank 0" in done.stderr, done.stderr


def test_a_batch_that_cannot_be_shared_out_is_refused(saddle):
    source = saddle.notebook("n.ipynb", "digits().sample(9)")
    done = mpirun(saddle, 2, "run", source)
    _, complaint = done.communicate(timeout=120)
    assert done.returncode != 0 and "9 rows cannot be shared out evenly among 2 ranks" in complaint
