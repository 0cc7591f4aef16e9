"""Whether this system lets a program use io_uring.

Plan: ask for the smallest ring there is, and give it back. Containers often refuse the
system call (Docker's usual filter does, and so does Binder), an administrator may, and
other systems do not have it; each says no by an error, and by nothing worse.

Left out: rings. A lesson builds them in its cells.
"""

from __future__ import annotations

import ctypes
import os
import sys

SETUP = 425  # io_uring_setup(2): the same number on every processor but alpha
PARAMETERS_BYTES = 120  # struct io_uring_params


def is_allowed() -> bool:
    """Tell whether the kernel gives this process a ring."""
    if sys.platform != "linux":
        return False
    call = ctypes.CDLL(None).syscall
    call.restype = ctypes.c_long
    parameters = ctypes.create_string_buffer(PARAMETERS_BYTES)
    ring = call(ctypes.c_long(SETUP), ctypes.c_uint(1), parameters)
    if ring < 0:
        return False
    os.close(ring)
    return True
