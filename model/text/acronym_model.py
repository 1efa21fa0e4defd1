"""Whether a token is read letter by letter or as a word, and how sure that is.

What decides, in this order: dots between the letters, a table that people edit, and a logistic
regression over letters, length and what the lexicon has for the word.
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
# A reading, and the share of such tokens that it is right for
_DOTS = 0.99
_TABLE = 0.98
_CASE = 0.97
_DIGITS = 0.9
_EMPHASIS = 0.98

_DOTTED = re.compile(r"(?:[^\W\d_]\.){2,}[^\W\d_]?|[^\W\d_]\.[^\W\d_]|[Pp]h\.?[Dd]\.?")
_POSSESSIVE = re.compile(r"(.+?)(?:['’]([sS]?))$")
_PLURAL = re.compile(r"([A-Z]{2,}|(?:[A-Za-z]\.){2,}|Ph\.?D\.?)s")
_LETTERS = re.compile(r"[A-Za-z]+")
# A change of case that ends a part: "chatG", and "GPTt" before its last capital
_PARTS = re.compile(r"[A-Z]{2,}s(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]+")
_VOWELS = frozenset("AEIOUY")


class Acronym(NamedTuple):
    """How a token is read.

    Attributes:
        letters: letter by letter, rather than as a word.
        probability: that this is right.
        stem: the token without dots and ending, in upper case.
        suffix: a plural or a possessive, pronounced alike: ``s``, ``'s`` or nothing.
        source: what decided.
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
        """Put a model together.

        Args:
            table: for a word in upper case, whether it is letters, and whether that holds of it in
                lower case, too.
            weights: of the features of `features`, in logits of being letters.
        """
        self._table = table
        self._weights = weights

    @classmethod
    def load(cls, folder: Path) -> AcronymModel:
        """The model of a folder with ``acronyms.tsv`` and ``acronyms.json``.

        Raises:
            OSError: where a file is missing.
            TableError: where one cannot be read.
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
    ) -> Acronym | None:
        """How a token is read; none where that cannot be said.

        That is where it has other characters than A to Z, dots and an ending, or is in mixed case
        and not in the table: `split_case` then gives parts to decide.

        Args:
            token: as written: ``FAQ``, ``faqs``, ``UK's``, ``M.D.s``, ``www``.
            pronunciations: what the lexicon has for the stem, in ARPAbet.
            beside_digits: the token is a part of such as CO2.
            among_capitals: the words around it are in capitals, too, which then show nothing.
        """
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
        by_rule = _by_rule(stem, spelt, known, beside_digits, among_capitals)
        if by_rule is not None:
            letters, chance, source = by_rule
            return Acronym(letters, chance, upper, suffix, source)
        if not stem.isupper() and not stem[1:].islower():
            return None
        score = sum(self._weights.get(name, 0.0) for name in features(upper, spelt, known))
        chance = 1 / (1 + math.exp(-score))
        return Acronym(chance >= 0.5, max(chance, 1 - chance), upper, suffix, "model")


class LexiconAcronyms:
    """A model with a lexicon, as `reader.scan.Acronyms` has it."""

    def __init__(
        self, model: AcronymModel, look_up: Callable[[str], Sequence[Sequence[str]]]
    ) -> None:
        """Put a model and a lexicon together.

        Args:
            model: decides.
            look_up: the pronunciations of a word in lower case, in ARPAbet; none where it has none.
        """
        self._model = model
        self._look_up = look_up

    def decide(
        self, token: str, *, beside_digits: bool = False, among_capitals: bool = False
    ) -> tuple[bool, float]:
        """Whether letters without an ending are read one by one, and how probable that is.

        Args:
            token: the letters.
            beside_digits: as `AcronymModel.decide`.
            among_capitals: likewise.
        """
        decided = self._model.decide(
            token,
            self._look_up(token.lower()),
            beside_digits=beside_digits,
            among_capitals=among_capitals,
        )
        return (False, 1.0) if decided is None else (decided.letters, decided.probability)


def _by_rule(
    stem: str, spelt: bool, known: bool, beside_digits: bool, among_capitals: bool
) -> tuple[bool, float, Source] | None:
    """Letters or not, how sure, and why, where the context or the case settles it."""
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
    """A token without a plural's or a possessive's ending, and that ending.

    A small s is a plural's behind capitals or dots alone: ``PRs``, ``M.D.s``, not ``news``.
    """
    if match := _POSSESSIVE.fullmatch(token):
        return split_suffix(match[1])[0], "'s"
    if match := _PLURAL.fullmatch(token):
        return match[1], "s"
    return token, ""


def split_case(token: str) -> list[str]:
    """The parts of a token in mixed case: ChatGPT is Chat and GPT, mRNA is m and RNA."""
    return _PARTS.findall(token)


def phonemes(acronym: Acronym) -> tuple[str, ...]:
    """The sounds of an acronym that is read by letters, without stress digits."""
    letters = spelt_out(acronym.stem)
    return plural(letters) if acronym.suffix else letters


def lexicon_readings(word: str, pronunciations: Iterable[Sequence[str]]) -> tuple[bool, bool]:
    """Whether a lexicon has the word as letters, and whether it has it as a word.

    Args:
        word: in upper case.
        pronunciations: of it, in ARPAbet, with or without stress digits.
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
    """What the regression knows of a word.

    Args:
        word: in upper case, A to Z.
        spelt: whether the lexicon has it as letters.
        known: whether the lexicon has it as a word.
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
    """The table of readings: word, ``letters`` or ``word``, and ``any`` or ``capitals``.

    Raises:
        TableError: at the first line that is not so.
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
