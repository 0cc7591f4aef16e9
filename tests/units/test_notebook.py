"""The notebook around a lesson: who is there, its folder, its output."""

import gc
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.course import notebook

ROOT = Path(__file__).resolve().parents[2]


def ipython(**kernel):
    """Return what a running shell looks like from outside."""
    return SimpleNamespace(kernel=SimpleNamespace(**kernel))


@pytest.fixture
def shell(monkeypatch):
    def become(found):
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: found))

    return become


def test_outside_of_a_kernel_there_is_no_shell_and_nobody_is_there(monkeypatch, shell):
    shell(None)
    assert notebook.shell() is None
    assert not notebook.attended()
    shell(SimpleNamespace())  # IPython in a terminal: a shell without a kernel
    assert notebook.shell() is None
    monkeypatch.delitem(sys.modules, "IPython")
    assert not notebook.attended()


def test_somebody_is_there_when_the_front_end_lets_a_cell_ask(shell):
    for allowed in (True, False):
        shell(ipython(_allow_stdin=allowed))
        assert notebook.attended() is allowed
    shell(ipython())
    assert not notebook.attended()


# --- the collector, the folder, the output


def test_what_is_loaded_is_put_out_of_the_collectors_sight_and_more_each_time():
    gc.unfreeze()
    notebook.collect_less()
    first = gc.get_freeze_count()
    kept = [[] for _ in range(1000)]
    notebook.collect_less()
    assert gc.get_freeze_count() >= first + len(kept)
    assert first > 1000


def test_importing_switches_nothing_on():
    script = """
        import gc, signal, socket, threading, time

        def state():
            handlers = [signal.getsignal(s) for s in signal.valid_signals()]
            threads = threading.active_count()
            methods = dict(socket.socket.__dict__), time.sleep
            return gc.get_freeze_count(), gc.isenabled(), threads, handlers, methods

        before = state()
        from helpers import instruments, lesson, servers
        from helpers.course import notebook, stop_button
        from helpers.kernel import threads
        assert state() == before
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_folder_of_the_lessons_is_the_kernels_own_or_the_projects(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert notebook.folder() == ROOT / "notebooks"
    (tmp_path / "data").mkdir()
    assert notebook.folder() == tmp_path


def test_a_picture_comes_before_its_words_and_both_can_be_read_as_text(monkeypatch):
    shown = []
    display = SimpleNamespace(display=lambda data, raw: shown.append((data, raw)))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    notebook.show("first line\nsecond line", "<p>html</p>", b"a picture")
    words = {"text/html": "<p>html</p>", "text/plain": "first line\nsecond line"}
    assert shown == [({"image/png": b"a picture", "text/plain": "first line"}, True), (words, True)]
    shown.clear()
    notebook.show("only words", "<p>html</p>")
    assert [sorted(data) for data, _ in shown] == [["text/html", "text/plain"]]
