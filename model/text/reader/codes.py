"""Recognise numbers that are codes, by the words before them: they are read digit by digit."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tanger.model.text.reader import number_words as say
from tanger.model.text.reader.scan import Reading, Scan

# Fewest digits of a code that a verb or a colon links to its name
_SHORTEST = 4
# Digits from which on a number is hardly ever a count
_LONG = 6
_CODE = re.compile(r"\d+(?:-\d+)*(?![\w-])")
_GROUPS = re.compile(r"\d+(?:[- ]\d+)*(?![\w-]|[.,:/]\d)")
_SHORT_CODE = re.compile(r"\d{5,6}(?!\w)")
_NOUN_AFTER = re.compile(r" [a-z]{3}")
# What may stand between the name of a code and the code
_LINKS = frozenset({"is", "was", "are", ":", "#", "no", "no.", "number", "numbers"})
# Tokens in which the name is searched for
_NEAR = 8


def code(scan: Scan, at: int) -> Reading | None:
    """Recognise a code: ``PIN 0427``, ``your code is 4829``, ``text HOME to 741741``."""
    before = [word.lower() for word in scan.words_before(3)]
    if _is_named(scan, before):
        match = _CODE.match(scan.text, at)
    elif _is_linked(scan):
        match = _GROUPS.match(scan.text, at)
        digits = 0 if match is None else sum(map(str.isdigit, match[0]))
        if match is None or digits < _SHORTEST:
            return None
        if digits < _LONG and _NOUN_AFTER.match(scan.text, match.end()):
            return None  # the code has 4000 lines
    elif _is_message(scan, before):
        match = _SHORT_CODE.match(scan.text, at)
    else:
        return None
    return Reading(match.end(), "number", say.digits(match[0])) if match else None


def _is_named(scan: Scan, before: Sequence[str]) -> bool:
    """Return whether the words before a number, nearest first, say that it is a code."""
    lists = scan.tables.lists
    if not before:
        return False
    ending = before[0] == "in" and len(before) > 1 and before[1] in lists["ending_words"]
    return before[0] in lists["code_words"] or ending


def _is_linked(scan: Scan) -> bool:
    """Return whether a verb, a colon or a sign links the name of a code to what follows."""
    linked = False
    for token in scan.tokens[: -_NEAR - 1 : -1]:
        written = token.text.lower()
        if token.kind == "space":
            continue
        if written not in _LINKS:
            lists = scan.tables.lists
            return linked and (written in lists["code_words"] or written in lists["code_nouns"])
        linked = True
    return False


def _is_message(scan: Scan, before: Sequence[str]) -> bool:
    """Return whether a keyword is to be sent to a number: ``text HOME to 741741``."""
    if len(before) < 3 or before[0] != "to" or before[2] not in scan.tables.lists["sending_words"]:
        return False
    keyword: str = scan.words_before(2)[1]
    return keyword.isupper()
