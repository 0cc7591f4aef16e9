"""The Stop button, without a kernel: what a signal wakes, and what holds up a loop is ended."""

import asyncio
import contextlib
import os
import signal
import socket
import threading
import time

import pytest

from helpers.course import stop_button


class Shell:
    """What `install` needs of IPython."""

    def __init__(self):
        self.kernel, self.events = None, self
        self.callbacks = {"pre_run_cell": [], "post_execute": []}

    def register(self, event, callback):
        self.callbacks[event].append(callback)


@pytest.fixture
def installed(monkeypatch):
    """Install it as in a kernel whose handler of SIGINT cancels a task and wakes nobody."""
    ip, told = Shell(), []
    monkeypatch.setattr(stop_button.notebook, "shell", lambda: ip)
    before = signal.signal(signal.SIGINT, lambda *_: told and told[0].cancel())
    raising = signal.getsignal(signal.SIGUSR2)
    yield told
    signal.signal(signal.SIGINT, before)
    signal.signal(signal.SIGUSR2, raising)
    signal.set_wakeup_fd(-1)


def stopped(code, told, *, install, fallback_s=20):
    """Run code as a cell, send the Stop button's signal; tell what ended it."""
    loop, ended = asyncio.new_event_loop(), []

    async def cell():
        if install:
            stop_button.install()
        loop.call_later(fallback_s, lambda: ended or (ended.append("nothing"), task.cancel()))
        threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
        try:
            await code()
        finally:
            stop_button._cell_ends()

    task = loop.create_task(cell())
    told.append(task)
    try:
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
    finally:
        loop.close()
    return ended or ["the signal"]


on_unix = pytest.mark.skipif(not hasattr(signal, "SIGUSR2"), reason="a Unix signal is needed")


async def waits():
    await asyncio.Event().wait()


@on_unix
def test_a_signal_ends_a_cell_that_awaits_on_an_idle_loop(installed):
    assert stopped(waits, installed, install=True) == ["the signal"]


@on_unix
def test_without_that_the_loop_sleeps_on(installed):
    assert stopped(waits, installed, install=False, fallback_s=1) == ["nothing"]


def test_outside_of_the_main_thread_nothing_happens(installed):
    thread = threading.Thread(target=stop_button.install)
    thread.start()
    thread.join(10)
    assert signal.set_wakeup_fd(-1) == -1


@on_unix
def test_installed_twice_it_listens_once(installed):
    async def main():
        stop_button.install()
        stop_button.install()

    asyncio.run(main())
    ip = stop_button.notebook.shell()
    assert [len(callbacks) for callbacks in ip.callbacks.values()] == [1, 1]
    assert [t.name for t in threading.enumerate()].count("stop button") == 1


# --- a limit that holds although the code awaits nothing


def limited(code, seconds=0.2):
    """Run code under a limit; return whether the limit had to end it."""
    before = signal.getsignal(signal.SIGUSR2)

    async def main():
        with stop_button.limit(seconds) as necessary:
            try:
                await code()
            except asyncio.CancelledError:
                assert necessary.is_set()
            return necessary.is_set()

    ended = asyncio.run(main())
    assert signal.getsignal(signal.SIGUSR2) is before
    return ended


async def computes():
    while True:
        pass


async def sleeps():
    time.sleep(30)


async def receives():
    one, other = socket.socketpair()
    with one, other:
        one.recv(1)


async def catches_what_it_should_not():
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.01)


async def gathers():
    await asyncio.gather(computes(), asyncio.sleep(30))


BUSY = [computes, sleeps, receives, catches_what_it_should_not, gathers]


@on_unix
@pytest.mark.parametrize("code", BUSY)
def test_stop_ends_code_that_holds_up_its_loop(installed, code):
    assert stopped(code, installed, install=True) == ["the signal"]


@on_unix
@pytest.mark.parametrize("code", BUSY)
def test_a_limit_ends_code_that_holds_up_its_loop(code):
    assert limited(code)


@pytest.mark.parametrize("code", [computes, catches_what_it_should_not])
def test_in_another_thread_it_ends_what_runs_python(code):
    found = []
    thread = threading.Thread(target=lambda: found.append(limited(code)))
    thread.start()
    thread.join(20)
    assert found == [True]


def test_a_limit_leaves_alone_what_awaits_and_what_ends_in_time():
    async def awaits():
        await asyncio.sleep(0.8)

    async def ends():
        time.sleep(0.05)

    assert not limited(awaits)
    assert not limited(ends, seconds=5)
