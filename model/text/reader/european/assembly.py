"""Assemble the recognisers of a language from its rules, in their order."""

from __future__ import annotations

import re
from functools import lru_cache

from tanger.model.text.reader import overrides, signs
from tanger.model.text.reader.european import words
from tanger.model.text.reader.european.dates import Dates
from tanger.model.text.reader.european.numbers import NumberWords
from tanger.model.text.reader.european.quantities import UNITS_ALONE, Quantities
from tanger.model.text.reader.european.rule_files import load
from tanger.model.text.reader.european.rules import Rules
from tanger.model.text.reader.european.words import Words
from tanger.model.text.reader.language import Language
from tanger.model.text.reader.scan import Reading, Scan
from tanger.model.text.reader.tables import Tables

# Ordinary words: letters, small but for the first, and what may follow them
_PLAIN = re.compile(r"[^\W\d_][^\W\d_A-Z\u00aa\u00ba]+(?=[,;:!?)»”“]?(?:[ \n]|$))")


@lru_cache(maxsize=32)
def language(code: str) -> Language:
    """Return the language with these rules, loaded once.

    Raises:
        FileNotFoundError: if there are none.
        TableError: if they are malformed.
    """
    rules = load(code)
    numbers = NumberWords(rules)
    dates, quantities, texts = (
        Dates(rules, numbers),
        Quantities(rules, numbers),
        Words(rules, numbers),
    )

    def unknown(scan: Scan, at: int) -> Reading:
        reading = signs.unknown(scan, at)
        return Reading(at + 1, "sign") if reading.kind == "number" else reading

    return Language(
        code=code,
        tables=Tables(
            signs=rules.words.signs,
            letters=rules.words.letters,
            lists={"careful": _careful(rules)},
        ),
        plain=_PLAIN,
        needs_care=words.needs_care,
        letters=(
            texts.address,
            *((dates.date,) if rules.dates.order == "ymd" else ()),
            quantities.money,
            texts.abbreviation,
            quantities.unit_alone,
            texts.roman,
            texts.with_digits,
            texts.word,
            signs.punctuation,
        ),
        numbers=(
            signs.keycap,
            dates.date,
            dates.numeric_date,
            dates.time,
            dates.year,
            dates.two_years,
            quantities.ratio,
            quantities.postal_code,
            quantities.telephone,
            quantities.range,
            quantities.product,
            quantities.money,
            quantities.minus,
            quantities.measure,
            quantities.fraction,
            quantities.ordinal,
            texts.ordinal_without_mark,
            quantities.suffixed,
            quantities.version,
            texts.address,
            texts.with_digits,
            quantities.number,
        ),
        signs=(
            overrides.override,
            quantities.money,
            quantities.fraction,
            quantities.telephone,
            signs.emoji,
            texts.bracketed,
            texts.hashtag,
            signs.markup,
            texts.sign,
            signs.punctuation,
        ),
        unknown=unknown,
        clitics=rules.clitics,
    )


def _careful(rules: Rules) -> frozenset[str]:
    """Return the plain words, in lower case, that recognisers may read as something else."""
    months = rules.dates.months if rules.dates.order == "ymd" else {}
    tables = (rules.words.abbreviations, rules.words.before_number, rules.words.before_name, months)
    found = {key.rstrip(".").lower() for table in tables for key in table}
    found |= UNITS_ALONE.intersection(rules.units)
    return frozenset(found | {each.lower() for each in rules.words.roman_single})
