"""Decide whether a token is read letter by letter or as a word, with a probability.

The decision is made by, in this order: dots between the letters, a table that people edit, and a
logistic regression over letters, length and what the lexicon has for the word.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from tanger.model.phonology.stress import strip
from tanger.model.text import TableError
from tanger.model.text.derived_forms import plural, spelt_out

TABLE_FILE = "acronyms.tsv"
WEIGHTS_FILE = "acronyms.json"
FORMAT = "tanger-acronyms-1"

Suffix = Literal["", "s", "'s"]
Source = Literal["dots", "table", "digits", "capitals", "model", "case"]
# Probabilities of readings by rule: the share of such tokens for which they are right
_DOTS = 0.99
_TABLE = 0.98
_CASE = 0.97
_DIGITS = 0.9
_EMPHASIS = 0.98
# How much less likely letters are, as a factor of the odds, for a word of the lexicon that stands
# alone: many lists have all words in capitals, as CMUdict has
_ALONE = 3.0

_DOTTED = re.compile(r"(?:[^\W\d_]\.){2,}[^\W\d_]?|[^\W\d_]\.[^\W\d_]|[Pp]h\.?[Dd]\.?")
_POSSESSIVE = re.compile(r"(.+?)(?:['’]([sS]?))$")
_PLURAL = re.compile(r"([A-Z]{2,}|(?:[A-Za-z]\.){2,}|Ph\.?D\.?)s")
_LETTERS = re.compile(r"[A-Za-z]+")
# Lower or title case, of two letters or more, with a vowel
_SMALL = re.compile(r"(?=[a-zA-Z]*[aeiouyAEIOUY])[A-Za-z][a-z]+")
_VOWELS = frozenset("AEIOUY")


class Acronym(NamedTuple):
    """How a token is read.

    Attributes:
        letters: whether it is read letter by letter, rather than as a word.
        probability: probability that the decision is right.
        stem: the token without dots and suffix, in upper case.
        suffix: plural or possessive suffix: ``s``, ``'s`` or empty; both sound alike.
        source: which step made the decision.
    """

    letters: bool
    probability: float
    stem: str
    suffix: Suffix
    source: Source


class AcronymModel:
    """Decides how tokens are read. Immutable, and safe to share between threads."""

    def __init__(
        self, table: Mapping[str, tuple[bool, bool]], weights: Mapping[str, float]
    ) -> None:
        """Create a model.

        Args:
            table: by word in upper case, whether it is read by letters, and whether that also
                holds in lower case.
            weights: weights of the features of `features`, in logits of being read by letters.
        """
        self._table = table
        self._weights = weights

    @classmethod
    def load(cls, folder: Path) -> AcronymModel:
        """Load the model from a folder with ``acronyms.tsv`` and ``acronyms.json``.

        Raises:
            OSError: if a file is missing.
            TableError: if a file is malformed.
        """
        path = folder / WEIGHTS_FILE
        try:
            content = json.loads(path.read_text("utf-8"))
        except ValueError as e:
            raise TableError(path, 1, f"is no JSON: {e}") from e
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise TableError(path, 1, f"expected weights of the format {FORMAT}")
        return cls(read_table(folder / TABLE_FILE), content["weights"])

    def decide(
        self,
        token: str,
        pronunciations: Sequence[Sequence[str]] = (),
        *,
        beside_digits: bool = False,
        among_capitals: bool = False,
        alone: bool = False,
    ) -> Acronym | None:
        """Decide how a token is read; None if the model does not apply.

        It does not apply to tokens with characters other than A to Z, dots and a suffix, nor to
        tokens in mixed case that are not in the table, which `reader.letters` reads in parts.

        Args:
            token: token as written: ``FAQ``, ``faqs``, ``UK's``, ``M.D.s``, ``www``.
            pronunciations: the lexicon's pronunciations of the stem, in ARPAbet.
            beside_digits: whether the token is next to digits, as in CO2.
            among_capitals: whether the words around it are in capitals, too, so that its own
                capitals are no evidence.
            alone: whether there are no words around it.
        """
        if not pronunciations and _SMALL.fullmatch(token) and token.upper() not in self._table:
            return Acronym(False, _CASE, token.upper(), "", "case")  # as below, in a tenth the time
        stem, suffix = split_suffix(token)
        upper = stem.upper()
        if _DOTTED.fullmatch(stem):
            return Acronym(True, _DOTS, upper.replace(".", ""), suffix, "dots")
        if not _LETTERS.fullmatch(stem):
            return None
        listed = self._table.get(upper)
        if listed is not None and (listed[1] or stem.isupper()):
            return Acronym(listed[0], _TABLE, upper, suffix, "table")
        spelt, known = lexicon_readings(upper, pronunciations)
        decided = _by_rule(stem, spelt, known, beside_digits, among_capitals)
        if decided is None and (stem.isupper() or stem[1:].islower()):
            decided = self._by_model(upper, spelt, known, alone=alone)
        if decided is None:
            return None
        letters, probability, source = decided
        return Acronym(letters, probability, upper, suffix, source)

    def _by_model(
        self, upper: str, spelt: bool, known: bool, *, alone: bool
    ) -> tuple[bool, float, Source]:
        """Decide by the letters; return as `_by_rule`."""
        score = sum(self._weights.get(name, 0.0) for name in features(upper, spelt, known))
        if alone and known and not spelt:
            score -= math.log(_ALONE)
        probability = 1 / (1 + math.exp(-score))
        return probability >= 0.5, max(probability, 1 - probability), "model"


class LexiconAcronyms:
    """An acronym model with a lexicon; implements `reader.scan.Acronyms`."""

    def __init__(
        self, model: AcronymModel, look_up: Callable[[str], Sequence[Sequence[str]]]
    ) -> None:
        """Combine a model and a lexicon.

        Args:
            model: acronym model.
            look_up: returns the lexicon's pronunciations of a lower-case word, in ARPAbet.
        """
        self._model = model
        self._look_up = look_up

    def decide(
        self,
        token: str,
        *,
        beside_digits: bool = False,
        among_capitals: bool = False,
        alone: bool = False,
    ) -> tuple[bool, float]:
        """Return whether a token is read letter by letter, and the probability of that decision.

        Args:
            token: letters without a suffix.
            beside_digits: see `AcronymModel.decide`.
            among_capitals: see `AcronymModel.decide`.
            alone: see `AcronymModel.decide`.
        """
        decided = self._model.decide(
            token,
            self._look_up(token.lower()),
            beside_digits=beside_digits,
            among_capitals=among_capitals,
            alone=alone,
        )
        return (False, 1.0) if decided is None else (decided.letters, decided.probability)


def _by_rule(
    stem: str, spelt: bool, known: bool, beside_digits: bool, among_capitals: bool
) -> tuple[bool, float, Source] | None:
    """Decide by context or case; return letters, probability and source, or None if undecided."""
    vowelless = _VOWELS.isdisjoint(stem.upper())
    short = stem.isupper() and len(stem) <= 3
    if beside_digits and (short or (vowelless and not known)):
        return True, _DIGITS, "digits"
    if len(stem) == 1 or (stem[1:].islower() and (known or not vowelless)):
        return spelt and not known, _CASE, "case"
    if among_capitals and known:
        return False, _EMPHASIS, "capitals"
    return None


def split_suffix(token: str) -> tuple[str, Suffix]:
    """Split off the suffix of a plural or possessive; return stem and suffix.

    A lower-case s is a plural suffix only after capitals or dots: ``PRs``, ``M.D.s``, not ``news``.
    """
    if match := _POSSESSIVE.fullmatch(token):
        return split_suffix(match[1])[0], "'s"
    if match := _PLURAL.fullmatch(token):
        return match[1], "s"
    return token, ""


def phonemes(acronym: Acronym) -> tuple[str, ...]:
    """Return the phonemes of an acronym that is read by letters, without stress digits."""
    letters = spelt_out(acronym.stem)
    return plural(letters) if acronym.suffix else letters


def lexicon_readings(word: str, pronunciations: Iterable[Sequence[str]]) -> tuple[bool, bool]:
    """Return whether the lexicon has a word read by letters, and whether read as a word.

    Args:
        word: word in upper case.
        pronunciations: its pronunciations in ARPAbet, with or without stress digits.
    """
    letters = spelt_out(word)
    spelt = known = False
    for each in pronunciations:
        if strip(tuple(each)) == letters:
            spelt = True
        else:
            known = True
    return spelt, known


def features(word: str, spelt: bool, known: bool) -> list[str]:
    """Return the regression's features of a word.

    Args:
        word: word in upper case, A to Z.
        spelt: whether the lexicon has it read by letters.
        known: whether the lexicon has it read as a word.
    """
    length = min(len(word), 7)
    shape = "".join("V" if letter in _VOWELS else "C" for letter in word)
    marked = f"<{word}>"
    lexicon = f"{spelt:d}{known:d}"
    return [
        "bias",
        f"length {length}",
        f"lexicon {lexicon}",
        f"lexicon {lexicon} {length}",
        f"shape {shape if len(shape) <= 5 else shape[:3] + '-' + shape[-3:]}",
        f"vowels {shape.count('V')} of {length}",
        *(f"pair {marked[i : i + 2]}" for i in range(len(marked) - 1)),
        f"start {word[:3]}",
        f"end {word[-3:]}",
    ]


def read_table(path: Path) -> dict[str, tuple[bool, bool]]:
    """Read the table of readings: word, ``letters`` or ``word``, and ``any`` or ``capitals``.

    Raises:
        TableError: at the first malformed line.
    """
    table = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        match line.split("\t"):
            case [word, ("letters" | "word") as reading, ("any" | "capitals") as case] if (
                _LETTERS.fullmatch(word) and word.isupper()
            ):
                table[word] = (reading == "letters", case == "any")
            case _:
                raise TableError(
                    path, number, "expected WORD, letters or word, any or capitals, by tabs"
                )
    return table
