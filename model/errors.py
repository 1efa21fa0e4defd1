"""What all of tanger's own errors have in common."""

from __future__ import annotations


class TangerError(Exception):
    """An error whose message tells a person what is wrong and what to do.

    Programs that talk to people show the message and no traceback; every subclass carries its
    data as attributes too.
    """
