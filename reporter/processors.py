"""How much of this machine there is for a command."""

import os
import sys
import threading


def count() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def for_forks() -> int:
    """How many of them it may use by forking itself: one where that is not safe, which is elsewhere than on Linux, and
    beside another thread, as a lock that it holds would stay locked in the copy."""
    return count() if sys.platform == "linux" and threading.active_count() == 1 else 1
