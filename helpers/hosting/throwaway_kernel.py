"""A Jupyter kernel to throw away: queue cells in it as Run All does, see which come back.

Plan: start ipykernel on this environment as a child of the lesson's kernel, send it cells
over the Jupyter protocol and listen to what it publishes: busy when it begins a cell, idle
when it has ended it. Each cell becomes a lane of a ledger: queued from the sending on,
running from busy to idle, and an error mark where it raised something or where the kernel
fell silent for good. How long a silence is, is counted in answers: the kernel is asked again
and again on its other channel, which a thread of its own answers. A machine that gives it no
time thus takes no cell for lost. What is done to the child (a patch of its loop, say) ends
with it and never touches the kernel that the lesson runs in.

Left out: what a cell prints, the traffic of widgets, and kernels of another language.
"""

from __future__ import annotations

import queue
import subprocess
import sys
from collections.abc import Sequence

from helpers.ledger import Ledger, now_s

START_S = 60.0
LOOK_S = 0.1  # a silence so long, and an answer after it, count as one
LOST = "never came back"


class ThrowawayKernel:
    """A kernel for the length of an `async with` block; killed at its end, however it ends."""

    async def __aenter__(self) -> ThrowawayKernel:
        """Start it, and wait until it answers; a RuntimeError if it does not."""
        from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
        from jupyter_client.manager import AsyncKernelManager

        class ThisPython(KernelSpecManager):
            def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
                argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
                return KernelSpec(argv=argv, language="python")

        self._client = None
        self._manager = AsyncKernelManager(kernel_spec_manager=ThisPython())
        try:
            # What it logs belongs to no cell of the lesson.
            nowhere = subprocess.DEVNULL
            await self._manager.start_kernel(stdout=nowhere, stderr=nowhere)
            self._client = self._manager.client()
            self._client.start_channels(stdin=False, hb=False)
            await self._client.wait_for_ready(timeout=START_S)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_) -> None:
        """Kill it, and remove the file that says how to reach it."""
        if self._client is not None:
            self._client.stop_channels()
        await self._manager.shutdown_kernel(now=True)
        self._manager.context.destroy(linger=0)

    async def run_all(self, cells: Sequence[str], patience_s: float = 2.0) -> Ledger:
        """Queue the cells, all at once; return what became of each, in a lane "cell N".

        It waits until all have ended, or until the kernel has published nothing about any
        of them for `patience_s` seconds, though it answered all the while: then those that are
        left count as lost. So they do where it has ended or does not answer at all any more.
        """
        if not patience_s > 0:
            raise ValueError(f"patience_s={patience_s!r}: patience is a time above 0")
        ledger, ids, begun_s = Ledger(), {}, {}
        for number, code in enumerate(cells, start=1):
            id = self._client.execute(code, allow_stdin=False, stop_on_error=False)
            ids[id] = f"cell {number}", now_s()
        silent = 0
        while ids and silent * LOOK_S < patience_s:
            try:
                message = await self._client.get_iopub_msg(timeout=LOOK_S)
            except queue.Empty:
                if not await self._answers():
                    break
                silent += 1
                continue
            id = message["parent_header"].get("msg_id")
            if id not in ids:
                continue
            heard_s, silent = now_s(), 0
            if message["msg_type"] == "error":
                ledger.mark(ids[id][0], "error", message["content"]["ename"])
            (lane, sent_s), state = ids[id], message["content"].get("execution_state")
            if state == "busy":
                begun_s[id] = heard_s
                ledger.add(lane, "queued", sent_s, heard_s)
            elif state == "idle":
                ledger.add(lane, "running", begun_s[id], heard_s)
                del ids[id]
        for id, (lane, sent_s) in ids.items():
            kind = "running" if id in begun_s else "queued"
            ledger.add(lane, kind, begun_s.get(id, sent_s), now_s())
            ledger.mark(lane, "error", LOST)
        return ledger

    async def _answers(self) -> bool:
        """Ask the kernel something on its other channel, and tell whether it answers."""
        client = self._client
        question = client.session.msg("kernel_info_request")
        client.control_channel.send(question)
        end_s = now_s() + START_S
        while now_s() < end_s and await self._manager.is_alive():
            try:
                answer = await client.get_control_msg(timeout=LOOK_S)
            except queue.Empty:
                continue
            if answer["parent_header"].get("msg_id") == question["header"]["msg_id"]:
                return True
        return False


def came_back(ledger: Ledger) -> list[str]:
    """Return the lanes of the cells that ended, in the order in which they began."""
    return [lane for lane in ledger.lanes() if not ledger.marks(lane, "error", LOST)]
