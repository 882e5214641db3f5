"""What a benchmark measured, and how it is printed."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Baseline", "Figure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What the same machine needs, in the same run, for the part of the work that nobody can avoid."""

    name: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value in `unit`. `budget` limits the value itself, `ratio_budget` its ratio to the baseline."""

    name: str
    value: float
    unit: str = "s"
    budget: float | None = None
    baseline: Baseline | None = None
    ratio_budget: float | None = None

    @property
    def ratio(self) -> float | None:
        if self.baseline is None or self.baseline.value <= 0:
            return None
        return self.value / self.baseline.value

    @property
    def holds(self) -> bool | None:
        """Whether every budget is kept; None where there is none."""
        kept = []
        if self.budget is not None:
            kept.append(self.value < self.budget)
        if self.ratio_budget is not None and self.ratio is not None:
            kept.append(self.ratio <= self.ratio_budget)
        return all(kept) if kept else None

    def line(self, *, judged: bool) -> str:
        """One line for people; `judged`: the budgets were made for work of this size."""
        parts = [f"  {self.name:<58}{_shown(self.value, self.unit):>12}"]
        limits = []
        if self.budget is not None:
            limits.append(f"< {_shown(self.budget, self.unit)}")
        if self.ratio_budget is not None:
            limits.append(f"≤ {self.ratio_budget:g}×")
        parts.append(f"{'budget ' + ', '.join(limits) if limits else '':<20}")
        if self.baseline is not None and self.ratio is not None:
            parts.append(f"{self.ratio:5.2f}× {self.baseline.name} ({_shown(self.baseline.value, self.unit)})")
        if judged and self.holds is not None:
            parts.append("holds" if self.holds else "DOES NOT HOLD")
        return "  ".join(parts).rstrip()


def _shown(value: float, unit: str) -> str:
    digits = 0 if unit == "MB" else 3 if value < 1 else 2
    return f"{value:.{digits}f} {unit}"
