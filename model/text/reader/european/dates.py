"""Recognise dates and times of day."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tanger.model.text.reader.dates import match_two_years
from tanger.model.text.reader.european.numbers import NumberWords, OrdinalError, changed, form_after
from tanger.model.text.reader.european.rules import Rules
from tanger.model.text.reader.scan import Reading, Scan
from tanger.model.text.reader.token import spoken_words

_END = r"(?![\w]|[.,:/-]\d)"
_SPACE = r"[ \xa0\u202f]{1,2}"
_NUMERIC = re.compile(r"(\d{1,2})([./-])[ \xa0]?(\d{1,2})\2[ \xa0]?(\d{4}|\d{2})" + _END)
_SHORT = re.compile(r"(\d{1,2})\.[ \xa0]?(\d{1,2})\.(?![ \xa0]?\d)")
_SLASH = re.compile(r"(\d{1,2})/(\d{1,2})(?![\w/]|[.,-]\d)")
_DASH = re.compile(r" ?[-–—] ?(?=\d)")
# The ending of a declined day: 3-án
_SUFFIX = re.compile(r"\d-j?(\w+)$")
_ISO = re.compile(r"(\d{4})([-/.])[ \xa0]?(\d{1,2})\2[ \xa0]?(\d{1,2})" + _END)


class Dates:
    """The recognisers of dates and times of one language."""

    def __init__(self, rules: Rules, numbers: NumberWords) -> None:
        self._rules = rules.dates
        self._times = rules.times
        self._to = rules.times.to or rules.numbers.to
        self._after = rules.ordinals.after
        self._numbers = numbers
        day = rf"(?P<day>\d{{1,2}})(?:{self._rules.mark})?"
        month = rf"(?P<month>{'|'.join(_alternatives(self._rules.months))})(?!\w)\.?"
        year = rf"(?P<year>\d{{4}})(?:{self._rules.year_after})?"
        of = f"(?:(?:{self._rules.of}){_SPACE})?" if self._rules.of else ""
        if self._rules.order == "ymd":
            written = rf"(?:{year}{_SPACE})?{month}{_SPACE}{day}"
        else:
            written = rf"{day}{_SPACE}{of}{month}(?:,?{_SPACE}{of}{year})?"
        self._written = re.compile(written + r"(?!\w|[.,:/]\d)", re.IGNORECASE)
        following = [word for word in self._rules.year_words if "+" not in word]
        words = "|".join(_alternatives(following)) or "(?!)"
        self._year_before = re.compile(rf"(\d{{4}}){_SPACE}({words})(?!\w)")
        self._dotted_days = "." in rules.ordinals.marks and self._rules.order == "dmy"
        separators = f":{self._times.separators}"
        after = "|".join(map(re.escape, self._times.after))
        tail = rf"(?:[ \xa0]?(?:{after})(?!\w))?" if after else ""
        self._clock = re.compile(
            rf"(\d{{1,2}})[ \xa0]?([{separators}])[ \xa0]?([0-5]\d)(?::([0-5]\d))?(?![\d:]){tail}"
        )
        dotted = "|".join(map(re.escape, self._times.dot_after)) or "(?!)"
        self._dotted = re.compile(
            rf"(\d{{1,2}})(\.)([0-5]\d)()(?!\d|\.\d)(?P<word>[ \xa0](?:{dotted})(?!\w))?{tail}"
        )

    def date(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a date with the name of a month: ``3. Mai 2024``, ``le 1er mai``."""
        match = self._written.match(scan.text, at)
        if match is None or not 1 <= int(match["day"]) <= 31:
            return None
        month = self._rules.months[match["month"].lower()]
        end = match.end()
        return self._read(scan, end, int(match["day"]), month, match["year"], match[0])

    def numeric_date(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a numeric date, the day first, or the year: ``3.5.2024``, ``2024-05-03``."""
        if scan.before(at) in tuple("/.-") and scan.before(at):
            return None
        if match := _ISO.match(scan.text, at):
            year, _, month, day = match.groups()
        elif match := _NUMERIC.match(scan.text, at):
            day, _, month, year = match.groups()
        elif (match := self._day_and_month(scan, at)) is not None:
            (day, month), year = match.groups(), ""
        else:
            return None
        if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
            return None
        end = match.end()
        if self._rules.order == "ymd" and scan.after(end) == ".":
            end += 1
        return self._read(scan, end, int(day), int(month), year, "")

    def _day_and_month(self, scan: Scan, at: int) -> re.Match[str] | None:
        """Return a match of a day and a month that are no fraction: ``3.5.``, ``le 03/06``."""
        if self._dotted_days and (match := _SHORT.match(scan.text, at)):
            return match
        match = _SLASH.match(scan.text, at)
        if match is None or not self._rules.slash_before:
            return None
        day, month = match.groups()
        padded = "0" in (day[0], month[0]) or (int(day) > 12 and int(month) >= 10)
        return match if padded or scan.word_before().lower() in self._rules.slash_before else None

    def year(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a year before a word that makes it an ordinal: ``w 2024 roku``, ``2024 г.``."""
        match = self._year_before.match(scan.text, at)
        if match is None:
            return None
        words = self._rules.year_words
        around = f"{scan.word_before().lower()}+{match[2]}"
        form, _, spoken = words.get(around, words[match[2]]).partition(" ")
        line = self._numbers.ordinal(int(match[1]), form)
        if spoken:
            return Reading(match.end(), "year", f"{line} {spoken}")
        return Reading(match.end(1), "year", line)

    def two_years(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a year and the next one, a season: ``2021/22``, ``1999/2000``."""
        match = match_two_years(scan, at)
        if match is None:
            return None
        first, second = self._numbers.year(int(match[1])), match[2]
        rest = self._numbers.year(int(second)) if len(second) == 4 else self._year(second)
        return Reading(match.end(), "year", f"{first} {rest}")

    def time(self, scan: Scan, at: int) -> Reading | None:
        """Recognise a time of day, or two: ``14:30``, ``14h30``, ``14.30 Uhr``, ``9:00-18:00``."""
        match = self._clock.match(scan.text, at)
        if match is None:
            match = self._dotted.match(scan.text, at)
            if match is None or not self._is_time(scan, match):
                return None
        first = self._time(scan, match)
        dash = _DASH.match(scan.text, match.end())
        if first is None or dash is None:
            return first
        pattern = self._dotted if match[2] == "." else self._clock
        second = pattern.match(scan.text, dash.end())
        last = self._time(scan, second) if second else None
        if last is None:
            return first
        words = (*first.words, *spoken_words(self._to), *last.words)
        return Reading(last.end, "range", words)

    def _is_time(self, scan: Scan, match: re.Match[str]) -> bool:
        """Return whether a word beside two numbers with a dot, or a second time, tells a time."""
        if match["word"] or scan.word_before().lower().rstrip(".") in self._times.dot_before:
            return True
        dash = _DASH.match(scan.text, match.end())
        second = self._dotted.match(scan.text, dash.end()) if dash else None
        return second is not None and second["word"] is not None

    def _time(self, scan: Scan, match: re.Match[str]) -> Reading | None:
        hour, minute, second = int(match[1]), int(match[3]), match[4]
        if hour > 24:
            return None
        oblique = scan.word_before().lower().rstrip(".") in self._times.oblique_after
        words = self._clock_words(hour, minute, second, oblique=oblique)
        return Reading(match.end(), "time", words)

    def _clock_words(self, hour: int, minute: int, second: str | None, *, oblique: bool) -> str:
        times, numbers = self._times, self._numbers
        gender = times.gender or times.noun.gender
        spoken = times.hours[hour] if times.hours else numbers.cardinal(hour, gender)
        if oblique:
            spoken = changed(spoken, times.oblique)
        noun = times.noun.form(numbers.rules.plural(hour))
        if not minute and not second:
            return times.full.format(hour=spoken, noun=noun)
        zero = f"{times.zero} " if times.zero and 0 < minute < 10 else ""
        line = times.format.format(
            hour=spoken, noun=noun, minute=f"{zero}{numbers.cardinal(minute, times.noun.gender)}"
        )
        return f"{line} {numbers.cardinal(int(second))}" if second else line

    def _read(
        self, scan: Scan, end: int, day: int, month: int, year: str | None, written: str
    ) -> Reading | None:
        rules = self._rules
        try:
            spoken_day = self._day(scan, day, written)
            spoken_year = self._year(year) if year else ""
        except OrdinalError:
            return None
        pattern = rules.format if year else rules.day_month
        line = pattern.format(day=spoken_day, month=rules.names[month - 1], year=spoken_year)
        return Reading(end, "date", line)

    def _day(self, scan: Scan, day: int, written: str) -> str:
        rules = self._rules
        if rules.days:
            suffix = _SUFFIX.search(written)
            return rules.days[day - 1][:-1] + suffix[1] if suffix else rules.days[day - 1]
        if day == 1 and rules.first:
            return rules.first
        if rules.day == "cardinal":
            return self._numbers.cardinal(day)
        form = form_after(self._after, scan) or rules.day
        return self._numbers.ordinal(day, form)

    def _year(self, written: str) -> str:
        value = int(written)
        if len(written) == 2:
            return self._numbers.quantity(written)
        if self._rules.year == "cardinal":
            return self._numbers.year(value)
        return self._numbers.ordinal(value, self._rules.year)


def _alternatives(words: Iterable[str]) -> list[str]:
    return [re.escape(word) for word in sorted(words, key=len, reverse=True)]
