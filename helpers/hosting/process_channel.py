"""A child process and the channel to it: values and exceptions, both ways, by value.

Plan: the child runs one function of ours or of a cell, `function(channel, *args)`. Both ends
send frames, a length and a pickle, over the child's standard input and output. cloudpickle
takes functions and classes of a cell along by value, so a class that a cell made is the same
class when an instance of it comes back. An exception comes back with its attributes, its
notes, its cause, and one more note that says where it was raised.

A child must not outlive the kernel, however that ends. A child that waits leaves when its
input ends, but one inside a long call into C never looks there, nor does any thread of its
own while that call holds the interpreter's lock. So each child has a guard: a process of two
lines that waits at a pipe whose other end only the kernel holds. When the kernel is gone,
the system closes the pipe, and the guard kills the child.

Left out: what is sent (process_call.py, child_server.py), and a pool of processes.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import pickle
import struct
import subprocess
import sys
import traceback
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

STOP_S = 5.0
_CHILD = "from helpers.hosting.process_channel import serve_parent; serve_parent()"
_GUARD = (
    "import os, sys; sys.stdin.buffer.read(); "
    "os.kill(int(sys.argv[1]), 9)"  # Windows ends the process, whatever the number
)


class ChannelClosed(Exception):
    """The other end of the channel is gone."""


class Channel:
    """One end of a channel: `send` a value, `receive` the next one."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO):
        self._reader, self._writer = reader, writer

    def send(self, value: object) -> None:
        """Send a value; a ChannelClosed if the other end is gone, or pickle's own errors."""
        message = _dumped(value)
        try:
            self._writer.write(struct.pack("!Q", len(message)) + message)
            self._writer.flush()
        except (OSError, ValueError):  # ValueError: this end was closed
            raise ChannelClosed("the other end of the channel is gone") from None

    def receive(self):
        """Return the next value, or raise the exception that was sent; at the end ChannelClosed."""
        try:
            header = self._reader.read(8)
            length = struct.unpack("!Q", header)[0] if len(header) == 8 else 1
            message = self._reader.read(length)
        except (OSError, ValueError):
            message, length = b"", 1
        if len(message) < length:
            raise ChannelClosed("the other end of the channel is gone")
        value = pickle.loads(message)
        if isinstance(value, _Raised):
            raise value.error
        return value

    def send_error(self, error: BaseException) -> None:
        """Send an exception, to be raised at the other end."""
        self.send(_Raised(_sendable(error)))


class ChildProcess(Channel):
    """A child process that runs function(channel, *args), and the parent's end of the channel.

    What the child prints comes out at this process's standard error, or in the file `output`.
    """

    def __init__(self, function: Callable, *args, output: BinaryIO | None = None):
        self._child = subprocess.Popen(
            [sys.executable, "-c", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,  # keeps the Stop button's signal away from it
        )
        super().__init__(self._child.stdout, self._child.stdin)
        try:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _GUARD, str(self._child.pid)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            with contextlib.suppress(ChannelClosed):  # receiving says so
                self.send((function, args))
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """Return the process id of the child."""
        return self._child.pid

    def close(self, patience_s: float = STOP_S) -> int:
        """End the channel, kill the child if it has not left in time; return its exit code.

        May be called again, also after it was interrupted.
        """
        with contextlib.suppress(OSError):
            self._child.stdin.close()
        try:
            self._child.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._child.kill()
        return self.kill()

    def kill(self) -> int:
        """Kill the child, if it has not ended; return its exit code."""
        # First the guard: later, the child's number may be another process's.
        if guard := getattr(self, "_guard", None):
            guard.kill()
            guard.wait()
            guard.stdin.close()
        self._child.kill()
        code = self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            with contextlib.suppress(OSError, ValueError):
                pipe.close()
        return code


def serve_parent() -> None:
    """Run in the child what the parent sends first; send an exception, if that raises one."""
    # What the function prints must not get into what it sends.
    channel = Channel(sys.stdin.buffer, os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    try:
        function, args = channel.receive()
        function(channel, *args)
    except ChannelClosed:
        pass  # the parent is gone
    except Exception as error:
        with contextlib.suppress(ChannelClosed):
            channel.send_error(error)
    # A thread may be deep in work, or still read the input: nothing is owed to it any more.
    sys.stderr.flush()
    os._exit(0)


# --- pickles


class _Raised(NamedTuple):
    """An exception to be raised at the other end, not a value."""

    error: BaseException


@functools.cache
def _pickler() -> type:
    """Return cloudpickle's pickler, taught to send exceptions with all that belongs to them."""
    import cloudpickle

    class Pickler(cloudpickle.Pickler):
        def reducer_override(self, value):
            if isinstance(value, BaseException) and _is_builtin(type(value).__reduce__):
                links = value.__cause__, value.__context__, value.__suppress_context__
                kind, args, *state = value.__reduce__()
                return _rebuilt, (kind, args, value.args, state[0] if state else {}, links)
            return super().reducer_override(value)

    return Pickler


def _dumped(value: object) -> bytes:
    file = io.BytesIO()
    _pickler()(file).dump(value)
    return file.getvalue()


def _is_builtin(method: object) -> bool:
    return not hasattr(method, "__code__")


def _rebuilt(kind: type, arguments: tuple, args: tuple, state: dict, links: tuple):
    """Return an exception as it was, without its class's own __init__.

    That may want other arguments than it handed on; pickle alone would call it with these.
    """
    error = kind.__new__(kind, *arguments)
    builtin = next(base for base in kind.__mro__ if base.__module__ == "builtins")
    builtin.__init__(error, *arguments)
    error.args = args
    error.__setstate__(state)
    error.__cause__, error.__context__, error.__suppress_context__ = links
    return error


def _sendable(error: BaseException) -> BaseException:
    """Return the exception if it arrives, else without what led to it, else in words."""
    if error.__traceback__ is not None:
        lines = "".join(traceback.format_tb(error.__traceback__))
        error.add_note(f"Raised in another process:\n{lines}".rstrip())
    for links in ({}, {"__cause__": None, "__context__": None}):
        for name, value in links.items():
            setattr(error, name, value)
        try:
            pickle.loads(_dumped(error))
            return error
        except Exception:
            continue
    words = RuntimeError(f"{type(error).__name__}: {error}")
    for note in getattr(error, "__notes__", ()):
        words.add_note(note)
    return words
