"""Compare measured figures with goals, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A row of the table: a measured figure and its goal.

    Attributes:
        name: description of the figure.
        goal: description of the goal.
        measured: the figure; None if it could not be measured.
        met: whether it reaches the goal.
        note: figures from which it was computed.
    """

    name: str
    goal: str
    measured: float | None
    met: bool | None
    note: str


def goal(name: str, aim: float, measured: float | None, unit: str, note: str) -> Goal:
    """Compare a figure with the lower bound `aim` or, if it is negative, the upper bound `-aim`."""
    met = None if measured is None else (measured >= aim if aim > 0 else measured <= -aim)
    return Goal(name, f"{'>=' if aim > 0 else '<='} {abs(aim):g} {unit}", measured, met, note)


def show_table(rows: Sequence[Goal]) -> None:
    print(f"\n{'':48}{'goal':>10}{'measured':>10}")
    for row in rows:
        shown = "-" if row.measured is None else f"{row.measured:,.2f}"
        verdict = {True: "met", False: "MISSED", None: ""}[row.met]
        print(f"{row.name:48}{row.goal:>10}{shown:>10}  {verdict:6}  {row.note}")
