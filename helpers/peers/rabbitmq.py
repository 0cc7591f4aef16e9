"""A private RabbitMQ for one lesson: on loopback alone, in a temporary folder, gone at the end.

Plan: a small guard process starts the broker and, beside it, an epmd of its own, the directory
in which Erlang programs find each other: RabbitMQ would otherwise leave a daemon of that name
behind. The node's name, its three ports and its folder are its own, so that two brokers run
side by side. The guard takes "kill" and "start" as lines on its standard input; when that
ends, it ends both programs and removes the folder, so nothing outlives the kernel, whatever
ends it. A broker that is killed gets no chance to tidy up: all its processes get SIGKILL at
once, and its folder stays, to be started on again.

Left out: users and passwords (guest/guest, from loopback), plugins, clusters.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

# Not the wrapper on the PATH: that one insists on root, or on a user named rabbitmq.
PLACES = (
    "/usr/lib/rabbitmq/bin",
    "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin",
    "/opt/homebrew/opt/rabbitmq/sbin",
)
HOST = "127.0.0.1"
START_S, STOP_S, ATTEMPTS = 60.0, 10.0, 3


def program() -> Path | None:
    """Return the path of the broker's program; None if it is not installed."""
    for place in PLACES:
        for folder in sorted(Path("/").glob(place.lstrip("/"))):
            if (folder / "rabbitmq-server").exists() and shutil.which("epmd", path=_PATH):
                return folder / "rabbitmq-server"
    return None


def version() -> str:
    """Return its version, as its folder's name has it: asked for it, the program would start."""
    path = program()
    match = re.search(r"\d+(\.\d+)+", str(path.resolve())) if path else None
    return match[0] if match else ""


_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/bin:/bin:/opt/homebrew/bin"


class RabbitMQ:
    """A broker: its `url` for clients, and how to start, kill and stop it.

    A FileNotFoundError where it is missing; a RuntimeError holds RabbitMQ's own words where
    it does not start.
    """

    name = "RabbitMQ"

    def __init__(self) -> None:
        self.port = 0
        self._guard: subprocess.Popen | None = None
        self._is_up = False
        self._one_at_a_time = threading.Lock()  # a start that was stopped may still be under way

    @property
    def url(self) -> str:
        """Return the address for clients, with the user that every new broker has.

        A RuntimeError with what to do while it does not run.
        """
        if not self._is_up:
            raise RuntimeError("RabbitMQ does not run. Run the cell that starts it, then this one.")
        return f"amqp://guest:guest@{HOST}:{self.port}/"

    def start(self) -> None:
        """Start it, or start it again after it was killed; ready when this returns.

        One that runs goes on running.
        """
        with self._one_at_a_time:
            if not self.is_running():
                self._start()
            self._is_up = True

    def _start(self) -> None:
        if self._guard is None:
            if program() is None:
                raise FileNotFoundError("RabbitMQ is missing: there is no rabbitmq-server")
            # A session of its own keeps the Stop button's signal away.
            self._guard = subprocess.Popen(
                [sys.executable, __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        answer = self._ask("start")
        if not answer.startswith("ready "):
            self.close()
            raise RuntimeError(f"RabbitMQ did not start: {answer}")
        self.port = int(answer.removeprefix("ready "))

    def kill(self) -> None:
        """End all its processes at once, with SIGKILL; what it has on disk stays."""
        with self._one_at_a_time:
            self._is_up = False
            answer = self._ask("kill")
        if answer != "killed":
            raise RuntimeError(f"RabbitMQ was not killed: {answer}")

    def _ask(self, what: str) -> str:
        if self._guard is None:
            raise RuntimeError(f"{what}: this RabbitMQ has not been started")
        try:
            self._guard.stdin.write(f"{what}\n")
            self._guard.stdin.flush()
            return self._guard.stdout.readline().strip()
        except BrokenPipeError:
            return "its guard has ended"
        except BaseException:  # Stop: the answer would be taken for that to the next question
            self.close()
            raise

    def is_running(self) -> bool:
        """Tell whether it takes connections."""
        return self._guard is not None and _speaks_amqp(self.port)

    def __enter__(self) -> RabbitMQ:
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Stop it and remove its folder; closing twice does nothing more."""
        guard, self._guard, self._is_up = self._guard, None, False
        if guard is None:
            return
        with contextlib.suppress(BrokenPipeError):
            guard.stdin.close()
        try:
            guard.wait(STOP_S)
        except subprocess.TimeoutExpired:
            guard.kill()
            guard.wait()
        guard.stdout.close()


def _speaks_amqp(port: int) -> bool:
    """Tell whether a broker answers the first bytes of AMQP 0-9-1: only then is it ready."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as client:
            client.settimeout(5)
            client.sendall(b"AMQP\0\0\x09\x01")
            return bool(client.recv(7))
    except OSError:
        return False


# --- the guard


class _Broker:
    """The programs of one broker, and its folder."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rabbitmq-"))
        self.log = self.folder / "console.log"
        self._programs: list[subprocess.Popen] = []

    def start(self, ports: tuple[int, int, int] | None) -> tuple[int, int, int]:
        """Start epmd and the broker; return its ports: AMQP, Erlang's own, epmd's.

        A RuntimeError with the broker's last words if it ends instead.
        """
        amqp, erlang, epmd = ports or _free_ports(3)
        environment = _settings(self.folder, amqp, erlang, epmd)
        quiet = {"stdin": subprocess.DEVNULL, "cwd": self.folder, "env": environment}
        with self.log.open("wb") as out:
            for command in (["epmd", "-port", str(epmd), "-address", HOST], [str(program())]):
                self._programs.append(
                    subprocess.Popen(
                        command, stdout=out, stderr=out, start_new_session=True, **quiet
                    )
                )
        end_s = time.monotonic() + START_S
        while not _speaks_amqp(amqp):
            ended = [p for p in self._programs if p.poll() is not None]
            if ended or time.monotonic() > end_s or _input_has_ended():
                words = " ".join(self.log.read_text("utf-8", "replace").split())[-500:]
                self.kill()
                raise RuntimeError(words or "it said nothing")
            time.sleep(0.05)
        return amqp, erlang, epmd

    def kill(self) -> None:
        """End the programs and all that they have started, at once."""
        while self._programs:
            running = self._programs.pop()  # the broker first, then epmd
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()
        _await_orphans()


def _adopt_orphans() -> None:
    """Become the parent of whatever the broker's script leaves behind; Linux can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER, prctl(2)


def _await_orphans() -> None:
    """Wait until all that was started has ended, so that none is left, not even as a zombie."""
    end_s = time.monotonic() + STOP_S / 2
    with contextlib.suppress(ChildProcessError):  # there is none any more
        while time.monotonic() < end_s:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)


def _free_ports(count: int) -> tuple[int, ...]:
    """Return free ports of loopback: all are held at once, so that no two are the same."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return tuple(one.getsockname()[1] for one in held)


def _settings(folder: Path, amqp: int, erlang: int, epmd: int) -> dict[str, str]:
    """Write the broker's settings into its folder; return its environment, and no other."""
    # Queues that are neither durable nor exclusive: refused from RabbitMQ 4.3 on, unless allowed.
    allowed = "deprecated_features.permit.transient_nonexcl_queues = true\n"
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = {HOST}:{amqp}\n"
        "loopback_users.guest = true\n"
        "disk_free_limit.absolute = 50MB\n"
        "vm_memory_high_watermark.absolute = 512MB\n"
        "log.console = true\n"
        "log.console.level = error\n" + (allowed if _knows_deprecated_features() else "")
    )
    (folder / "enabled_plugins").write_text("[].\n")
    (folder / "env.conf").write_text("")
    return {
        "PATH": f"{program().parent}:{_PATH}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "RABBITMQ_NODENAME": f"lesson{amqp}@localhost",
        "RABBITMQ_BASE": str(folder),
        "RABBITMQ_NODE_PORT": str(amqp),
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_DIST_PORT": str(erlang),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "env.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "schema"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        # For every Erlang that starts, also the short-lived one with which RabbitMQ looks for epmd;
        # and its log client opens a UDP socket for a moment, although nothing is sent.
        "ERL_AFLAGS": "-kernel inet_dist_use_interface {127,0,0,1} "
        "-syslog protocol {rfc3164,udp,[{ip,{127,0,0,1}}]}",
        "ERL_EPMD_PORT": str(epmd),
        "ERL_EPMD_ADDRESS": HOST,
        "ERL_CRASH_DUMP_SECONDS": "0",
    }


def _knows_deprecated_features() -> bool:
    """Tell whether its settings may name deprecated features; an older one would not start."""
    numbers = [int(number) for number in version().split(".")[:2] if number]
    return numbers >= [3, 13]


def _input_has_ended() -> bool:
    """Tell whether whoever started the guard has gone while the broker was starting."""
    readable, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(readable)  # nobody asks anything before the answer: so it is the end


def _guard_main() -> None:
    """Do what standard input says, line by line; when it ends, end everything."""
    _adopt_orphans()
    broker, ports = _Broker(), None
    try:
        for line in sys.stdin:
            if line.strip() == "kill":
                broker.kill()
                print("killed", flush=True)
                continue
            for attempt in range(ATTEMPTS):  # another program may have taken a free port
                try:
                    ports = broker.start(ports)
                    print("ready", ports[0], flush=True)
                    break
                except RuntimeError as error:
                    if ports or attempt == ATTEMPTS - 1 or _input_has_ended():
                        print(" ".join(str(error).split()), flush=True)
                        return
    finally:
        broker.kill()
        shutil.rmtree(broker.folder, ignore_errors=True)


if __name__ == "__main__":
    _guard_main()
