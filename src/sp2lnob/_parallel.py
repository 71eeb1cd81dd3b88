"""The only file that knows threads and lanes: replicates in blocks, blocks over threads.

A kernel evaluates LANES replicates side by side and releases the interpreter lock, so that plain threads scale. A
block's values depend on its replicates' numbers alone, and go to their own columns: the result has the same bits for
any number of threads and any size of block.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Event, Lock

import numpy as np

from ._typing import FloatArray
from ._validate import whole

LANES = 8  # as in _kernels/_lanes.pxd
GROUPS = 4  # groups of lanes in a block: small enough that Ctrl-C is heard, large enough that Python's part is small


def usable_cpus() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_replicates(
    evaluate: Callable[[int, int], FloatArray],
    rows: int,
    replicates: int,
    n_threads: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> FloatArray:
    """Evaluate replicates 1 to ``replicates`` and return their values, of shape (rows, replicates).

    ``evaluate(first, groups)`` returns the values of ``groups * LANES`` replicates from number ``first`` on.
    ``progress`` is told how many replicates each finished block held. An interrupt stops the blocks not begun and is
    passed on.
    """
    threads = usable_cpus() if n_threads is None else whole(n_threads, "n_threads", low=1)
    result = np.empty((rows, replicates))

    def fill(first: int) -> int:
        groups = min(GROUPS, -(-(replicates - first) // LANES))
        last = min(replicates, first + groups * LANES)
        result[:, first:last] = evaluate(first + 1, groups)[:, : last - first]
        return last - first

    starts = iter(range(0, replicates, GROUPS * LANES))
    if threads == 1:
        for start in starts:
            done = fill(start)
            if progress:
                progress(done)
        return result
    taking, stop = Lock(), Event()
    finished: Queue[int | BaseException | None] = Queue()  # replicates done; a failure; None when a thread has ended

    def work() -> None:
        try:
            while not stop.is_set():
                with taking:
                    start = next(starts, None)
                if start is None:
                    break
                finished.put(fill(start))
        except BaseException as error:
            finished.put(error)
        finally:
            finished.put(None)

    with ThreadPoolExecutor(threads) as pool:
        try:
            running = threads
            for _ in range(threads):
                pool.submit(work)
            while running:
                message = finished.get()
                if message is None:
                    running -= 1
                elif isinstance(message, BaseException):
                    raise message
                elif progress:
                    progress(message)
        finally:
            stop.set()
    return result
