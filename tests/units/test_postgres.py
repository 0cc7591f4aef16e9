"""The private PostgreSQL answers on its socket, listens nowhere else, and leaves nothing."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from helpers.peers import postgres
from helpers.peers.postgres import Postgres

needs_postgres = pytest.mark.skipif(
    postgres.programs() is None and not os.environ.get("CI"),
    reason="PostgreSQL is missing",
)


def gone(pids: list[int], folder: Path) -> bool:
    """Wait, at most ten seconds, until these processes and this folder are gone."""
    for _ in range(100):
        if not any(map(psutil.pid_exists, pids)) and not folder.exists():
            return True
        time.sleep(0.1)
    return False


@needs_postgres
def test_it_answers_on_its_socket_and_listens_on_no_network():
    with Postgres() as database:
        guard = psutil.Process(database._guard.pid)
        family = [guard, *guard.children(recursive=True)]
        listening = [c for p in family for c in p.net_connections(kind="inet")]
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(database.socket)
            client.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")  # SSLRequest
            assert client.recv(1) == b"N"
    assert listening == []
    assert gone([p.pid for p in family], Path(database.socket).parent)


@needs_postgres
def test_closing_twice_does_nothing_more():
    database = Postgres()
    database.close()
    database.close()


@needs_postgres
def test_it_ends_with_the_process_that_started_it():
    code = (
        "from helpers.peers.postgres import Postgres\n"
        "import os\n"
        "database = Postgres()\n"
        "print(database.socket, database._guard.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    path, guard = result.stdout.split()
    assert gone([int(guard)], Path(path).parent)


def test_where_it_is_missing_it_says_so(monkeypatch):
    monkeypatch.setattr(postgres, "PLACES", ())
    monkeypatch.setattr(postgres.shutil, "which", lambda _: None)
    with pytest.raises(FileNotFoundError, match="PostgreSQL is missing"):
        Postgres()
