"""Probabilities as lexicons write them: with a point, and without an exponent."""

from __future__ import annotations

from decimal import Decimal


def positional(value: float) -> str:
    """The shortest such number that reads back as `value`."""
    written = f"{Decimal(repr(value)):f}"
    return written if "." in written else f"{written}.0"
