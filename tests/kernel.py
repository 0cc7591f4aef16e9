"""A real kernel, driven as a front end does it, for what nbval cannot see.

Plan: start ipykernel on this environment with the notebooks' folder as its own, send
cells one by one or all at once, gather what each prints and shows, interrupt, restart.
Every wait is bounded. It is a context manager and leaves nothing behind.
"""

import contextlib
import queue
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager
from stored_outputs import verdicts_in

WHAT_TO_DO = "Run All Above Selected Cell"
NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


class _ThisPython(KernelSpecManager):
    def get_kernel_spec(self, kernel_name):
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="this Python", language="python")


@dataclass
class Reply:
    """What a cell gave back: `status` is ok, error, or "never ended"; texts in order."""

    status: str = "never ended"
    texts: list[str] = field(default_factory=list)
    error: str = ""
    traceback: list[str] = field(default_factory=list)
    seconds: float = 0.0
    pictures: int = 0
    stream: str = ""  # the one that printed last, if nothing else was shown since

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    @property
    def verdicts(self) -> dict[str, str]:
        """Return the words of the verdicts shown, by claim."""
        return verdicts_in(self.text)

    @property
    def wrong(self) -> str:
        """Return what is wrong: nothing if the cell worked, or said in one line what it needs."""
        if self.status == "ok":
            return ""
        lines = [line for part in self.traceback for line in part.splitlines()]
        if self.status == "error" and len(lines) == 1 and WHAT_TO_DO in lines[0]:
            return ""
        return f"{self.error or self.status} ({len(lines)} lines)"


class Kernel:
    """A kernel that runs cells; `attended=True` lets them ask for input, as JupyterLab does."""

    def __init__(self, attended: bool = False, cwd: Path = NOTEBOOKS, env: dict | None = None):
        self.attended, self.cwd, self.env = attended, cwd, env

    def __enter__(self) -> "Kernel":
        self.manager = KernelManager(kernel_spec_manager=_ThisPython())
        options = {"env": self.env} if self.env else {}
        self.manager.start_kernel(cwd=str(self.cwd), **options)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.client.allow_stdin = self.attended
        return self

    def __exit__(self, *_) -> None:
        self.client.stop_channels()
        with contextlib.suppress(RuntimeError):
            self.manager.shutdown_kernel(now=True)

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.manager.provisioner.pid)

    def send(self, code: str) -> str:
        """Send a cell without waiting; return the id of its message."""
        return self.client.execute(code, allow_stdin=self.attended, stop_on_error=False)

    def run(self, code: str, timeout_s: float = 60.0) -> Reply:
        """Run one cell and wait for its end."""
        return self.gather([self.send(code)], timeout_s)[0]

    def run_all(self, codes: list[str], timeout_s: float = 180.0) -> list[Reply]:
        """Queue all cells at once, as Run All does, and wait for every one."""
        return self.gather([self.send(code) for code in codes], timeout_s)

    def gather(self, ids: list[str], timeout_s: float) -> list[Reply]:
        """Gather the replies of messages already sent, until all have ended or time is up."""
        replies = {id: Reply() for id in ids}
        waiting = set(ids)
        start_s = time.monotonic()
        while waiting and time.monotonic() - start_s < timeout_s:
            try:
                message = self.client.get_iopub_msg(timeout=0.2)
            except queue.Empty:
                continue
            id = message["parent_header"].get("msg_id")
            if id not in replies:
                continue
            reply, kind, content = replies[id], message["msg_type"], message["content"]
            if kind == "stream" and reply.stream == content["name"]:
                reply.texts[-1] += content["text"]  # one print may come in two pieces
            elif kind == "stream":
                reply.texts.append(content["text"])
                reply.stream = content["name"]
            elif kind in ("display_data", "execute_result"):
                reply.texts.append(content["data"].get("text/plain", ""))
                reply.pictures += "image/png" in content["data"]
                reply.stream = ""
            elif kind == "error":
                reply.error = f"{content['ename']}: {content['evalue']}"
                reply.traceback = content["traceback"]
            elif kind == "status" and content["execution_state"] == "idle":
                reply.status = "error" if reply.error else "ok"
                reply.seconds = time.monotonic() - start_s
                waiting.discard(id)
        return [replies[id] for id in ids]

    def interrupt(self) -> None:
        """Press Stop."""
        self.manager.interrupt_kernel()

    def restart(self) -> None:
        """Restart the kernel as the front end's button does."""
        self.manager.restart_kernel(now=False)
        self.client.wait_for_ready(timeout=60)


def datagram_sockets(process: psutil.Process) -> set[tuple[str, int]]:
    """Return (address, port) of every UDP socket that a process and its children have open."""
    found = set()
    with contextlib.suppress(psutil.NoSuchProcess):
        for member in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                bound = [one.laddr for one in member.net_connections(kind="udp") if one.laddr]
                found.update((address.ip, address.port) for address in bound)
    return found


def listening(process: psutil.Process) -> set[tuple[str, int]]:
    """Return (address, port) of every TCP socket a process and its children listen on."""
    found = set()
    with contextlib.suppress(psutil.NoSuchProcess):
        for member in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                for connection in member.net_connections(kind="tcp"):
                    if connection.status == psutil.CONN_LISTEN:
                        found.add((connection.laddr.ip, connection.laddr.port))
    return found
