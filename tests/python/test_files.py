"""Files that cells write, read by NumPy and Python's safetensors; and the other way round."""

import os
import time

import numpy as np
import pytest
import safetensors.numpy as safetensors


@pytest.fixture
def cell(saddle, tmp_path):
    """Runs a script in an empty folder."""

    def run(code):
        script = tmp_path / "cell.rhai"
        script.write_text(code)
        done = saddle("run", script)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_numpy_reads_what_cells_save(cell, tmp_path):
    cell('save("a.npy", tensor([[1, 2.5]])); save("b.npz", #{ i: int(tensor([7])), m: tensor([1, 2]) > 1 });')
    a = np.load(tmp_path / "a.npy")
    assert a.dtype == np.float32 and a.tolist() == [[1.0, 2.5]]
    with np.load(tmp_path / "b.npz") as b:
        assert b["i"].dtype == np.int64 and b["i"].tolist() == [7]
        assert b["m"].dtype == bool and b["m"].tolist() == [False, True]


def test_cells_read_what_numpy_saves(cell, tmp_path):
    np.save(tmp_path / "x.npy", np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    np.savez_compressed(tmp_path / "y.npz", y=np.ones((100, 100), np.float16))
    out = cell('print(load("x.npy").to_array()); print(sum(load("y.npz").y).item());')
    assert "[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]" in out
    assert "10000.0" in out


def test_safetensors_both_ways(cell, tmp_path):
    cell('network(#{ fc1: linear(2, 3), fc2: sequential([linear(3, 1)]) }, |net, x| net.fc2(net.fc1(x))).save("f.safetensors");')
    f = safetensors.load_file(tmp_path / "f.safetensors")
    assert {k: v.shape for k, v in f.items()} == {"fc1.weight": (3, 2), "fc1.bias": (3,), "fc2.0.weight": (1, 3), "fc2.0.bias": (1,)}
    doubled = {k: 2 * v for k, v in f.items()}
    safetensors.save_file(doubled, tmp_path / "g.safetensors")
    out = cell('let f = load("f.safetensors"); let g = load("g.safetensors"); print(max(abs(g["fc1.weight"] - 2 * f["fc1.weight"])).item());')
    assert out.strip() == "0.0"


def test_a_killed_process_leaves_a_whole_checkpoint(saddle, tmp_path):
    """Killed at any moment while it writes one checkpoint after the other."""
    parts = "let G = linear(300, 300); let opt = adam(G); opt.descend(mean(G(ones([1, 300]))));"
    (tmp_path / "write.rhai").write_text(
        parts + 'for step in 1..=1000000 { checkpoint("a.ckpt", #{ G: G, opt: opt, step: step }); print(step); }'
    )
    (tmp_path / "read.rhai").write_text(parts + 'print(resume("a.ckpt", #{ G: G, opt: opt }).step);')
    for moment in (3, 5, 8, 13, 21):
        writer = saddle.start("run", tmp_path / "write.rhai")
        for _ in range(moment):
            last = int(writer.stdout.readline())
        time.sleep(0.0007 * moment)
        writer.kill()
        writer.communicate()
        reader = saddle("run", tmp_path / "read.rhai")
        assert reader.returncode == 0, reader.stderr
        assert int(reader.stdout) >= last


def test_a_link_and_permissions_stay_and_a_pipe_is_written_to(cell, saddle, tmp_path):
    np.save(tmp_path / "kept.npy", np.zeros(2, np.float32))
    (tmp_path / "kept.npy").chmod(0o600)
    (tmp_path / "link.npy").symlink_to("kept.npy")
    cell('save("link.npy", tensor([1, 2]));')
    assert (tmp_path / "link.npy").is_symlink() and np.load(tmp_path / "kept.npy").tolist() == [1, 2]
    assert (tmp_path / "kept.npy").stat().st_mode & 0o777 == 0o600
    script = tmp_path / "pipe.rhai"
    for name, code in [("pipe.npy", 'save("pipe.npy", tensor([1, 2]));'), ("pipe", 'checkpoint("pipe", #{ step: 1 });')]:
        os.mkfifo(tmp_path / name)
        script.write_text(code)
        writer = saddle.start("run", script)
        # Where a file took its place there would be nothing to read.
        reader = os.open(tmp_path / name, os.O_RDONLY | os.O_NONBLOCK)
        _, complaint = writer.communicate(timeout=20)
        assert writer.returncode == 0, complaint
        assert os.read(reader, 6) and (tmp_path / name).is_fifo()
        os.close(reader)


def test_a_tilde_is_the_home_folder(saddle, tmp_path):
    np.save(tmp_path / "x.npy", np.ones(3, np.float32))
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,4\n")
    script = tmp_path / "s.rhai"
    script.write_text('print(npy("~/x.npy").shape, csv("~/t.csv").len);')
    done = saddle("run", script, env={**os.environ, "HOME": str(tmp_path)})
    assert done.stdout == "[3] 2\n", done.stderr


def test_what_is_not_beside_the_notebook_is_looked_for_in_saddle_data(saddle, tmp_path):
    data = tmp_path / "data" / "lfw"
    data.mkdir(parents=True)
    np.save(data / "faces.npy", np.ones((2, 3), np.float32))
    script = tmp_path / "cell.rhai"
    script.write_text('print(npy("lfw/faces.npy").shape); print(npy("lfw/none.npy"));')
    done = saddle("run", script, env=dict(os.environ, SADDLE_DATA=str(tmp_path / "data")))
    assert "[2, 3]" in done.stdout
    # What is in neither is asked for under the name that was given.
    assert done.returncode == 1 and "lfw/none.npy" in done.stderr and "data/lfw/none" not in done.stderr
    # A file beside the notebook comes first.
    (tmp_path / "lfw").mkdir()
    np.save(tmp_path / "lfw" / "faces.npy", np.ones(5, np.float32))
    assert "[5]" in saddle("run", script, env=dict(os.environ, SADDLE_DATA=str(tmp_path / "data"))).stdout
