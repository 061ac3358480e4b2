"""What the planning node counts, as a report for the diagnostics."""

from __future__ import annotations

from collections import Counter

from equi_nodes.ros.diagnostics import WARN, Report
from equi_nodes.ros.statistics import Durations
from equi_nodes.samples import GridSample, PlanCode, PlanSample


class PlanFigures:
    """How plans ended, who made them, and how long they took.

    Attributes:
        counts: by key of the report: goals received, rejected, replaced, cancelled; plans by
            planner and by code.
        standing: how planning to the kept goal ended, None while there is none.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.standing: PlanSample | None = None
        self._took = Durations()
        self._fallback = ""

    def note(self, plan: PlanSample, took_ns: int, *, is_cancelled: bool) -> None:
        """Count one plan."""
        self._took.add(took_ns)
        if is_cancelled:
            return
        self.counts[f"planner.{plan.planner}"] += 1
        self.counts[f"code.{plan.code.name}"] += 1
        if plan.is_fallback:
            self.counts["fallbacks"] += 1
            self._fallback = "; ".join(plan.notes)

    def report(self, grid: GridSample | None) -> Report:
        """Return the figures; that the kept goal cannot be reached is a WARN with the reason."""
        height, width = grid.cells.shape if grid else (0, 0)
        values = {
            "map": f"{width} x {height}",
            "map_stamp_ns": grid.stamp_ns if grid else 0,
            "planning_ms_p50": self._took.percentile_ms(50),
            "planning_ms_p99": self._took.percentile_ms(99),
        }
        values |= dict(sorted(self.counts.items()))
        if self._fallback:
            values["newest_fallback"] = self._fallback
        plan = self.standing
        if plan is None:
            return Report(message="no goal is kept", values=values)
        values |= {"length": plan.length, "cost": plan.cost, "known_share": plan.known_share}
        report = Report(message=f"planned by {plan.planner}", values=values)
        if plan.code != PlanCode.NONE:
            report.raise_to(WARN, f"no plan to the goal, {plan.code.name}: {plan.reason}")
        return report
