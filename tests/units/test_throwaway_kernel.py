"""A child kernel runs what it is sent, says what is lost, and leaves nothing behind."""

import asyncio
import os
import signal
import sys

import psutil
import pytest

from helpers.hosting.throwaway_kernel import LOST, ThrowawayKernel, came_back
from helpers.ledger import one_after_another

WORK = "import asyncio\nasync def work():\n    await asyncio.sleep(0.2)"
# Spent only where a cell is lost: a loaded machine may keep a kernel silent for seconds.
PATIENCE_S = 30.0
PATCH = "import nest_asyncio\nnest_asyncio.apply()"


def family() -> set[int]:
    return {child.pid for child in psutil.Process(os.getpid()).children(recursive=True)}


def run(experiment):
    before = family()
    result = asyncio.run(asyncio.wait_for(experiment(), 60))
    assert family() <= before, "the kernel outlives its block"
    return result


def test_cells_that_await_all_come_back_in_order():
    async def experiment():
        async with ThrowawayKernel() as child:
            return await child.run_all([WORK, "await work()", "await work()"], PATIENCE_S)

    ledger = run(experiment)
    assert came_back(ledger) == ["cell 1", "cell 2", "cell 3"]
    ran = ledger.spans(kind="running")
    assert [span.lane for span in ran] == came_back(ledger)
    assert one_after_another(ran)
    queued = ledger.spans(kind="queued")
    assert len(queued) == 3
    # Not of each cell: that one has begun may be heard late, that one has ended never too early.
    assert ran[-1].end_s - queued[0].start_s >= 2 * 0.2


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="there the patch breaks more than this")
def test_the_patch_loses_what_is_queued_and_this_process_is_not_patched():
    async def experiment():
        async with ThrowawayKernel() as child:
            await child.run_all([WORK, PATCH], PATIENCE_S)
            alone = await child.run_all(["asyncio.run(work())"], PATIENCE_S)
            # Two of these are lost, so all the patience is spent.
            return alone, await child.run_all(["asyncio.run(work())"] * 3, patience_s=6.0)

    alone, queued = run(experiment)
    assert came_back(alone) == ["cell 1"]
    assert came_back(queued) == ["cell 1"]
    assert [mark.lane for mark in queued.marks(kind="error", label=LOST)] == ["cell 2", "cell 3"]
    assert "nest_asyncio" not in sys.modules
    assert not hasattr(asyncio, "_nest_patched")


def test_a_cell_that_fails_comes_back_and_does_not_hold_up_the_next():
    async def experiment():
        async with ThrowawayKernel() as child:
            return await child.run_all(["1 / 0", "2"], PATIENCE_S)

    ledger = run(experiment)
    assert came_back(ledger) == ["cell 1", "cell 2"]
    assert [(m.lane, m.label) for m in ledger.marks(kind="error")] == [
        ("cell 1", "ZeroDivisionError")
    ]


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes can't be held here")
def test_a_kernel_that_gets_no_time_has_not_lost_its_cells():
    """Longer than the patience: silence counts only while the kernel answers otherwise."""

    async def experiment():
        async with ThrowawayKernel() as child:
            pid = child._manager.provisioner.pid
            os.kill(pid, signal.SIGSTOP)
            asyncio.get_running_loop().call_later(2.0, os.kill, pid, signal.SIGCONT)
            return await child.run_all(["1", "2"], patience_s=0.5)

    assert came_back(run(experiment)) == ["cell 1", "cell 2"]


def test_a_kernel_that_dies_is_noticed_and_its_cells_are_lost():
    async def experiment():
        async with ThrowawayKernel() as child:
            return await child.run_all(["import os\nos._exit(1)", "2"], patience_s=1.0)

    assert came_back(run(experiment)) == []


def test_stopped_in_the_middle_it_leaves_nothing_behind():
    async def experiment():
        async with ThrowawayKernel() as child:
            await child.run_all(["import time\ntime.sleep(60)"], patience_s=60)

    before = family()
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(experiment(), 3))
    assert family() <= before


def test_without_patience_there_is_nothing_to_wait_for():
    with pytest.raises(ValueError, match="patience_s=0"):
        asyncio.run(ThrowawayKernel().run_all(["1"], patience_s=0))
