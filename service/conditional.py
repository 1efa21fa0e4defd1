"""Conditional requests (RFC 9110, 13): an answer that the other side has is not sent again."""

from __future__ import annotations


def has(if_none_match: str | None, tag: str) -> bool:
    """Whether the header ``If-None-Match`` names this entity tag, by weak comparison (13.1.2)."""
    given = [part.strip().removeprefix("W/") for part in (if_none_match or "").split(",")]
    return tag in given or given == ["*"]
