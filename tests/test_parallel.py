"""Replicates over threads and executors: the same bits whoever works, and nothing finished is lost."""

import importlib
import math
import pickle
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import sp2lnob as sp
from sp2lnob import _parallel
from sp2lnob._parallel import GROUPS, LANES, Progress, map_replicates

ROWS = np.array([True, True, False])
BLOCK = GROUPS * LANES


def truth(n, rows=3):
    """Return what `Job` says, one number at a time."""
    values = np.array([[i * (r + 1) * 7919 % 1_000_003 / 997 for i in range(1, n + 1)] for r in range(rows)])
    values[1, 49::50] = math.nan
    return values


@pytest.fixture
def jobs(monkeypatch):
    """Return the module of jobs, by a name under which processes of their own find it."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module("_jobs")


class Memory:
    """A store that remembers."""

    def __init__(self, kept=()):
        self.kept, self.flushed = dict(kept), 0

    def load(self):
        return sorted(self.kept.items())

    def keep(self, first, values):
        assert first not in self.kept
        self.kept[first] = values.copy()

    def flush(self):
        self.flushed += 1

    @property
    def numbers(self):
        return sorted(i for first, values in self.kept.items() for i in range(first, first + values.shape[1]))


# -- the same bits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_threads", [1, 2, 3, 8, None])
@pytest.mark.parametrize("n", [2, 8, 31, 33, 257])
def test_threads_change_no_bit(jobs, n_threads, n):
    values, finished = map_replicates(jobs.Job(), ROWS, n, n_threads=n_threads)
    assert values.tobytes() == truth(n).tobytes()
    assert finished.all()


@pytest.mark.parametrize(("units", "groups"), [(1, GROUPS), (1 << 16, 4), (1 << 17, 2), (1 << 18, 1), (1 << 24, 1)])
def test_of_many_units_a_block_holds_fewer_replicates(units, groups):
    begun = []

    def evaluate(first, groups):
        begun.append((first, groups))
        return np.zeros((1, groups * LANES))

    map_replicates(evaluate, ROWS[:1], 100, units=units, n_threads=1)
    size = groups * LANES
    assert begun == [(first, min(groups, -(-(101 - first) // LANES))) for first in range(1, 101, size)]


def test_blocks_may_finish_in_any_order(jobs):
    """The first block to begin ends when the last is evaluated."""
    job, begun, last = jobs.Job(), [], threading.Event()

    def evaluate(first, groups):
        begun.append(first)
        if first == 1:
            assert last.wait(30)
        elif first + groups * LANES > 256:
            last.set()
        return job(first, groups)

    store = Memory()
    values, _ = map_replicates(evaluate, ROWS, 256, n_threads=2, store=store)
    assert 1 in list(store.kept)[-2:]
    assert values.tobytes() == truth(256).tobytes()


@pytest.mark.parametrize("cuts", [(), (33,), (2, 3, 9, 50, 51), (97, 98)])
def test_any_split_is_the_same_as_the_whole(jobs, cuts):
    ends = [1, *cuts, 101]
    values = np.zeros((3, 100))
    for start, stop in pairwise(ends):
        part, finished = map_replicates(jobs.Job(), ROWS, 100, only=range(start, stop), n_threads=2)
        assert np.flatnonzero(finished).tolist() == list(range(start - 1, stop - 1))
        values[:, finished] = part[:, finished]
    assert values.tobytes() == truth(100).tobytes()


@pytest.mark.parametrize("there", [[(1, 8)], [(9, 40)], [(3, 4), (60, 60), (90, 100)], [(1, 100)]])
def test_what_is_in_the_store_is_not_evaluated_again(jobs, there):
    everything, job, begun = truth(100), jobs.Job(), []
    store = Memory({first: everything[:, first - 1 : last] for first, last in there})

    def evaluate(first, groups):
        begun.append(first)
        return job(first, groups)

    values, finished = map_replicates(evaluate, ROWS, 100, n_threads=2, store=store)
    assert values.tobytes() == everything.tobytes()
    assert finished.all()
    assert store.numbers == list(range(1, 101))  # each once
    assert store.flushed == 1
    assert not any(first <= number <= last for first, last in there for number in begun)


# -- progress -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_threads", [1, 3])
def test_progress_counts_what_is_finished_and_what_failed(jobs, n_threads):
    told, caller = [], set()

    def tell(progress):
        told.append(progress)
        caller.add(threading.get_ident())

    map_replicates(jobs.Job(), ROWS, 200, n_threads=n_threads, progress=tell)
    assert caller == {threading.get_ident()}
    assert len(told) == -(-200 // BLOCK)
    assert {p.total for p in told} == {200}
    assert sorted(p.done for p in told) == [p.done for p in told]
    assert (told[-1].done, told[-1].failed, told[-1].left) == (200, 4, 0.0)
    assert sorted(p.seconds for p in told) == [p.seconds for p in told]


def test_a_value_that_the_full_sample_lacks_cannot_fail(jobs):
    told = []
    map_replicates(jobs.Job(), np.array([True, False, True]), 100, progress=told.append)
    assert told[-1].failed == 0


def test_progress_of_a_resumed_run_begins_with_what_is_there(jobs):
    told, store = [], Memory({1: truth(60)})
    map_replicates(jobs.Job(), ROWS, 100, n_threads=1, progress=told.append, store=store)
    assert [(p.done, p.total, p.failed, p.loaded) for p in told] == [
        (60, 100, 1, 60),
        (92, 100, 1, 60),
        (100, 100, 2, 60),
    ]
    assert math.isnan(told[0].left)


def test_progress_of_a_part_counts_the_part(jobs):
    told = []
    map_replicates(jobs.Job(), ROWS, 1000, progress=told.append, only=range(41, 57))
    assert [(p.done, p.total) for p in told] == [(16, 16)]


def test_what_is_left_goes_by_the_pace_of_this_run():
    assert Progress(done=40, total=100, failed=0, seconds=2.0, loaded=20).left == 6.0


# -- Ctrl-C ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_threads", [1, 2, 4])
def test_an_interrupt_returns_what_is_finished(jobs, n_threads):
    def interrupt(progress):
        if progress.done == 3 * BLOCK:
            raise KeyboardInterrupt

    store = Memory()
    job = jobs.Job(seconds=0.005)
    values, finished = map_replicates(job, ROWS, 10_000, n_threads=n_threads, progress=interrupt, store=store)
    assert 3 * BLOCK <= finished.sum() <= (3 + 2 * n_threads) * BLOCK  # and those under way
    assert values[:, finished].tobytes() == truth(10_000)[:, finished].tobytes()
    assert store.numbers == (np.flatnonzero(finished) + 1).tolist()
    assert store.flushed == 1


def test_a_second_interrupt_is_raised(jobs):
    def interrupt(progress):
        raise KeyboardInterrupt

    store = Memory()
    with pytest.raises(KeyboardInterrupt):
        map_replicates(jobs.Job(seconds=0.01), ROWS, 10_000, n_threads=2, progress=interrupt, store=store)
    assert store.flushed == 1
    assert len(store.kept) == 2  # that of either interrupt


SLOW = """
import sys, numpy as np
sys.path.insert(0, sys.argv[2])
from _jobs import Job
from sp2lnob._parallel import map_replicates
values, finished = map_replicates(Job(seconds=0.05), np.ones(3, dtype=bool), 1_000_000, n_threads=int(sys.argv[1]),
                                  progress=lambda progress: print("begun", flush=True))
assert not np.isinf(values[:, finished]).any()
print("finished", finished.sum(), finished[:32].all(), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to one process")
@pytest.mark.parametrize("n_threads", [1, 2])
def test_ctrl_c_returns_what_is_finished(n_threads):
    command = [sys.executable, "-c", SLOW, str(n_threads), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        try:
            last = process.communicate(timeout=60)[0].splitlines()[-1].split()
        finally:
            process.kill()
    assert process.returncode == 0
    assert last[0] == "finished"
    assert 32 <= int(last[1]) < 5000
    assert last[2] == "True"


# -- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_threads", [1, 2])
def test_an_error_in_a_block_is_raised_and_the_finished_are_kept(jobs, n_threads):
    store = Memory()
    with pytest.raises(ZeroDivisionError, match="replicate 70") as caught:
        map_replicates(jobs.Fails(), ROWS, 1000, n_threads=n_threads, store=store)
    assert store.flushed == 1
    assert set(range(1, 65)) <= set(store.numbers) if n_threads == 1 else store.numbers
    (note,) = caught.value.__notes__
    assert note == f"{len(store.numbers):,} of 1,000 replicates were finished, and are kept."


def test_without_a_store_the_finished_are_lost_and_it_says_so(jobs):
    with pytest.raises(ZeroDivisionError) as caught:
        map_replicates(jobs.Fails(), ROWS, 1000, n_threads=1)
    assert caught.value.__notes__ == ["64 of 1,000 replicates were finished, and are lost."]


def test_threads_below_one_are_refused(jobs):
    with pytest.raises(sp.InputError, match="n_threads must be 1 or more, but it is 0"):
        map_replicates(jobs.Job(), ROWS, 10, n_threads=0)


def test_an_executor_must_be_one(jobs):
    with pytest.raises(sp.InputTypeError, match=r"executor must have submit\(\)"):
        map_replicates(jobs.Job(), ROWS, 10, executor=4)


def test_a_job_that_cannot_be_pickled_is_refused_by_its_name():
    with ThreadPoolExecutor(1) as pool, pytest.raises(sp.InputError, match="must be pickled, but it cannot"):
        map_replicates(lambda first, groups: None, ROWS, 10, executor=pool)


# -- executors ------------------------------------------------------------------------------------------------------


class Counting:
    """An executor that counts the jobs and the bytes that it sends, and what is under way."""

    def __init__(self, pool, workers):
        self.pool, self._max_workers = pool, workers
        self.jobs, self.bytes, self.now, self.most, self.blocks = 0, 0, 0, 0, 0

    def submit(self, fn, *args):
        self.jobs += args[1] is not None
        self.bytes += len(pickle.dumps(args))
        self.blocks += 1
        self.now += 1
        self.most = max(self.most, self.now)
        future = self.pool.submit(fn, *args)
        future.add_done_callback(self.back)
        return future

    def back(self, future):
        self.now -= 1


@pytest.fixture
def processes():
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        yield pool


def test_processes_change_no_bit_and_are_sent_the_data_once(jobs, processes):
    workers, n, ballast = 2, 4000, 300_000
    counting = Counting(processes, workers)
    values, finished = map_replicates(jobs.Job(ballast=ballast), ROWS, n, executor=counting)
    assert values.tobytes() == truth(n).tobytes()
    assert finished.all()
    assert counting.most <= 2 * workers
    # Once a worker, and again to the blocks of the first wave that met a worker without it: not to all the 125 blocks.
    assert 1 <= counting.jobs <= workers + 2 * workers
    assert counting.bytes < counting.jobs * (ballast + 1000) + 300 * counting.blocks
    assert counting.blocks <= n / BLOCK + 2 * workers


class Forgetful:
    """Workers of which each forgets every job that it did not get with the block."""

    _max_workers = 1

    def submit(self, fn, *args):
        _parallel._held.clear()
        future = Future()
        future.set_result(fn(*args))
        return future


def test_a_worker_that_lacks_the_job_is_sent_it_again(jobs):
    values, _ = map_replicates(jobs.Job(), ROWS, 200, executor=Forgetful())
    assert values.tobytes() == truth(200).tobytes()


def test_a_worker_keeps_the_last_jobs_alone(jobs):
    _parallel._held.clear()
    with ThreadPoolExecutor(1) as pool:
        for ballast in (1, 2, 3, 4):
            map_replicates(jobs.Job(ballast=ballast), ROWS, 40, executor=pool)
    assert [len(job.ballast) for job in _parallel._held.values()] == [3, 4]


def test_an_executor_that_does_not_say_how_many_workers_it_has(jobs):
    class Bare:
        def submit(self, fn, *args):
            return pool.submit(fn, *args)

    with ThreadPoolExecutor(3) as pool:
        values, _ = map_replicates(jobs.Job(), ROWS, 3000, executor=Bare())
    assert values.tobytes() == truth(3000).tobytes()


def test_an_interrupt_stops_processes_too(jobs, processes):
    def interrupt(progress):
        raise KeyboardInterrupt

    store = Memory()
    with pytest.raises(KeyboardInterrupt):  # the second, from what was under way
        map_replicates(jobs.Job(seconds=0.01), ROWS, 100_000, executor=processes, progress=interrupt, store=store)
    assert 2 * BLOCK <= len(store.numbers) < 1000


def test_processes_are_interrupted_once(jobs, processes):
    def interrupt(progress):
        if progress.done == BLOCK:
            raise KeyboardInterrupt

    values, finished = map_replicates(jobs.Job(seconds=0.01), ROWS, 100_000, executor=processes, progress=interrupt)
    assert BLOCK <= finished.sum() < 1000
    assert values[:, finished].tobytes() == truth(100_000)[:, finished].tobytes()


def test_when_a_process_dies_it_is_said_what_is_kept(jobs, processes):
    store = Memory()
    with pytest.raises(BrokenProcessPool) as caught:
        map_replicates(jobs.Dies(), ROWS, 1000, executor=processes, store=store)
    assert caught.value.__notes__ == [f"{len(store.numbers):,} of 1,000 replicates were finished, and are kept."]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as anew:
        values, _ = map_replicates(jobs.Job(), ROWS, 1000, executor=anew, store=store)
    assert values.tobytes() == truth(1000).tobytes()


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed", reason="the dependency group 'test' has it")
    sys.path.insert(0, str(Path(__file__).parent))  # where the workers look for the jobs
    try:
        with (
            distributed.LocalCluster(
                n_workers=2, processes=True, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client
    finally:
        sys.path.pop(0)


@pytest.mark.parametrize("given", ["executor", "client"])
def test_dask_changes_no_bit(jobs, client, given):
    """Of 12 MB, which dask would warn of in a task, and pytest makes an error of."""
    executor = client.get_executor() if given == "executor" else client
    values, finished = map_replicates(jobs.Job(ballast=12_000_000), ROWS, 3000, executor=executor)
    assert values.tobytes() == truth(3000).tobytes()
    assert finished.all()


def test_dask_is_sent_the_data_once(jobs, client):
    """Or once more: it drops copies that no task waits for at the moment, and moves them again."""
    before = client.run(jobs.times_unpacked)
    map_replicates(jobs.Job(ballast=1000), ROWS, 3000, executor=client.get_executor())
    came = [times - before[worker] for worker, times in client.run(jobs.times_unpacked).items()]
    assert len(came) == 2
    assert all(1 <= times <= 2 for times in came)  # of 94 blocks


def test_an_error_at_dask_is_that_of_the_block(jobs, client):
    store = Memory()
    with pytest.raises(ZeroDivisionError, match="replicate 70"):
        map_replicates(jobs.Fails(), ROWS, 100, executor=client.get_executor(), store=store)


def test_dask_is_interrupted_once(jobs, client):
    def interrupt(progress):
        if progress.done == 2 * BLOCK:
            raise KeyboardInterrupt

    job = jobs.Job(seconds=0.01)
    values, finished = map_replicates(job, ROWS, 100_000, executor=client.get_executor(), progress=interrupt)
    assert 2 * BLOCK <= finished.sum() < 10_000
    assert values[:, finished].tobytes() == truth(100_000)[:, finished].tobytes()
