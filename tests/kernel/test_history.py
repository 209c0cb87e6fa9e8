"""The history outlives the session: what earlier kernels ran is found by later ones, unless SADDLE_HISTORY is off."""

import os

from conftest import Kernel


def environment(folder, **changes):
    env = {key: value for key, value in os.environ.items() if key != "SADDLE_HISTORY"}
    # A folder of its own for the state, whichever rules name it on this system.
    return env | {"XDG_STATE_HOME": str(folder), "XDG_DATA_HOME": str(folder), "HOME": str(folder)} | changes


def session(env, *cells):
    kernel = Kernel(start={"env": env})
    for cell in cells:
        kernel.run(cell)
    return kernel


def history(kernel, **options):
    msg_id = kernel.client.history(**options)
    return [tuple(entry) for entry in kernel.reply(msg_id)["content"]["history"]]


def test_earlier_sessions_are_found(tmp_path):
    env = environment(tmp_path)
    session(env, "let a = 1;", "a + 1").close()
    session(env, "let b = \"é\n😀\";").close()
    kernel = session(env, "let a = 3;")
    try:
        assert history(kernel, hist_access_type="tail", n=3) == [
            (1, 2, "a + 1"),
            (2, 1, "let b = \"é\n😀\";"),
            (3, 1, "let a = 3;"),
        ]
        assert history(kernel, hist_access_type="range", session=-2, start=1, stop=10) == [
            (1, 1, "let a = 1;"),
            (1, 2, "a + 1"),
        ]
        found = history(kernel, hist_access_type="search", pattern="let a*", output=True)
        assert found == [(1, 1, ["let a = 1;", None]), (3, 1, ["let a = 3;", None])]
    finally:
        kernel.close()


def test_two_kernels_at_once_share_it(tmp_path):
    env = environment(tmp_path)
    first, second = session(env), session(env)
    try:
        for number in range(20):
            ids = [kernel.client.execute(f"{number}") for kernel in (first, second)]
            for kernel, msg_id in zip((first, second), ids):
                kernel.finish(msg_id)
    finally:
        first.close()
        second.close()
    third = session(env)
    try:
        entries = history(third, hist_access_type="tail", n=100)
    finally:
        third.close()
    for number in (1, 2):
        assert [e for e in entries if e[0] == number] == [(number, i + 1, f"{i}") for i in range(20)]


def test_silent_cells_and_a_history_that_is_off_leave_no_trace(tmp_path):
    kernel = session(environment(tmp_path))
    kernel.run("1 + 41", silent=True)
    kernel.run("1 + 42", store_history=False)
    kernel.close()
    off = session(environment(tmp_path, SADDLE_HISTORY="off"), "1 + 43")
    try:
        assert history(off, hist_access_type="tail", n=9) == [(1, 1, "1 + 43")]
    finally:
        off.close()
    texts = [path.read_text() for path in tmp_path.rglob("kernel-history.jsonl")]
    assert len(texts) == 1 and "1 + 4" not in texts[0]


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path):
    blocked = tmp_path / "state"
    blocked.write_text("a file where a folder should be")
    kernel = session(environment(blocked, HOME=str(tmp_path)), "40 + 2")
    try:
        assert history(kernel, hist_access_type="tail", n=9) == [(1, 1, "40 + 2")]
    finally:
        kernel.close()
