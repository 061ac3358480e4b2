"""Nodes that end when the process that started them is gone, however it ended; on Linux."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

VARIABLE = "EQUI_PARENT"  # holds the id of the process that a node belongs to
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def request() -> dict[str, str]:
    """Return the variables that make a node end with this process."""
    return {VARIABLE: str(os.getpid())}


def obey() -> None:
    """Have the kernel end this process with its parent, if the parent asks for that.

    The kernel sends SIGKILL: nobody is left to kill a node that does not end by itself. It does so
    when the thread that started this process ends, so nodes are started by threads that last.
    """
    parent = os.environ.pop(VARIABLE, "")  # what this process starts has another parent
    if not parent or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it had gone before the kernel was asked
        os.kill(os.getpid(), signal.SIGKILL)
