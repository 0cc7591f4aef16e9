"""The private RabbitMQ answers on loopback, survives its own death, and leaves nothing."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from helpers.peers import rabbitmq
from helpers.peers.rabbitmq import RabbitMQ

needs_rabbitmq = pytest.mark.skipif(
    rabbitmq.program() is None and not os.environ.get("CI"), reason="RabbitMQ is missing"
)


def family(guard: int) -> list[psutil.Process]:
    return [psutil.Process(guard), *psutil.Process(guard).children(recursive=True)]


def gone(pids: list[int], folder: Path) -> bool:
    """Wait, at most ten seconds, until these processes and this folder are gone."""
    for _ in range(100):
        if not any(map(psutil.pid_exists, pids)) and not folder.exists():
            return True
        time.sleep(0.1)
    return False


@contextlib.contextmanager
def watch_addresses():
    """Yield the addresses that this process's children open to others while the block runs."""
    seen, done = set(), threading.Event()

    def look():
        while not done.wait(0.02):
            for child in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    for connection in child.net_connections(kind="inet"):
                        is_udp = connection.type == socket.SOCK_DGRAM
                        if is_udp or connection.status == psutil.CONN_LISTEN:
                            seen.add(connection.laddr.ip)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        done.set()
        looking.join()


@needs_rabbitmq
def test_two_brokers_answer_side_by_side_on_loopback_and_one_is_killed_and_started_again():
    with watch_addresses() as seen, RabbitMQ() as one, RabbitMQ() as other:
        assert one.is_running() and other.is_running() and one.url != other.url
        members = family(one._guard.pid)
        folder = Path(members[1].cwd())
        address = one.url
        one.start()
        assert members[1].is_running(), "it runs, and goes on running"
        one.kill()
        assert not one.is_running() and other.is_running()
        with pytest.raises(RuntimeError, match="Run the cell that starts it"):
            one.url  # noqa: B018
        assert folder.exists()
        one.start()
        assert one.is_running() and one.url == address
        members += family(one._guard.pid) + family(other._guard.pid)
    assert "127.0.0.1" in seen and seen <= {"127.0.0.1", "::1"}, "also while it starts"
    assert gone([member.pid for member in members], folder)


@needs_rabbitmq
def test_it_ends_with_the_process_that_started_it_and_leaves_no_epmd():
    code = (
        "from helpers.peers.rabbitmq import RabbitMQ\n"
        "import os, psutil\n"
        "broker = RabbitMQ()\n"
        "broker.start()\n"
        "guard = psutil.Process(broker._guard.pid)\n"
        "members = guard.children(recursive=True)\n"
        "print(members[0].cwd(), guard.pid, *[m.pid for m in members], flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120
    )
    folder, *pids = result.stdout.split()
    assert len(pids) >= 3
    assert gone(list(map(int, pids)), Path(folder))


@needs_rabbitmq
def test_two_threads_may_start_it_and_it_starts_once():
    """As a cell does that is run again while a start that was stopped is still under way."""
    with RabbitMQ() as broker:
        starts = [threading.Thread(target=broker.start) for _ in range(2)]
        for start in starts:
            start.start()
        for start in starts:
            start.join()
        living = [m for m in family(broker._guard.pid) if m.status() != psutil.STATUS_ZOMBIE]
        servers = [m for m in living if m.name() == "beam.smp"]
        assert broker.is_running() and len(servers) == 1


@pytest.mark.parametrize(
    "version, allows", [("3.10.8", False), ("3.13.7", True), ("4.3.0", True), ("", False)]
)
def test_a_newer_one_is_told_to_allow_the_queues_that_it_would_refuse(
    version, allows, monkeypatch, tmp_path
):
    monkeypatch.setattr(rabbitmq, "version", lambda: version)
    monkeypatch.setattr(rabbitmq, "program", lambda: tmp_path / "rabbitmq-server")
    rabbitmq._settings(tmp_path, 1, 2, 3)
    assert ("transient_nonexcl_queues" in (tmp_path / "rabbitmq.conf").read_text()) is allows


@needs_rabbitmq
def test_it_says_its_version_without_being_started():
    assert rabbitmq.version()[0].isdecimal()


@needs_rabbitmq
def test_what_keeps_it_from_starting_is_said_and_closing_twice_does_nothing_more(monkeypatch):
    broker = RabbitMQ()
    monkeypatch.setattr(rabbitmq, "__file__", str(Path(__file__).parent / "nowhere.py"))
    with pytest.raises(RuntimeError, match="RabbitMQ did not start"):
        broker.start()
    broker.close()
    broker.close()
    assert not broker.is_running()


def test_where_it_is_missing_it_says_so(monkeypatch):
    monkeypatch.setattr(rabbitmq, "PLACES", ())
    assert rabbitmq.version() == ""
    with pytest.raises(FileNotFoundError, match="RabbitMQ is missing"):
        RabbitMQ().start()
