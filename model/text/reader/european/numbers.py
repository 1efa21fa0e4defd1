"""Write numbers as words, by num2words and the rules of a language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from num2words import num2words  # type: ignore[import-untyped]

from tanger.model.text.reader.european.rules import LAST, Endings, Noun, Rules
from tanger.model.text.reader.scan import Scan

# Maximum digits of a number that is read as a quantity, with and without separators.
MAX_DIGITS = 15
_UNGROUPED = 9
# Spaces that may separate thousands if a space may.
SPACES = " \xa0\u202f\u2009"


class OrdinalError(ValueError):
    """The ordinal of a number is not known in the language."""


class NumberWords:
    """Speaks the numbers of one language; words are separated by spaces."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules.numbers
        self._ordinals = rules.ordinals
        self.cardinal = lru_cache(maxsize=4096)(self._cardinal)
        separators = "".join(dict.fromkeys(self.rules.grouping.replace(" ", SPACES)))
        grouped = [rf"\d{{1,3}}(?:{_escaped(each)}\d{{3}})+" for each in separators]
        point = _escaped(self.rules.decimal)
        self.pattern = rf"(?:{'|'.join([*grouped, ''])}\d+)(?:{point}\d+(?![.,]\d))?(?!\d)"
        self._kept = str.maketrans("", "", separators)

    def _cardinal(self, value: int, gender: str = "") -> str:
        """Return a cardinal, as it is counted or, for a gender, as it stands before a noun."""
        spoken = self._words(num2words(value, lang=self.rules.speaker))
        return changed(spoken, self.rules.agreement.get(gender, ()))

    def ordinal(self, value: int, form: str) -> str:
        """Return an ordinal in a form of the language's rules.

        Raises:
            OrdinalError: if it is not known.
        """
        rules = self._ordinals
        if value == 1 and form in rules.first:
            return rules.first[form]
        if not 0 < value <= rules.largest:
            raise OrdinalError
        if value <= len(rules.irregular):
            spoken = rules.irregular[value - 1]
        else:
            spoken = self._words(num2words(value, lang=self.rules.speaker, to="ordinal"))
        return changed(spoken, rules.forms.get(form, ()))

    def year(self, value: int) -> str:
        """Return a year as a cardinal, or in hundreds where the language does so."""
        hundred = self.rules.hundred
        if not (hundred and 1100 <= value < 2000):
            return self.cardinal(value)
        rest = f" {self.cardinal(value % 100)}" if value % 100 else ""
        return f"{self.cardinal(value // 100)}{hundred}{rest}"

    def digits(self, written: str) -> str:
        """Return the digits in `written` one by one; other characters are ignored."""
        return " ".join(self.cardinal(int(each)) for each in written if each.isdecimal())

    def quantity(self, written: str, gender: str = "") -> str:
        """Return a number with or without separators and decimals, for a noun of a gender."""
        whole, point, decimals = self.split(written)
        if not point:
            return self._whole(whole, gender)
        rules = self.rules
        place = min(rules.plural(int(whole)), len(rules.point) - 1)
        if rules.tenths and len(decimals) <= len(rules.tenths):
            tenths = rules.tenths[len(decimals) - 1]
            form = tenths.form(rules.plural(int(decimals)))
            first = self.cardinal(int(whole), tenths.gender)
            return (
                f"{first} {rules.point[place]} {self.cardinal(int(decimals), tenths.gender)} {form}"
            )
        if rules.decimals == "digits" or len(decimals) > 2 or decimals[0] == "0":
            spoken = self.digits(decimals)
        else:
            spoken = self.cardinal(int(decimals))
        return f"{self._whole(whole, '')} {rules.point[place]} {spoken}"

    def counted(self, written: str, noun: Noun) -> str:
        """Return a number with a noun in the form that it requires."""
        whole, point, _ = self.split(written)
        plural = self.rules.decimal_plural if point else self.rules.plural
        place = plural(int(whole))
        return f"{self.quantity(written, noun.gender)} {noun.form(place)}"

    def part_plural(self, whole: str) -> int:
        """Return the place of the form of a noun after a fraction and a whole number, if any."""
        place = self.rules.decimal_plural(int(whole or 0))
        if place != LAST:
            return place
        return self.rules.plural(2 if whole else 1)

    def split(self, written: str) -> tuple[str, str, str]:
        """Split a number into whole part, separator and decimals, without other separators."""
        whole, point, decimals = written.partition(self.rules.decimal)
        return whole.translate(self._kept) or "0", point, decimals

    def _whole(self, whole: str, gender: str) -> str:
        if (len(whole) > 1 and whole[0] == "0") or len(whole) > MAX_DIGITS:
            return self.digits(whole)
        return self.cardinal(int(whole), gender)

    def _words(self, spoken: str) -> str:
        """Divide what num2words returns into words that are not too long to pronounce."""
        rules = self.rules
        spoken = spoken.replace(",", "").replace("-", " ")
        for wrong, right in rules.replaced.items():
            at_end = wrong.endswith("$")
            if at_end and spoken.endswith(wrong[:-1]):
                spoken = spoken.removesuffix(wrong[:-1]) + right
            elif not at_end:
                spoken = spoken.replace(wrong, right)
        if rules.breaks is not None:
            spoken = rules.breaks.sub(r"\g<0> ", spoken)
        return " ".join(spoken.split())


def _escaped(character: str) -> str:
    return rf"\{character}" if character in ".'" else character


def changed(spoken: str, endings: Endings) -> str:
    """Replace the endings of a number's words: see `Endings`."""
    words = spoken.split(" ")
    for place, word in enumerate(words):
        for ending, other in endings:
            mark, bare = ending[0], ending.lstrip("-=")
            fits = spoken == bare if mark == "=" else word.endswith(bare)
            if fits and (mark == "-" or place == len(words) - 1):
                words[place] = word.removesuffix(bare) + other.lstrip("-")
                break
    return " ".join(words)


def form_after(after: Mapping[str, str], scan: Scan) -> str:
    """Return the form that an ordinal has after the words before it; empty if they do not tell.

    Args:
        after: forms by the word before, or by two, as in ``in+der``.
        scan: the text.
    """
    before = [word.lower() for word in scan.words_before(2)]
    pair = after.get(f"{before[1]}+{before[0]}", "") if len(before) > 1 else ""
    return pair or (after.get(before[0], "") if before else "")
