"""The interface of the text reader to a language: tables, and recognisers in their order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tanger.model.text.reader.scan import Acronyms, Reading, Scan
from tanger.model.text.reader.tables import Tables

Recognizer = Callable[[Scan, int], Reading | None]


class Clitics(NamedTuple):
    """Elided words that are pronounced as one with the next word: ``l'`` in *l'eau*.

    Attributes:
        sounds: pronunciations in IPA by elided word, without the apostrophe, in lower case.
        whole: words with an apostrophe that are no such pair: *aujourd'hui*.
    """

    sounds: Mapping[str, str] = {}
    whole: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Language:
    """The tables of a language, and its recognisers in the order in which they are tried.

    Attributes:
        code: code of the language, in lower case.
        tables: tables of the language.
        plain: pattern for ordinary words, with what may follow them; they skip the recognisers.
        needs_care: whether a word that matches `plain` needs the recognisers after all.
        letters: recognisers tried at a letter or an apostrophe.
        numbers: recognisers tried at a digit or another start of a number.
        signs: recognisers tried elsewhere.
        unknown: reads a character that no recogniser knows.
        clitics: elided words.
        possessive: ending that numbers, abbreviations and codes may have; none by default.
        arpabet: whether its tables of pronunciations are in ARPAbet, in which case homographs,
            weak forms and derived forms are available.
    """

    code: str
    tables: Tables
    plain: re.Pattern[str]
    needs_care: Callable[[Tables, Acronyms, str], bool]
    letters: Sequence[Recognizer]
    numbers: Sequence[Recognizer]
    signs: Sequence[Recognizer]
    unknown: Callable[[Scan, int], Reading]
    clitics: Clitics = field(default_factory=Clitics)
    possessive: str = ""
    arpabet: bool = False
