"""The event files that `log_run` writes, read by a reader of their own written here from TensorBoard's format (records with masked
CRC-32C, event.proto, summary.proto); and by TensorBoard itself where it is installed, which 20 MB of packages only for this are
not worth: `pip install tensorboard`."""

import resource
import struct
import zlib
from pathlib import Path

import pytest

CELLS = [
    """
for step in [10, 20, 30] { log_run("one", #{ step: step, "J(D)": 1.5 / step, "J(G)": tensor(0.25) }); }
check("a bound", 0.125, #{ below: 0.5 });
check("a truth", true);
log_run("one", #{ step: 40, samples: rand([4, 8, 8]), curve: plot([1, 2, 4]) });
""",
    'log_run("sweep/two", #{ J: -3 }); log_run("sweep/two", #{ J: 7 });',
    'try { check("missed", 2, #{ below: 1 }); } catch { }',
]


def test_as_many_runs_as_one_likes(saddle, tmp_path):
    script = tmp_path / "many.rhai"
    script.write_text("for n in 0..200 { log_run(`many/${n}`, #{ J: n }); } for n in 0..200 { log_run(`many/${n}`, #{ J: n }); }")
    done = saddle("run", script, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (150, 150)))
    assert done.returncode == 0, done.stderr
    files = [list(folder.iterdir()) for folder in (tmp_path / "runs" / "many").iterdir()]
    assert len(files) == 200 and all(len(own) == 1 for own in files)


@pytest.fixture
def runs(saddle, tmp_path):
    """The folder of two runs that a notebook has left."""
    done = saddle("run", saddle.notebook("n.ipynb", *CELLS))
    assert done.returncode == 0, done.stderr
    return tmp_path / "runs"


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(content):
    """The records of a file: the length, its checksum, the data, their checksum."""
    at = 0
    while at < len(content):
        head = content[at : at + 8]
        (length,) = struct.unpack("<Q", head)
        data = content[at + 12 : at + 12 + length]
        assert len(data) == length, "the last record is whole"
        assert struct.unpack("<I", content[at + 8 : at + 12]) == (masked(head),)
        assert struct.unpack("<I", content[at + 12 + length : at + 16 + length]) == (masked(data),)
        at += 16 + length
        yield data


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """The fields of a message of protobuf, in their order: number and value."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        match key & 7:
            case 0:
                value, at = varint(data, at)
            case 1:
                (value,), at = struct.unpack_from("<d", data, at), at + 8
            case 2:
                size, at = varint(data, at)
                value, at = data[at : at + size], at + size
                assert len(value) == size
            case 5:
                (value,), at = struct.unpack_from("<f", data, at), at + 4
            case kind:
                pytest.fail(f"wire type {kind}")
        yield key >> 3, value


def read(folder):
    """Of the one event file in a folder: figures and pictures by tag, each with its step."""
    (path,) = Path(folder).glob("events.out.tfevents.*")
    figures, pictures, times = {}, {}, []
    for number, record in enumerate(records(path.read_bytes())):
        event = dict(fields(record))
        times.append(event[1])
        if number == 0:
            assert event[3] == b"brain.Event:2", "the version, without which TensorBoard reads no further"
            continue
        for key, value in fields(event[5]):
            assert key == 1
            value = dict(fields(value))
            tag, step = value[1].decode(), event.get(2, 0)
            if 4 in value:
                image = dict(fields(value[4]))
                pictures.setdefault(tag, []).append((step, image[1], image[2], image[4]))
            else:
                figures.setdefault(tag, []).append((step, value[2]))
    assert times == sorted(times)
    return figures, pictures


def size_of_png(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">I", png[29:33]) == (zlib.crc32(png[12:29]),)
    width, height = struct.unpack(">II", png[16:24])
    return height, width


FIGURES = {
    "J(D)": [(10, 0.15), (20, 0.075), (30, 0.05)],
    "J(G)": [(10, 0.25), (20, 0.25), (30, 0.25)],
    "check/a bound": [(30, 0.125)],
    "check/a truth": [(30, 1.0)],
}
SECOND = {"J": [(0, -3.0), (1, 7.0)], "check/missed": [(1, 2.0)]}


def test_the_reader_here_knows_the_checksum():
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C (RFC 3720)
    with pytest.raises(AssertionError):
        list(records(struct.pack("<QI4sI", 4, masked(struct.pack("<Q", 4)), b"abcd", masked(b"abce"))))


def test_figures_pictures_and_checks_stand_in_the_event_files(runs):
    figures, pictures = read(runs / "one")
    assert set(figures) == set(FIGURES)
    for tag, expected in FIGURES.items():
        assert figures[tag] == [(step, pytest.approx(value, rel=1e-6)) for step, value in expected]
    assert set(pictures) == {"samples", "curve"}
    for [(step, height, width, png)] in pictures.values():
        assert step == 40 and (height, width) == size_of_png(png)
    figures, pictures = read(runs / "sweep" / "two")
    assert figures == SECOND and pictures == {}


def test_tensorboard_reads_them(runs):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="TensorBoard is not installed; the reader above stands in"
    )
    for name, expected in (("one", FIGURES), ("sweep/two", SECOND)):
        events = accumulator.EventAccumulator(str(runs / name)).Reload()
        assert set(events.Tags()["scalars"]) == set(expected)
        for tag, values in expected.items():
            found = [(event.step, event.value) for event in events.Scalars(tag)]
            assert found == [(step, pytest.approx(value, rel=1e-6)) for step, value in values]
    events = accumulator.EventAccumulator(str(runs / "one")).Reload()
    assert set(events.Tags()["images"]) == {"samples", "curve"}
    for tag in ("samples", "curve"):
        (image,) = events.Images(tag)
        assert image.step == 40 and (image.height, image.width) == size_of_png(image.encoded_image_string)


def test_saddle_runs_compares_them(saddle, runs):
    table = saddle("runs", runs).stdout.splitlines()
    assert [line.split()[0] for line in table[1:]] == ["one", "sweep/two"], table
    assert "check/missed" in table[0] and "J(D)" in table[0]
