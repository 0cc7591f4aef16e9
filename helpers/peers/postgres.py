"""A private PostgreSQL for one lesson: a temporary cluster, reached over a socket file.

Plan: find the server's programs where packages put them; make a cluster in a temporary
folder, with no network at all (`listen_addresses` is empty), and start it under a small
guard process. The guard stops the server and removes the folder when its own standard
input ends, so nothing outlives the kernel, whatever ends it. PostgreSQL refuses to run
as root; a root kernel (a container) gives it an unprivileged user.

Left out: passwords (the socket's folder is closed to other users), and durability.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLACES = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/pgsql/bin")
START_S, STOP_S = 30.0, 10.0


def programs() -> Path | None:
    """Return the folder with initdb and postgres, the newest version's; None if there is none."""
    folders = [path for place in PLACES for path in Path("/").glob(place.lstrip("/"))]
    folders.sort(key=lambda folder: [int(n) for n in folder.parent.name.split(".") if n.isdigit()])
    if found := shutil.which("initdb"):
        folders.insert(0, Path(found).resolve().parent)
    complete = [f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()]
    return complete[-1] if complete else None


def _unprivileged() -> dict:
    """Return what makes a child run as an unprivileged user, where this process is root."""
    if os.geteuid() != 0:
        return {}
    import pwd

    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise OSError("PostgreSQL refuses to run as root, and there is no user to run it as")


class Postgres:
    """A running PostgreSQL: the path of its socket, its user and database, and how to stop it.

    A FileNotFoundError where it is missing; a RuntimeError holds PostgreSQL's own words
    where it does not start.
    """

    user = database = "postgres"

    def __init__(self) -> None:
        if programs() is None:
            raise FileNotFoundError("PostgreSQL is missing: there is no initdb to be found")
        # A session of its own keeps the Stop button's signal away.
        self._guard = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        answer = self._guard.stdout.readline().strip()
        if not answer.startswith("ready "):
            self.close()
            raise RuntimeError(f"PostgreSQL did not start: {answer}")
        self.socket = answer.removeprefix("ready ")

    def __enter__(self) -> Postgres:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server and remove its folder; closing twice does nothing more."""
        self._guard.stdin.close()
        try:
            self._guard.wait(STOP_S + 5)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        self._guard.stdout.close()


def _guard_main() -> None:
    """Run PostgreSQL until standard input ends; say "ready PATH", or what went wrong."""
    identity = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    quiet = {"stdin": subprocess.DEVNULL, "cwd": folder, **identity}
    data, log = folder / "data", folder / "log"
    server = None
    try:
        made = subprocess.run(
            [programs() / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"],
            capture_output=True,
            text=True,
            **quiet,
        )
        if made.returncode:
            print("initdb:", " ".join(made.stderr.split()), flush=True)
            return
        settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-F"]
        with log.open("wb") as out:
            server = subprocess.Popen(
                [programs() / "postgres", "-D", data, *settings], stdout=out, stderr=out, **quiet
            )
        path = folder / ".s.PGSQL.5432"
        end_s = time.monotonic() + START_S
        # The socket file is there before the server is; the log says when it is.
        while b"ready to accept connections" not in log.read_bytes() or not path.exists():
            if server.poll() is not None or time.monotonic() > end_s:
                print("postgres:", " ".join(log.read_text().split())[-500:], flush=True)
                return
            time.sleep(0.02)
        print("ready", path, flush=True)
        sys.stdin.read()
    finally:
        if server is not None and server.poll() is None:
            server.send_signal(signal.SIGINT)  # "fast" shutdown: do not wait for clients
            try:
                server.wait(STOP_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _guard_main()
