"""A child that outlives its coordinator ends within two seconds, whatever it is doing (P5).

The loop sees the control channel close, flushes and exits. That needs a loop that runs; so on
Linux the kernel also raises SIGHUP when the parent dies, and the handler of SIGHUP is the C
function `alarm`: alarm(1), and one second later SIGALRM, which nobody handles, ends the process
even when it is stuck in C code that never lets Python run. (SIGHUP is signal number 1, and a
handler is called with its signal's number.)
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tie_to_parent(parent: int) -> None:
    """End this process when `parent`, the process that started it, ends."""
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
    libc.signal.restype = ctypes.c_void_p
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    libc.signal(int(signal.SIGHUP), ctypes.cast(libc.alarm, ctypes.c_void_p))
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGHUP))
    if os.getppid() != parent:
        # It died before the kernel was told to tell us.
        os._exit(1)
