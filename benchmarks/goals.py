"""Compare measured figures with goals, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A row of the table: a measured figure and its goal.

    Attributes:
        what: description of the figure.
        goal: description of the goal.
        found: the measured figure; None if it could not be measured.
        met: whether it reaches the goal.
        note: figures from which it was computed.
    """

    what: str
    goal: str
    found: float | None
    met: bool | None
    note: str


def goal(what: str, aim: float, found: float | None, unit: str, note: str) -> Goal:
    """Compare a figure with the lower bound `aim` or, if it is negative, the upper bound `-aim`."""
    met = None if found is None else (found >= aim if aim > 0 else found <= -aim)
    return Goal(what, f"{'>=' if aim > 0 else '<='} {abs(aim):g} {unit}", found, met, note)


def show_table(rows: Sequence[Goal]) -> None:
    print(f"\n{'':48}{'goal':>10}{'found':>10}")
    for row in rows:
        shown = "-" if row.found is None else f"{row.found:,.2f}"
        verdict = {True: "met", False: "MISSED", None: ""}[row.met]
        print(f"{row.what:48}{row.goal:>10}{shown:>10}  {verdict:6}  {row.note}")
