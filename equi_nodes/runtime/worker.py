"""Work that must not block the thread that hands it over: one slot, newest wins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def _nothing(*_: object) -> None:
    """Stand for a hook that was not given."""


class OneSlotWorker(Generic[Item, Result]):
    """Runs ``work`` on the newest item in one daemon thread; an older one that waits is dropped.

    The thread runs ``prepare(stopping)`` first, then for each item ``deliver(item, work(item))``.
    An exception of either goes to ``fail(item, exception)`` and the worker goes on.

    Attributes:
        taken: items handed to ``work``.
        dropped: items replaced by a newer one before they were taken.
        failed: items whose work or delivery raised.
    """

    def __init__(
        self,
        work: Callable[[Item], Result],
        deliver: Callable[[Item, Result], None],
        *,
        fail: Callable[[Item, Exception], None] = _nothing,
        prepare: Callable[[threading.Event], None] = _nothing,
        name: str = "worker",
    ) -> None:
        """Start the thread.

        Args:
            work: turns an item into a result; the only part that may take long.
            deliver: takes each result, in the worker's thread.
            fail: takes each exception, in the worker's thread.
            prepare: runs once before the first item; returns early when its event is set.
            name: name of the thread.
        """
        self.taken = self.dropped = self.failed = 0
        self._work, self._deliver, self._fail, self._prepare = work, deliver, fail, prepare
        self._slot: list[Item] = []
        self._filled = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Hand over an item without waiting; one that still waits is dropped and counted."""
        with self._filled:
            self.dropped += len(self._slot)
            self._slot = [item]
            self._filled.notify()

    def stop(self, timeout_s: float) -> bool:
        """End the thread and return whether it ended in time.

        A thread that is still at work is abandoned: what it computes is never delivered.
        """
        with self._filled:
            self._stopping.set()
            self._slot = []
            self._filled.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        self._prepare(self._stopping)
        while (item := self._take()) is not None:
            self._process(item)

    def _take(self) -> Item | None:
        """Wait for an item; None when the worker is to end."""
        with self._filled:
            self._filled.wait_for(lambda: self._slot or self._stopping.is_set())
            if self._stopping.is_set():
                return None
            self.taken += 1
            return self._slot.pop()

    def _process(self, item: Item) -> None:
        try:
            result = self._work(item)
            if not self._stopping.is_set():
                self._deliver(item, result)
        except Exception as error:  # one bad item must not end the thread that serves all others
            if self._stopping.is_set():  # what it needs may be gone already
                return
            self.failed += 1
            self._fail(item, error)
