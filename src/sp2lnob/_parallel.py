"""The only file that knows threads, workers and lanes: replicates in blocks, blocks over whoever works.

A kernel evaluates LANES replicates side by side and releases the interpreter lock, so that plain threads scale. A
block's values depend on its replicates' numbers alone, and go to their own columns: the result has the same bits for
any number of threads, any size of block, any split of the replicates, and any executor.

To an executor of other processes the data are sent once, and ranges of replicates afterwards: a worker keeps the last
jobs under their hash; one that lacks a job says so, and its range is sent again with the job.
"""

import math
import operator
import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from queue import SimpleQueue
from threading import RLock
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from ._typing import BoolArray, FloatArray
from ._validate import fail, fail_type, whole

LANES = 8  # as in _kernels/_lanes.pxd
GROUPS = 4  # groups of lanes in a block: small enough that Ctrl-C is heard, large enough that Python's part is small
MOST_BYTES = 16 << 20  # of a block's factors, unless one group of lanes has more
UNKNOWN = 64  # workers that an executor may have that does not say how many
HELD = 2  # jobs that a worker keeps
ONE_AT_A_TIME = RLock()  # what threads find once and keep. It belongs to no survey: those travel to workers

Evaluate = Callable[[int, int], FloatArray]


@dataclass(frozen=True)
class Progress:
    """How far replicates are.

    Attributes
    ----------
    done, total : int
        Replicates finished, those loaded among them, and those wanted.
    failed : int
        Finished replicates without some value that the full sample has.
    seconds : float
        Since the first block began.
    loaded : int
        Replicates that an earlier run had finished.

    Examples
    --------
    >>> Progress(done=30, total=100, failed=0, seconds=4.0, loaded=10).left
    14.0
    >>> Progress(done=10, total=100, failed=0, seconds=0.0, loaded=10).left
    nan
    """

    done: int
    total: int
    failed: int
    seconds: float
    loaded: int = 0

    @property
    def left(self) -> float:
        """Seconds still to go, by the pace so far; NaN before the first block."""
        here = self.done - self.loaded
        return self.seconds / here * (self.total - self.done) if here else math.nan


class Store(Protocol):
    """Where finished replicates are kept."""

    def load(self) -> Iterable[tuple[int, FloatArray]]:
        """Return what an earlier run finished: number of the first replicate, and values of shape (rows, k)."""
        ...

    def keep(self, first: int, values: FloatArray) -> None:
        """Take the values of replicates from number ``first`` on, to write them now or soon."""
        ...

    def flush(self) -> None:
        """Write what was taken and not yet written."""
        ...


class Executor(Protocol):
    """What has the interface of ``concurrent.futures``."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> "Future[Any]":
        """Have a call made by a worker."""
        ...


Submit = Callable[[int, int, bool], "Future[Any]"]  # (first, groups, whether the worker lacked the job)


def usable_cpus() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_replicates(
    evaluate: Evaluate,
    expected: BoolArray,
    replicates: int,
    *,
    units: int = 1,
    n_threads: int | None = None,
    progress: Callable[[Progress], object] | None = None,
    executor: Executor | None = None,
    store: Store | None = None,
    only: range | None = None,
) -> tuple[FloatArray, BoolArray]:
    """Evaluate replicates: return their values, of shape (rows, replicates), and which of them are finished.

    Parameters
    ----------
    evaluate : callable
        ``evaluate(first, groups)`` returns the values of ``groups * LANES`` replicates from number ``first`` on, of
        shape (rows, groups * LANES). Numbers begin at 1. An executor of processes must be able to pickle it.
    expected : ndarray of shape (rows,), bool
        Where the full sample has a value.
    replicates : int
    units : int, default 1
        Resampling units, each of which has a factor in every replicate: of many, a block holds fewer replicates.
    n_threads : int, default None
        Threads, where no executor is given; None: the processors that this process may use.
    progress : callable, default None
        Told after each block how far it is, in the thread that called.
    executor : default None
        Anything with the interface of ``concurrent.futures``, whose workers evaluate the blocks.
    store : Store, default None
        Where finished replicates come from and go to.
    only : range, default None
        Numbers of the replicates that are wanted; None: all.

    Notes
    -----
    An interrupt stops what is not begun; what is finished is returned, and a second one is raised. The values of other
    replicates are anything: nothing is written there, for it may be more than memory holds.
    An error in a block is raised when what is finished is kept.
    """
    threads = usable_cpus() if n_threads is None else whole(n_threads, "n_threads", low=1)
    wanted = range(1, replicates + 1) if only is None else only
    values, finished = np.empty((len(expected), replicates)), np.zeros(replicates, dtype=np.bool_)
    done = failed = 0

    def take(first: int, made: FloatArray) -> None:
        nonlocal done, failed
        span = slice(first - 1, first - 1 + made.shape[1])
        values[:, span] = made
        failed += int((~np.isfinite(made[expected])).any(axis=0).sum())
        done += made.shape[1]
        finished[span] = True

    def tell() -> None:
        if progress:
            progress(Progress(done, len(wanted), failed, perf_counter() - start, loaded))

    for first, made in store.load() if store else ():
        if len(made) != len(values):  # one row would fill all others without a word
            fail(
                f"Kept replicates must have {len(values):,} values each",
                f"those from number {first:,} on have {len(made):,}",
                "Delete their file alone: the others are kept, and its replicates are computed again.",
            )
        take(first, made)
    loaded, start = done, perf_counter()
    if loaded:
        tell()
    blocks = _blocks(finished, wanted, max(1, min(GROUPS, MOST_BYTES // (8 * LANES * units))) * LANES)
    waiting: dict[Future[Any], tuple[int, int]] = {}
    answers: SimpleQueue[Future[Any]] = SimpleQueue()

    def send(first: int, last: int, lacked: bool = False) -> None:
        future = submit(first, -(-(last - first) // LANES), lacked)
        future.add_done_callback(answers.put)
        waiting[future] = first, last

    def receive(future: Future[Any], first: int, last: int) -> None:
        error = future.exception()
        if error is not None:
            raise error
        made = future.result()
        if made is None:
            send(first, last, lacked=True)
        elif not finished[first - 1]:  # an interrupt may have come while this was under way
            made = made[:, : last - first]
            take(first, made)
            if store:
                store.keep(first, made)
            tell()

    with _workers(evaluate, threads, executor) as (submit, most):
        try:
            while True:
                while len(waiting) < most and (block := next(blocks, None)):
                    send(*block)
                if not waiting:
                    break
                future = answers.get()
                receive(future, *waiting[future])
                del waiting[future]
        except KeyboardInterrupt:
            running = {future: block for future, block in waiting.items() if not future.cancel()}
            for future, block in running.items():
                # Ctrl-C is heard by worker processes too: what they did not finish is no error, and is not sent again.
                stopped = isinstance(future.exception(), (KeyboardInterrupt, BrokenExecutor))
                if not stopped and future.result() is not None:
                    receive(future, *block)
        except Exception as error:
            kept = "are kept" if store else "are lost"
            error.add_note(f"{done:,} of {len(wanted):,} replicates were finished, and {kept}.")
            raise
        finally:
            for future in waiting:
                future.cancel()
            if store:
                store.flush()
    return values, finished


def _blocks(finished: BoolArray, wanted: range, size: int) -> Iterator[tuple[int, int]]:
    """Yield what is to be done in blocks: numbers of the first replicate, and of the one after the last."""
    lacking = np.zeros(len(finished) + 2, dtype=np.bool_)  # by number, with an end on either side
    lacking[wanted.start : wanted.stop] = ~finished[wanted.start - 1 : wanted.stop - 1]
    ends = np.flatnonzero(lacking[1:] != lacking[:-1]) + 1
    for start, stop in ends.reshape(-1, 2).tolist():
        for first in range(start, stop, size):
            yield first, min(stop, first + size)


@contextmanager
def _workers(evaluate: Evaluate, threads: int, executor: Executor | None) -> Iterator[tuple[Submit, int]]:
    """Yield what has a block evaluated, and how many blocks should be under way at once."""
    if executor is None and threads == 1:  # in this thread: handing blocks over takes as long as a small one
        yield lambda first, groups, lacked: _at_once(evaluate, first, groups), 1
        return
    if executor is None:
        with ThreadPoolExecutor(threads) as pool:
            yield lambda first, groups, lacked: pool.submit(evaluate, first, groups), 2 * threads
        return
    if not callable(getattr(executor, "submit", None)):
        fail_type("executor must have submit(), as those of concurrent.futures have", executor, "Pass one of these.")
    client: Any = getattr(executor, "_client", executor)
    if hasattr(client, "scatter"):  # of dask, which moves data between its workers, and warns of those within a task
        sent = client.scatter(evaluate, broadcast=True, hash=False)
        workers = executor if hasattr(executor, "_client") else client.get_executor()
        yield lambda first, groups, lacked: workers.submit(operator.call, sent, first, groups), 2 * UNKNOWN
        return
    try:
        token = sha256(pickle.dumps(evaluate, pickle.HIGHEST_PROTOCOL)).hexdigest()
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        fail(
            "What an executor's workers are to evaluate must be pickled",
            f"it cannot ({error})",
            "Define your functions at the top of a module, or leave out executor=.",
        )
    known = getattr(executor, "_max_workers", None)
    carried = iter(range(known or 1))  # the first blocks carry the job, one a worker

    def submit(first: int, groups: int, lacked: bool) -> "Future[Any]":
        carries = lacked or next(carried, None) is not None
        return executor.submit(_evaluate_held, token, evaluate if carries else None, first, groups)

    yield submit, 2 * (known or UNKNOWN)


def _at_once(evaluate: Evaluate, first: int, groups: int) -> "Future[Any]":
    """Return a future that is there already."""
    future: Future[Any] = Future()
    try:
        future.set_result(evaluate(first, groups))
    except Exception as error:
        future.set_exception(error)
    return future


_held: dict[str, Evaluate] = {}  # in a worker: the last jobs by their hash


def _evaluate_held(token: str, job: Evaluate | None, first: int, groups: int) -> FloatArray | None:
    """Evaluate a block in a worker; None if it does not hold the job and none came."""
    evaluate = _held.get(token, job)
    if evaluate is None:
        return None
    if token not in _held:
        _held[token] = evaluate
        for old in list(_held)[:-HELD]:
            _held.pop(old, None)
    return evaluate(first, groups)
