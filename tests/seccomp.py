"""Run a program to which the kernel refuses io_uring, as a container does.

Plan: a filter of system calls that answers the three calls of io_uring with an error, and
lets all others pass. It needs no root, and programs that are started inherit it. Docker's
usual filter says EPERM; a system that has no io_uring says ENOSYS.

Usage: seccomp.py EPERM program [argument ...]
"""

import ctypes
import errno
import os
import struct
import sys

CALLS = (425, 426, 427)  # io_uring_setup, io_uring_enter, io_uring_register
NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2  # for prctl(2)
LOAD_NUMBER, EQUALS, RETURN = 0x20, 0x15, 0x06  # of a filter's instructions
ALLOW, ERROR = 0x7FFF0000, 0x00050000


def refuse(error: int) -> None:
    """Refuse io_uring to this process and its children from now on; an OSError if that fails."""
    steps = [(LOAD_NUMBER, 0, 0, 0)]
    for call in CALLS:
        steps += [(EQUALS, 0, 1, call), (RETURN, 0, 0, ERROR | error)]
    steps.append((RETURN, 0, 0, ALLOW))
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in steps))
    program = struct.pack("<H6xQ", len(steps), ctypes.addressof(code))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for arguments in (
        (NO_NEW_PRIVILEGES, 1, 0, 0, 0),
        (SECCOMP, FILTER, ctypes.create_string_buffer(program), 0, 0),
    ):
        if prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    refuse(getattr(errno, sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
