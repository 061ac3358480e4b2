"""The door for incoming messages: a verdict with a reason, never an exception."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from equi_nodes.ros.convert import SECOND_NS, stamp_ns

FUTURE_NS = 50_000_000  # clocks of one robot agree better than this
OTHER_EPOCH_NS = 1_000_000 * SECOND_NS  # 11 days: recorded data, played without its clock
RESTART_NS = SECOND_NS  # so far back is a recording that loops, less is a late message
LATE_IN_A_ROW = 3  # so many late messages are a clock that was set back


@dataclass(frozen=True)
class Verdict:
    """What to do with a message.

    Attributes:
        reason: stable key of the refusal, empty when the message is accepted.
        detail: the refusal as one sentence for the user.
        is_restart: accepted, and time went back: what was remembered must be forgotten.
    """

    reason: str = ""
    detail: str = ""
    is_restart: bool = False

    @property
    def is_accepted(self) -> bool:
        """Return whether the message may be used."""
        return not self.reason


class Guard:
    """Judges the header of each message of one stream, then its content.

    Attributes:
        rejected: count by reason.
        is_recorded: the stamps are days away from the clock, so no age can be told from them.
        is_event: messages come when there is news, and silence says nothing.
    """

    is_event = False

    def __init__(self, frame_id: str = "", content: Callable[[Any], str] = lambda msg: "") -> None:
        """Start with nothing seen.

        Args:
            frame_id: the only frame to accept; empty takes that of the first message.
            content: returns why the rest of a message is refused, empty if it is not.
        """
        self.rejected: Counter[str] = Counter()
        self.is_recorded = False
        self._demanded_frame = frame_id
        self._content = content
        self._last_now_ns = 0
        self.restart()

    @property
    def frame(self) -> str:
        """Return the frame of the accepted messages, empty before the first."""
        return self._frame

    def restart(self) -> None:
        """Forget the last stamp and the first frame, but no count."""
        self._last_ns: int | None = None
        self._late = 0
        self._frame = self._demanded_frame

    def check(self, msg: Any, now_ns: int, *, is_sim_time: bool) -> Verdict:
        """Judge a message that has a header.

        Args:
            msg: the message, trusted in nothing.
            now_ns: time of the node's clock, 0 if it has none yet.
            is_sim_time: the clock is driven by messages and may stand still.
        """
        try:
            verdict = self._judge(msg, now_ns, is_sim_time)
        except Exception as error:  # whatever a sender does, the node must live
            verdict = Verdict("malformed", f"the message cannot be read: {error}")
        if verdict.reason:
            self.rejected[verdict.reason] += 1
        return verdict

    def _judge(self, msg: Any, now_ns: int, is_sim_time: bool) -> Verdict:
        stamp, frame = msg.header.stamp, msg.header.frame_id
        verdict = (
            self._check_frame(frame)
            or _check_digits(stamp)
            or self._check_future(stamp_ns(stamp), now_ns, is_sim_time)
            or self._check_content(msg)
            or self._check_order(stamp_ns(stamp))
        )
        if verdict.is_accepted:
            if verdict.is_restart:
                self.restart()
            self._last_ns, self._frame, self._late = stamp_ns(stamp), self._frame or frame, 0
        return verdict

    def _check_frame(self, frame: str) -> Verdict | None:
        if not frame:
            return Verdict("frame_empty", "frame_id is empty")
        if frame.startswith("/"):
            return Verdict("frame_slash", f"frame_id '{frame}' starts with a slash")
        if self._frame and frame != self._frame:
            return Verdict("frame_wrong", f"frame_id is '{frame}', expected '{self._frame}'")
        return None

    def _check_future(self, stamp: int, now_ns: int, is_sim_time: bool) -> Verdict | None:
        """Refuse a stamp ahead of a running clock; a simulated one may lag by one of its ticks."""
        tick = now_ns - self._last_now_ns if is_sim_time else 0
        is_running = now_ns > 0 and (tick > 0 or not is_sim_time)
        self._last_now_ns = now_ns
        self.is_recorded = is_running and abs(stamp - now_ns) > OTHER_EPOCH_NS
        ahead = stamp - now_ns
        if not is_running or self.is_recorded or ahead <= FUTURE_NS + tick:
            return None
        return Verdict("stamp_future", f"stamp is {ahead / SECOND_NS:.3f} s in the future")

    def _check_content(self, msg: Any) -> Verdict | None:
        detail = self._content(msg)
        return Verdict("content", detail) if detail else None

    def _check_order(self, stamp: int) -> Verdict:
        if self._last_ns is None or stamp > self._last_ns:
            return Verdict()
        if stamp == self._last_ns:
            return Verdict("stamp_duplicate", "stamp is that of the message before")
        back = self._last_ns - stamp
        self._late += 1
        if back >= RESTART_NS or self._late >= LATE_IN_A_ROW:
            return Verdict(is_restart=True)
        return Verdict("stamp_late", f"stamp is {back / SECOND_NS:.3f} s before the newest")


class EventGuard(Guard):
    """Judges messages that say what holds from now on, as maps and goals do.

    They may come in any frame, at any time, and again with the same stamp; tools that send them by
    hand leave the stamp zero.
    """

    is_event = True

    def _judge(self, msg: Any, now_ns: int, is_sim_time: bool) -> Verdict:
        self._frame = ""
        return self._check_frame(msg.header.frame_id) or self._check_content(msg) or Verdict()


def _check_digits(stamp: Any) -> Verdict | None:
    """Refuse a stamp that is no time."""
    if not 0 <= stamp.nanosec < SECOND_NS or stamp.sec < 0:
        return Verdict("stamp_invalid", f"stamp {stamp.sec} s {stamp.nanosec} ns is not a time")
    return Verdict("stamp_zero", "stamp is zero") if stamp_ns(stamp) == 0 else None


def limit_length(field: str, most: int) -> Callable[[Any], str]:
    """Return a content check that refuses lists longer than anything that is computed on."""

    def check(msg: Any) -> str:
        length = len(getattr(msg, field))
        return f"{length} {field} are more than the limit of {most}" if length > most else ""

    return check
