"""Recognise words, abbreviations, acronyms, Roman numerals, signs and addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tanger.model.text.reader import electronic
from tanger.model.text.reader.european.numbers import NumberWords, OrdinalError
from tanger.model.text.reader.european.rules import Rules
from tanger.model.text.reader.number_words import roman_value
from tanger.model.text.reader.scan import Reading, Scan
from tanger.model.text.reader.tables import Tables
from tanger.model.text.reader.token import Kind, SpokenWord, spoken_words

_LETTER = "[^\\W\\d_¹²³¼-¾⁰-₉⅐-ↈ①-⓿❶-➓]"
_WORD = re.compile(rf"{_LETTER}(?:{_LETTER}|[\u0300-\u036f\u00ad\u200c\u200d])*(?:'{_LETTER}+)*")
_HYPHENATED = re.compile(rf"{_LETTER}+(?:['-]{_LETTER}+)*-{_LETTER}+(?:['-]{_LETTER}+)*")
_ROMAN = re.compile(r"[IVXLCDM]{1,9}(?!\w)")
_SHORT_NUMBER = re.compile(r"\d{1,2}(?= \w)")
# Nouns are in the genitive singular after two to four in Slavic languages
_LAST_FEW = 4
_MIXED = re.compile(rf"(?:{_LETTER}{{1,8}}\d|\d{{1,8}}{_LETTER})(?:{_LETTER}|\d){{0,40}}")
_RUNS = re.compile(rf"\d+|{_LETTER}+")
_NAME_AFTER = re.compile(r"[ \xa0]{0,2}[^\W\d_a-z]")
_NUMBER_AFTER = re.compile(r"[ \xa0]{0,2}(?:\d|[IVXLC]+\b)")
# Letters in capitals with an ending in small ones: PKWs
_SPELT = re.compile(r"(\w+?)'?([a-z]{0,2})")
# Longest word in capitals that may be spelt
_LONGEST_ACRONYM = 6
_VOWELS = "AEIOUYÀÁÂÃÄÅÆÈÉÊËÌÍÎÏÒÓÔÕÖØÙÚÛÜÝĄĘŐŰŮĚАЕЁИОУЫЭЮЯ"
_VOWEL = re.compile(f"[{_VOWELS}]")
# What can be said as a word: consonants by themselves or in pairs between vowels
_SAYABLE = re.compile(
    rf"(?=.*[{_VOWELS}])[^{_VOWELS}]{{0,2}}(?:[{_VOWELS}]{{1,2}}[^{_VOWELS}]{{1,2}})*[{_VOWELS}]{{0,2}}"
)


_HASHTAG = re.compile(r"#([^\W\d_]\w*)")
_HASHTAG_WORD = re.compile(r"\d+|[A-ZÀ-ÖØ-Þ]?[^\W\d_A-ZÀ-ÖØ-Þ]+|[A-ZÀ-ÖØ-Þ]+")
# A word without vowels that is said as it is: brr, pst, hmm, mhm
_INTERJECTION = re.compile(r".*(.)\1.*|[hm]+|p?st|tss?|.*'.*")


def needs_care(tables: Tables, acronyms: object, written: str) -> bool:
    """Return whether a word of small letters may be more than a word: an abbreviation, letters."""
    capitals = len(written) < 2 or not written[1:].islower()
    return (
        capitals
        or written.lower() in tables.lists["careful"]
        or _VOWEL.search(written.upper()) is None
    )


class Words:
    """The recognisers of words and signs of one language."""

    def __init__(self, rules: Rules, numbers: NumberWords) -> None:
        self._rules = rules.words
        self._clitics = rules.clitics
        self._numbers = numbers
        self._listed = frozenset(
            {*self._rules.abbreviations, *self._rules.before_number, *self._rules.before_name}
        )
        self._abbreviation = _any_of({*self._listed, *map(_capitalised, self._listed)})
        marks = _any_of(rules.ordinals.marks).pattern
        self._roman_ordinal = re.compile(rf"([IVXLCDM]{{1,9}})({marks})(?!\w)")
        self._marks = rules.ordinals.marks
        self._conditional = (
            (self._rules.before_number, _NUMBER_AFTER),
            (self._rules.before_name, _NAME_AFTER),
        )

    def abbreviation(self, scan: Scan, at: int) -> Reading | None:
        """Recognise an abbreviation of the table, if what it needs follows."""
        match = self._abbreviation.match(scan.text, at)
        if match is None or scan.before(at).isalnum():
            return None
        written, end = self._as_listed(_tight(match[0])), match.end()
        for table, needed in self._conditional:
            if written in table and needed.match(scan.text, end):
                return Reading(end, "abbreviation", table[written])
        spoken = self._rules.abbreviations.get(written)
        if spoken is None:
            return None
        if written in self._rules.final and _ends_sentence(scan, end):
            end -= 1  # the dot ends the sentence, too
        return Reading(end, "abbreviation", spoken)

    def _as_listed(self, written: str) -> str:
        """Return an abbreviation at the start of a sentence as the table has it."""
        small = written[0].lower() + written[1:]
        return small if written not in self._listed and small in self._listed else written

    def roman(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a Roman numeral beside a word of the table, or with an ordinal's mark.

        ``siglo XXI``, ``Karl V.``, ``XXe``.
        """
        marked = self._roman_ordinal.match(scan.text, at)
        if marked is not None and (value := self._marked_value(marked)):
            spoken = self._numbers.ordinal(value, self._marks[marked[2]])
            return Reading(marked.end(), "roman", spoken)
        match = _ROMAN.match(scan.text, at)
        value = roman_value(match[0]) if match else 0
        if match is None or not value or scan.before(at).isalnum():
            return None
        end = match.end()
        before, following = scan.word_before(), scan.word_after(end + (scan.after(end) == "."))
        last = scan.last()
        spoken_before = last.spoken.rpartition(" ")[2] if before and last else ""
        around = f"{before.lower()}+{following}"
        beside = (around, before, before.lower(), spoken_before, f"+{following}")
        if ordinal := self._roman_ordinal_by(beside, value):
            dotted = scan.after(end) == "." and bool(following)
            return Reading(end + dotted, "roman", ordinal)
        named = before[:1].isupper() and len(scan.words_before(2)) == 2
        likely = len(match[0]) > 1 and named and value < 40
        if likely or not self._rules.roman_cardinal.isdisjoint(beside):
            return Reading(end, "roman", self._numbers.cardinal(value))
        return None

    def ordinal_without_mark(self, scan: Scan, at: int) -> Reading | None:
        """Recognise digits that are read like a Roman numeral: ``в 19 веке``, not ``2 века``."""
        match = _SHORT_NUMBER.match(scan.text, at)
        if match is None or int(match[0]) <= _LAST_FEW:
            return None
        following = scan.word_after(match.end())
        beside = (f"{scan.word_before().lower()}+{following}", f"+{following}")
        ordinal = self._roman_ordinal_by(beside, int(match[0]))
        return Reading(match.end(), "ordinal", ordinal) if ordinal else None

    def _marked_value(self, match: re.Match[str]) -> int:
        """Return the value of a numeral with an ordinal's mark; 0 if it is likelier a word."""
        numeral, mark = match.groups()
        if mark == "." or (len(numeral) == 1 and match[0] not in self._rules.roman_single):
            return 0
        return roman_value(numeral)

    def _roman_ordinal_by(self, beside: Sequence[str], value: int) -> str:
        """Return a Roman numeral as an ordinal if a word beside it says so, or nothing."""
        for word in beside:
            if word in self._rules.roman_ordinal:
                article, _, form = self._rules.roman_ordinal[word].rpartition(" ")
                try:
                    return f"{article} {self._numbers.ordinal(value, form)}".strip()
                except OrdinalError:
                    return ""
        return ""

    def with_digits(self, scan: Scan, at: int) -> Reading | None:
        """Recognise letters with digits: ``A4``, ``CO2``, ``5G``, ``B12``."""
        match = _MIXED.match(scan.text, at)
        if match is None:
            return None
        words: list[SpokenWord] = []
        for run in _RUNS.findall(match[0]):
            if run.isdigit():
                words += spoken_words(self._numbers.quantity(run))
            elif len(run) <= 3 and (run.isupper() or len(run) == 1):
                words.append(SpokenWord(run.upper(), letters=True))
            else:
                words.append(SpokenWord(run))
        return Reading(match.end(), "alphanumeric", tuple(words))

    def word(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a word, with its apostrophes, and with hyphens if a lexicon has it so."""
        match = _WORD.match(scan.text, at)
        if match is None:
            return None
        whole = _HYPHENATED.match(scan.text, at)
        if whole is not None and scan.known(whole[0].lower()):
            return Reading(whole.end(), "word", (SpokenWord(scan.source[at : whole.end()]),))
        end = match.end()
        written = match[0]
        if self._is_clitic(written) and (clitic_end := _end_of_clitic(scan, at, end)):
            return Reading(clitic_end, "word", (SpokenWord(f"{written}'"),))
        full = self._with_full_ending(scan.text[at : end + 1])
        if full is not None:
            return Reading(end + 1, "abbreviation", (SpokenWord(full),))
        elided, apostrophe, rest = written.partition("'")
        whole_word = written.lower() in self._clitics.whole
        bare = rest if apostrophe and self._is_clitic(elided) and not whole_word else written
        if self._is_spelt(scan, bare, end):
            shown = written.upper() if self._has_no_vowel(written) else written
            return Reading(end, "acronym", (SpokenWord(shown, letters=True),))
        capitals = 1 < len(bare) <= _LONGEST_ACRONYM and bare.isupper()
        kind: Kind = "acronym" if capitals and not _shouted(scan, end) else "word"
        return Reading(end, kind, (SpokenWord(scan.source[at:end]),))

    def _with_full_ending(self, written: str) -> str | None:
        """Return the word of which an abbreviated ending is written, as in *Goethestr*."""
        for ending, full in self._rules.endings.items():
            if written.endswith(ending) and len(written) > len(ending):
                return written.removesuffix(ending) + full
        return None

    def address(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a URL, an e-mail address or a domain, if there are words for its signs."""
        names = self._rules.electronic
        end = electronic.end_of_address(scan.text, at) if names else at
        if end == at or scan.before(at).isalnum():
            return None
        words: list[SpokenWord] = []
        for run in re.findall(r"\d+|[^\W\d_]+|[\W_]", scan.text[at:end]):
            if run.isdigit():
                words += spoken_words(self._numbers.digits(run))
            elif run.isalpha():
                spelt = self._has_no_vowel(run.lower())
                spelt = spelt or (len(run) <= 3 and not _SAYABLE.fullmatch(run.upper()))
                words.append(SpokenWord(run.upper() if spelt else run, letters=spelt))
            else:
                words += map(SpokenWord, names.get(run, "").split())
        return Reading(end, "electronic", tuple(words))

    def bracketed(self, scan: Scan, at: int) -> Reading | None:
        """Recognise an address in angle brackets, which is no tag: ``<ann@x.org>``."""
        return electronic.bracketed(scan, at, self.address)

    def hashtag(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a hashtag, whose words have capitals: ``#FelizLunes``."""
        match = _HASHTAG.match(scan.text, at)
        if match is None or scan.before(at).isalnum():
            return None
        words = [SpokenWord("hashtag")]
        for run in _HASHTAG_WORD.findall(match[1]):
            digits = run.isdigit()
            words += spoken_words(self._numbers.digits(run)) if digits else [SpokenWord(run)]
        return Reading(match.end(), "electronic", tuple(words))

    def sign(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a sign of the table; others are reported as unknown."""
        character = scan.text[at]
        spoken = self._rules.signs.get(character)
        if spoken is None or (character == "/" and not scan.before(at).strip()):
            return None
        return Reading(at + 1, "sign" if spoken else "punctuation", spoken)

    # --------------------------------------------------------------------------------------------

    def _has_no_vowel(self, written: str) -> bool:
        """Return whether a word in small letters of the language has nothing to make a syllable."""
        if written.isupper() or not written[1:].islower() or _VOWEL.search(written.upper()):
            return False
        letters = set(written.lower())
        return letters <= self._rules.letters.keys() and letters.isdisjoint(self._rules.syllabic)

    def _is_clitic(self, written: str) -> bool:
        return written.lower() in self._clitics.sounds

    def _is_spelt(self, scan: Scan, written: str, end: int) -> bool:
        """Return whether a word is read letter by letter: no model decides, but its shape does.

        Words of one letter are, unless the language has them as words; those of small letters that
        have no vowel, unless a lexicon has them; and acronyms.
        """
        small = written.lower()
        if len(written) == 1:
            return self._rules.single.isdisjoint((written, small))
        if self._has_no_vowel(written):
            return not scan.known(small) and not _INTERJECTION.fullmatch(small)
        return self._is_acronym(scan, written, end)

    def _is_acronym(self, scan: Scan, written: str, end: int) -> bool:
        """Return whether a word in capitals is read letter by letter.

        It may have an ending such as that of *PKWs*. The table has it, or it cannot be said as a
        word, or it has two or three letters.
        """
        match = _SPELT.fullmatch(written)
        capitals = match[1] if match else ""
        if not match or not capitals.isupper() or len(capitals) < 2:
            return False
        if capitals in self._rules.spoken or len(capitals) > _LONGEST_ACRONYM:
            return False
        if capitals in self._rules.spelt:
            return True
        if match[2] not in ("", "s") or _shouted(scan, end):
            return False
        return len(capitals) <= 3 or not _SAYABLE.fullmatch(capitals)


def _end_of_clitic(scan: Scan, at: int, end: int) -> int:
    """Return the end of an elided word, with its apostrophe or hyphen beside it; 0 if none is."""
    before, after = scan.before(at), scan.after(end)
    if after == "'" and before != "'":
        return end + 1  # d'1 euro, or l' by itself
    joined = before == "-" == after  # a-t-il
    first = before == "'" and after != "'" and not after.isalnum()  # 's avonds
    return end if joined or first else 0


def _shouted(scan: Scan, end: int) -> bool:
    """Return whether a word beside one in capitals is in capitals, too."""
    beside = (scan.word_before(), scan.word_after(end))
    return any(len(each) > 1 and each.isupper() for each in beside)


def _ends_sentence(scan: Scan, end: int) -> bool:
    """Return whether an abbreviation's dot is at the end of a sentence."""
    rest = scan.text[end : end + 3]
    return not rest.strip() or (rest[0].isspace() and rest.strip()[:1].isupper())


def _tight(written: str) -> str:
    """Return an abbreviation as the table has it: ``z.B.`` for ``z. B.``."""
    return re.sub(r"\.[ \xa0\u202f]", ".", written)


def _capitalised(written: str) -> str:
    """Return an abbreviation of several letters as it begins a sentence: ``Z.B.``."""
    letters = sum(map(str.isalpha, written))
    return written[0].upper() + written[1:] if letters > 1 else written


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for the abbreviations, with or without a space after an inner dot."""
    alternatives = []
    for word in sorted(words, key=len, reverse=True):
        inner = re.escape(word[:-1]).replace(r"\.", "\\.[ \xa0\u202f]?") + re.escape(word[-1])
        alternatives.append(inner + (r"(?!\w)" if word[-1].isalnum() else ""))
    return re.compile("|".join(alternatives) or "(?!)")
