"""Promises of the one-slot worker: the newest wins, nothing blocks, nothing ends it but stop."""

from __future__ import annotations

import threading
import time

import pytest

from equi_nodes.runtime.worker import OneSlotWorker

LIMIT_S = 5.0


class Bench:
    """A worker whose steps take as long as the test wants."""

    def __init__(self, **hooks):
        self.begun, self.go_on = threading.Semaphore(0), threading.Semaphore(0)
        self.delivered, self.failures = [], []
        self.done = threading.Semaphore(0)
        self.worker = OneSlotWorker(self.work, self.deliver, fail=self.fail, **hooks)

    def work(self, item):
        self.begun.release()
        assert self.go_on.acquire(timeout=LIMIT_S)
        if item == "bad":
            raise ValueError(item)
        return item * 2

    def deliver(self, item, result):
        self.delivered.append((item, result))
        self.done.release()

    def fail(self, item, error):
        self.failures.append((item, str(error)))
        self.done.release()

    def finish(self, count=1):
        for _ in range(count):
            self.go_on.release()
            assert self.done.acquire(timeout=LIMIT_S)


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    for _ in range(10):
        bench.go_on.release()
    bench.worker.stop(LIMIT_S)


def test_of_those_that_wait_the_newest_wins(bench):
    bench.worker.put(1)
    assert bench.begun.acquire(timeout=LIMIT_S)
    for item in (2, 3, 4):
        bench.worker.put(item)
    bench.finish(2)
    assert bench.delivered == [(1, 2), (4, 8)]
    assert (bench.worker.taken, bench.worker.dropped, bench.worker.failed) == (2, 2, 0)


def test_handing_over_never_waits(bench):
    bench.worker.put(0)
    assert bench.begun.acquire(timeout=LIMIT_S)
    started = time.monotonic()
    for item in range(1000):
        bench.worker.put(item)
    assert time.monotonic() - started < 1.0


def test_an_exception_is_counted_and_the_next_item_is_served(bench):
    bench.worker.put("bad")
    bench.finish()
    bench.worker.put(5)
    bench.finish()
    assert bench.failures == [("bad", "bad")]
    assert bench.delivered == [(5, 10)]
    assert bench.worker.failed == 1


def test_stop_ends_an_idle_worker(bench):
    assert bench.worker.stop(LIMIT_S)


def test_a_stuck_worker_is_abandoned_and_delivers_nothing(bench):
    bench.worker.put(1)
    assert bench.begun.acquire(timeout=LIMIT_S)
    assert not bench.worker.stop(0.05)
    bench.go_on.release()
    assert bench.worker.stop(LIMIT_S)
    assert bench.delivered == []


def test_preparation_comes_first_and_hears_of_the_end():
    prepared = []

    def prepare(stopping):
        prepared.append(stopping.wait(LIMIT_S))

    bench = Bench(prepare=prepare)
    bench.worker.put(1)
    assert bench.worker.stop(LIMIT_S)
    assert prepared == [True]
    assert bench.delivered == []


def test_what_fails_while_it_stops_is_no_failure(bench):
    bench.worker.put("bad")
    assert bench.begun.acquire(timeout=LIMIT_S)
    bench.worker.stop(0.0)
    bench.go_on.release()
    bench.worker.stop(LIMIT_S)
    assert (bench.failures, bench.worker.failed) == ([], 0)
