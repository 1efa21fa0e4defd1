"""Recognise numbers, ordinals, ranges, money, measures and fractions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from fractions import Fraction

from tanger.model.text.reader.european.numbers import NumberWords, OrdinalError, form_after
from tanger.model.text.reader.european.rules import Currency, Rules
from tanger.model.text.reader.scan import Reading, Scan
from tanger.model.text.reader.token import spoken_words

_DASH = re.compile(r" ?[-–—] ?(?=\d)")
# A minus between the numbers of an equation
_SUBTRACTION = re.compile(r"[-–] ?[\d.,]+ ?=")
_EQUALS = re.compile(" ?=")
_TIMES = re.compile(r" ?[x×] ?(?=\d)")
_FRACTION = re.compile(r"(?:(\d{1,4}) )?(\d{1,4})[/⁄](\d{1,4})(?![\w/⁄]|[.,]\d)")
_VULGAR = re.compile(r"(?:(\d{1,6})[ \xa0]?)?([¼½¾⅐-⅞])(?!\d)")
_VERSION = re.compile(r"\d{1,6}(?:\.\d{1,6})+(?![\w]|[.,]\d)")
_TELEPHONE = re.compile(
    r"(?:\+\d{1,3}|\(?0\d{1,4}\)?)(?:[ ./-]{1,3}\(?\d{1,8}\)?\d{0,8}){1,6}(?![\w]|[.,]\d)"
)
# Without a leading zero, after the word telephone
_AFTER_WORD = re.compile(r"\(?\d{1,5}\)?(?:[ ./-]{1,3}\d{1,8}){1,6}(?![\w]|[.,]\d)")
_WORDS_FOR_TELEPHONE = ("tel", "tél", "тел", "fax", "cel", "móvil", "whatsapp")
_RATIO = re.compile(r"(\d{1,4}):(\d{1,4})(?![\w:])")
# Units that are read without a number, too: *5 euros pro kg*
UNITS_ALONE = frozenset(
    "kg mg km cm mm dm ml cl dl km/h km/u m² km² cm² m³ cm³ kW kWh Hz kHz MHz GHz "
    "кг мг км см мм мл км/ч м² км² м³ кВт".split()
)
# Words that one unit follows, beside that of prices
_BEFORE_ONE = frozenset("per pro je par le au por al il za na à за на o no do el del dal".split())
# Space between a number and its unit
_GAP = "[ \xa0\u202f]?"


class Quantities:
    """The recognisers of numbers of one language."""

    def __init__(self, rules: Rules, numbers: NumberWords) -> None:
        self._rules = rules
        self._numbers = numbers
        self._number = re.compile(rf"(?<!\d){numbers.pattern}")
        signs = _longest_first(rules.money.currencies)
        number = numbers.pattern
        scale = rf"(?:{_GAP}(?P<scale>{_longest_first(rules.money.magnitudes)}))?"
        self._money_after = re.compile(
            rf"(?<!\d)(?P<number>{number}){scale}{_GAP}(?P<sign>{signs})(?!\w)"
        )
        self._money_before = re.compile(
            rf"(?P<sign>{signs}){_GAP}(?:(?P<low>{number}) ?[-–] ?(?=\d))?(?P<number>{number})"
            rf"(?:{scale}(?!\w))?"
        )
        units = _longest_first(rules.units)
        self._per = re.compile(rf" ?/ ?({units})(?![\w'/²³])" if rules.money.per else "(?!)")
        self._measure = re.compile(rf"(?<!\d)({numbers.pattern}){_GAP}({units})(?![\w'/²³])")
        self._unit = re.compile(rf"{_GAP}({units})(?![\w'/²³])")
        alone = _longest_first(UNITS_ALONE.intersection(rules.units))
        self._alone = re.compile(rf"(?:{alone})(?![\w'/²³-]|\.\w)")
        self._ordinal = re.compile(rf"(\d{{1,9}})({_longest_first(rules.ordinals.marks)})(?!\w)")
        suffixes = _longest_first(rules.numbers.suffixes)
        self._suffixed = re.compile(rf"(\d{{1,4}})({suffixes})(?!\w)")

    def money(self, scan: Scan, at: int) -> Reading | None:
        """Recognise money: ``3,50 €``, ``€ 20``, ``20 CHF``, ``R$ 5 milhões``, ``€ 10-15``."""
        match = self._money_after.match(scan.text, at) or self._money_before.match(scan.text, at)
        if match is None:
            return None
        found = match.groupdict()
        currency = self._rules.money.currencies[found["sign"]]
        magnitude = self._rules.money.magnitudes.get(found["scale"] or "")
        if magnitude is None:
            spoken = self._amount(found["number"], currency)
        else:
            large = self._numbers.counted(found["number"], magnitude)
            spoken = self._large_amount(large, currency)
        if low := found.get("low"):
            spoken = f"{self._numbers.quantity(low)} {self._rules.numbers.to} {spoken}"
        end = match.end()
        if per := self._per.match(scan.text, end):
            one = self._rules.units[per[1]].form(self._rules.numbers.plural(1))
            end, spoken = per.end(), f"{spoken} {self._rules.money.per} {one}"
        return Reading(end, "range" if low else "money", spoken)

    def measure(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a measure or a percentage: ``5 km/h``, ``20 %``; not in ``3° piano``."""
        match = self._measure.match(scan.text, at)
        if match is None:
            return None
        ordinals = self._rules.ordinals
        following = scan.word_after(match.end())
        if match[2] in ordinals.marks and _fitting(ordinals.nouns, following):
            return None
        spoken = self._numbers.counted(match[1], self._rules.units[match[2]])
        return Reading(match.end(), "measure", spoken)

    def unit_alone(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a unit without a number: ``5 € pro kg``, ``in km/h``."""
        match = self._alone.match(scan.text, at)
        if match is None or scan.before(at).isalnum():
            return None
        before = scan.word_before().lower()
        single = before in _BEFORE_ONE or before == self._rules.money.per
        plural = self._rules.numbers.plural(1 if single else 5)
        return Reading(match.end(), "measure", self._rules.units[match[0]].form(plural))

    def fraction(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a fraction: ``1/2``, ``2 3/4``, ``½``."""
        if match := _VULGAR.match(scan.text, at):
            value = Fraction(unicodedata.numeric(match[2])).limit_denominator(10)
            written = f"{value.numerator}/{value.denominator}"
        elif (match := _FRACTION.match(scan.text, at)) and scan.before(at) not in tuple("/.-⁄,"):
            written = f"{match[2]}/{match[3]}"
        else:
            return None
        whole, end = match[1] or "", match.end()
        if unit := self._unit.match(scan.text, end):
            noun = self._rules.units[unit[1]]
            spoken = self._fraction_words(whole, written, noun.gender)
            name = noun.form(self._numbers.part_plural(whole))
            if not whole and written != "1/2":  # *trois quarts de litre*
                name = self._of(name)
            return Reading(unit.end(), "measure", f"{spoken} {name}")
        gender = self._gender(scan, end)
        return Reading(end, "fraction", self._fraction_words(whole, written, gender))

    def _fraction_words(self, whole: str, written: str, gender: str) -> str:
        """Return a fraction, after a whole number or none, in words."""
        numbers, common = self._numbers, self._rules.numbers.fractions
        if not whole and (spoken := common.get(f"{written} {gender}")):
            return spoken
        keys = (f"{whole}+{written}", f"+{written} {gender}", f"+{written}") if whole else ()
        if joint := next(filter(None, map(common.get, keys)), None):
            return joint.format(numbers.quantity(whole, gender))
        spoken = common.get(written)
        if spoken is None:
            numerator, _, denominator = written.partition("/")
            over = self._rules.numbers.over
            spoken = f"{numbers.quantity(numerator)} {over} {numbers.quantity(denominator)}"
        parts = [numbers.quantity(whole), common.get("+", "")] if whole else []
        return " ".join(filter(None, [*parts, spoken]))

    def ordinal(self, scan: Scan, at: int) -> Reading | None:
        """Recognise an ordinal: ``3.`` in ``am 3. Tag``, ``2e``, ``1ª``, ``5-го``."""
        match = self._ordinal.match(scan.text, at)
        if match is None:
            return None
        rules = self._rules.ordinals
        form = rules.marks[match[2]]
        following = scan.word_after(match.end())
        if match[2] != ".":
            form = _fitting(rules.nouns, following) or form
        else:
            before = form_after(rules.after, scan)
            if not following or scan.after(match.end()) not in (" ", "\xa0"):
                return None
            if not (following.islower() or before):
                return None  # a full stop
            form = before or _fitting(rules.nouns, following) or form
        try:
            return Reading(match.end(), "ordinal", self._numbers.ordinal(int(match[1]), form))
        except OrdinalError:
            spoken = self._numbers.cardinal(int(match[1]))
            note = f"{match[0]} -> {spoken}: this ordinal is not known in the language"
            return Reading(match.end(), "ordinal", spoken, None, (note,))

    def telephone(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a telephone number: ``+49 30 1234567``, ``01 42 68 53 00``."""
        own = self._rules.numbers.telephone
        match = _TELEPHONE.match(scan.text, at) or (own.match(scan.text, at) if own else None)
        if match is None and scan.last_text().lower().startswith(_WORDS_FOR_TELEPHONE):
            match = _AFTER_WORD.match(scan.text, at)
        if match is None or sum(map(str.isdigit, match[0])) < 7 or scan.before(at).isalnum():
            return None
        groups = re.findall(r"\d+", match[0])
        plus = [self._rules.numbers.plus] if match[0].startswith("+") else []
        pairs = self._rules.words.telephone == "pairs"
        spoken = [
            self._numbers.quantity(group)
            if pairs and len(group) == 2 and group[0] != "0"
            else self._numbers.digits(group)
            for group in groups
        ]
        return Reading(match.end(), "telephone", " ".join([*plus, *spoken]))

    def postal_code(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a postal code before a place: ``1012 AB Amsterdam``, ``31-042 Kraków``."""
        pattern = self._rules.numbers.postal
        match = pattern.match(scan.text, at) if pattern else None
        if match is None or scan.before(at).isalnum():
            return None
        groups = re.findall(r"\d+", match[0])
        if len(match[0]) == 4:  # in pairs
            groups = [match[0][:2], match[0][2:]]
        spoken = [
            self._numbers.digits(group)
            if group[0] == "0" or len(group) > 3
            else self._numbers.quantity(group)
            for group in groups
        ]
        return Reading(match.end(), "number", " ".join(spoken))

    def product(self, scan: Scan, at: int) -> Reading | None:
        """Recognise dimensions: ``2 x 3``."""
        first = self._number.match(scan.text, at)
        sign = _TIMES.match(scan.text, first.end()) if first else None
        if first is None or sign is None:
            return None
        words = Reading(
            0, "number", f"{self._numbers.quantity(first[0])} {self._rules.numbers.by}"
        ).words
        second = self.quantity(scan, sign.end())
        if second is None or second.kind not in ("number", "measure"):
            return None
        return Reading(second.end, second.kind, (*words, *second.words))

    def ratio(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a ratio or score, if the language has a word for it: ``3:1``."""
        match = _RATIO.match(scan.text, at)
        if match is None or not self._rules.numbers.ratio:
            return None
        spoken = map(self._numbers.quantity, match.groups())
        return Reading(match.end(), "number", f" {self._rules.numbers.ratio} ".join(spoken))

    def suffixed(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a number word with an ending: ``80er``."""
        match = self._suffixed.match(scan.text, at)
        if match is None:
            return None
        return Reading(match.end(), "number", self._numbers.cardinal(int(match[1])) + match[2])

    def version(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a version: ``3.11``, ``1.2.3``."""
        match = _VERSION.match(scan.text, at)
        if match is None or self._number.match(scan.text, at, match.end()) is None:
            return None
        if self._number.fullmatch(match[0]):
            return None
        dot = f" {self._rules.numbers.dot} "
        return Reading(
            match.end(), "number", dot.join(map(self._numbers.quantity, match[0].split(".")))
        )

    def number(self, scan: Scan, at: int) -> Reading | None:
        """Recognise any other number, as a year or a quantity."""
        match = self._number.match(scan.text, at)
        if match is None:
            return None
        written = match[0]
        if len(written) == 4 and written.isdigit() and 1100 <= int(written) < 2100:
            return Reading(match.end(), "year", self._numbers.year(int(written)))
        gender = self._gender(scan, match.end())
        return Reading(match.end(), "number", self._numbers.quantity(written, gender))

    def quantity(self, scan: Scan, at: int) -> Reading | None:
        """Recognise what may be the second part of a range or a product."""
        for recognizer in (self.money, self.measure, self.fraction, self.number):
            if (reading := recognizer(scan, at)) is not None:
                return reading
        return None

    def range(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a range: ``5-10``, ``1990–1995``, ``2-3 kg``, ``9h-12h``; not ``3-1``."""
        first = self._number.match(scan.text, at)
        if first is None or scan.before(at) in ("-", "/", "–"):
            return None
        unit = self._unit.match(scan.text, first.end())
        dash = _DASH.match(scan.text, (unit or first).end())
        if dash is None:
            return None
        second = self.quantity(scan, dash.end())
        high = self._number.match(scan.text, dash.end())
        if second is None or high is None or scan.after(second.end) in ("-", "/"):
            return None
        if (unit and second.kind != "measure") or _EQUALS.match(scan.text, second.end):
            return None
        if self._value(first[0]) >= self._value(high[0]):
            return None
        low = self.number(scan, at)
        spoken = self._numbers.quantity(first[0])
        if unit:
            spoken = self._numbers.counted(first[0], self._rules.units[unit[1]])
        if low is not None and low.kind == "year" and second.kind == "year":
            spoken = self._numbers.year(int(first[0]))
        to = spoken_words(f"{spoken} {self._rules.numbers.to}".strip())
        return Reading(second.end, "range", (*to, *second.words))

    def minus(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a minus: ``-5``, ``−3,5 °C``, ``10 - 3 = 7``."""
        text = scan.text
        if _SUBTRACTION.match(text, at) and scan.last() is not None:
            return Reading(at + 1, "sign", self._rules.numbers.minus)
        if text[at] not in "-–" or not text[at + 1 : at + 2].isdigit():
            return None
        before = scan.before(at)
        if before and before not in " \t\n(=<>\xa0":
            return None
        reading = self.quantity(scan, at + 1)
        if reading is None:
            return None
        return reading._replace(spoken=(*spoken_words(self._rules.numbers.minus), *reading.words))

    # --------------------------------------------------------------------------------------------

    def _gender(self, scan: Scan, end: int) -> str:
        """Return the gender of the noun after a number; none if it is unknown or counts nothing."""
        nouns = self._rules.numbers.nouns
        before, after = scan.word_before(), scan.word_after(end)
        if before[:1].isupper() and _fitting(nouns, before):  # *Kapitel 1 Einleitung*
            return ""
        return _fitting(nouns, after)

    def _amount(self, written: str, currency: Currency) -> str:
        """Return an amount of money in words."""
        numbers, money = self._numbers, self._rules.money
        whole, _, cents = numbers.split(written)
        units = numbers.counted(whole, currency.unit)
        if money.of and money.millions.search(numbers.quantity(whole)):
            units = self._large_amount(numbers.quantity(whole, currency.unit.gender), currency)
        if not cents.strip("0"):
            return units
        if currency.part is None or len(cents) > 2:
            return numbers.counted(written, currency.unit)
        count = cents.ljust(2, "0").lstrip("0")
        named = numbers.counted(count, currency.part)
        if not whole.strip("0"):
            return named
        bare = numbers.quantity(count)
        return money.format.format(units=units, cents=named, parts=bare)

    def _large_amount(self, spoken: str, currency: Currency) -> str:
        """Return words such as *five millions* with a currency, and "of" where it is said."""
        name = currency.unit.form(self._rules.numbers.plural(1_000_000))
        if self._rules.money.millions.search(spoken):
            name = self._of(name)
        return f"{spoken} {name}"

    def _of(self, name: str) -> str:
        """Return a name after "of" as the language has it between millions and a currency."""
        if not self._rules.money.of:
            return name
        of = self._rules.money.of[-1] if name[0] in "aeiouyhé" else self._rules.money.of[0]
        return f"{of}{name}" if of.endswith("'") else f"{of} {name}"

    def _value(self, written: str) -> float:
        whole, _, decimals = self._numbers.split(written)
        return float(f"{whole}.{decimals or 0}")


def _fitting(patterns: Iterable[tuple[str, re.Pattern[str]]], word: str) -> str:
    """Return the name of the first pattern that fits a word; an empty string if none does."""
    return next((name for name, pattern in patterns if pattern.fullmatch(word)), "")


def _longest_first(words: Iterable[str]) -> str:
    """Return a pattern for any of the words; none matches if there are none."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True))) or "(?!)"
