"""Recognise dates, decades, times of day and durations."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tanger.model.text.reader import number_words as say
from tanger.model.text.reader.scan import Reading, Scan

_END = r"(?![\w/]|[:.,]\d|-\d)"
_ONE_DATE = r"(\d{1,2})/(\d{1,2})(?:/(\d{4}|\d\d))?"
_DATES = re.compile(rf"{_ONE_DATE} ?[-–] ?{_ONE_DATE}{_END}")
_MONTH_FIRST = re.compile(
    r"([A-Za-z]{3,9})(\.?)(?:\s{1,2}|-)(\d{1,2})(st|nd|rd|th)?"
    r"(?:\s?[-–]\s?(\d{1,2})(?:st|nd|rd|th)?)?(?:(?:,\s{0,2}|\s{1,2}|-)(\d{4}))?" + _END
)
_DAY_FIRST = re.compile(
    r"(?:(\d{1,2})(?:st|nd|rd|th)?\s?[-–]\s?)?"
    r"(\d{1,2})(st|nd|rd|th)?(?:\s+of)?(?:\s{1,2}|-)([A-Za-z]{3,9})(\.?)"
    r"(?:(?:,?\s{1,2}|-)(\d{4}))?" + _END
)
_SPAN = re.compile(r"([A-Z][a-z]{2,8})\.?\s?[-–—]\s?([A-Z][a-z]{2,8})(?!\w)(?:\.(?=[,;:)]| \d))?")
_ISO = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:(?=T\d\d:)|" + _END + ")")
_ISO_TIME = re.compile(r"T(\d\d):(\d\d)(?::\d\d(?:\.\d{1,9})?)?(Z)?(?![\w:])")
_NUMERIC = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})" + _END)
_SHORT = re.compile(r"(\d{1,2})/(\d{1,2}|\d{4})" + _END)
_DECADE = re.compile(r"'?(\d{4}|\d0)'?s(?![\w])")
_MANY = re.compile(r"(10{1,3})s(?= of\b)")
_YEARS = re.compile(r"(\d{4})/(\d{4}|\d\d)(?![\w/]|[.,]\d)")
_SHORT_YEAR = re.compile(r"'(\d\d)(?![\w'])")
# Lower-case words that are months only in certain contexts
# Denominators of fractions that people use, among the days of a month
_DENOMINATORS = frozenset({*range(2, 11), 12, 16, 20})
_AMBIGUOUS = frozenset({"may", "march", "mar", "dec", "sep", "jun"})

_HALF_OF_DAY = r"\s?([aApP])(?:\.\s?[mM]\.?|[mM](?![A-Za-z]))"
_CLOCK = re.compile(rf"(\d{{1,2}}):(\d{{2}})(?::(\d{{2}}))?(?![\d:]|,\d{{3}})(?:{_HALF_OF_DAY})?")
_DOTTED_CLOCK = re.compile(rf"(\d{{1,2}})\.([0-5]\d){_HALF_OF_DAY}")
_HOURS = re.compile(r"(\d{1,2})(?::(\d\d))?([ap]) ?[-–] ?(\d{1,2})(?::(\d\d))?([ap])(?![\w.])")
_HOUR = re.compile(rf"(\d{{1,2}}){_HALF_OF_DAY}")
_MILITARY = re.compile(r"([01]\d|2[0-4])([0-5]\d)(?= (?:hrs?|hours)\b)")
_ZONE = re.compile(r"\s?((?:[A-Za-z]\.?){2,4})(?![A-Za-z])")
_DURATION = re.compile(r"(\d{1,3})h ?(\d{1,2})m(?:in)?(?: ?(\d{1,2})s)?(?!\w)")
_SHORT_DURATION = re.compile(r"(\d{1,3})m ?(\d{1,2})s(?!\w)")


def date_from_month(scan: Scan, at: int) -> Reading | None:
    """Recognise a date that begins with a month: ``July 25, 2012``, ``May 5-7``, ``Jan-15``."""
    match = _MONTH_FIRST.match(scan.text, at)
    month = scan.tables.months.get(match[1].lower()) if match else None
    if match is None or month is None or not _is_day(match[3]):
        return None
    if match[1] in _AMBIGUOUS and not (match[4] or match[6]) and scan.word_after(match.end()):
        return None
    spoken = f"{month[1]} {_ordinal_day(scan, int(match[3]))}"
    if match[5]:
        if not _is_day(match[5]):
            return None
        spoken += f" to {say.ordinal(int(match[5]))}"
    if match[6]:
        spoken += f" {say.year(int(match[6]))}"
    return Reading(match.end(), "date", spoken)


def span(scan: Scan, at: int) -> Reading | None:
    """Recognise a span of weekdays or months: ``Mon–Fri``, ``June-August``."""
    match = _SPAN.match(scan.text, at)
    if match is None:
        return None
    for names in (scan.tables.lists["weekdays"], dict(scan.tables.months.values()).values()):
        ends = [_full_name(name.lower(), names) for name in match.groups()]
        if all(ends):
            return Reading(match.end(), "date", " to ".join(ends))
    return None


def date_from_day(scan: Scan, at: int) -> Reading | None:
    """Recognise a date that begins with a day: ``25 July 2012``, ``25th of July``, ``3-5 Jan.``."""
    match = _DAY_FIRST.match(scan.text, at)
    if match is None:
        return None
    first, day, suffix, name, dot, year = match.groups()
    month = scan.tables.months.get(name.lower())
    if month is None or not _is_day(day) or not 0 < int(first or 1) < int(day) + (not first):
        return None
    if name in _AMBIGUOUS and not (year or suffix):
        return None
    whole = name.lower() == month[1] and dot and not year
    end = match.end() - 1 if whole else match.end()  # the dot ends a sentence
    spoken = _by_day(scan, int(day), month[1], year)
    if first:
        article = "" if scan.word_before().lower() == "the" else "the "
        spoken = f"{article}{say.ordinal(int(first))} to the {spoken.removeprefix('the ')}"
    return Reading(end, "date", spoken)


def numeric_date(scan: Scan, at: int) -> Reading | None:
    """Recognise a numeric date, ``2016/07/03``, ``01.10.2010``; month first if possible."""
    if scan.before(at) in tuple("/.-"):
        return None
    names = dict(scan.tables.months.values())
    if match := _ISO.match(scan.text, at):
        month, day, written = int(match[3]), int(match[4]), match[1]
        if month > 12 and day <= 12:
            month, day = day, month
    elif match := _NUMERIC.match(scan.text, at):
        month, day, written = int(match[1]), int(match[3]), match[4]
        if scan.tables.day_first and day <= 12:
            month, day = day, month
        if len(written) == 2 and match[2] == "." and len(match[0]) != 8:
            return None  # probably a version
        if month > 12 and day <= 12 and month <= 31:
            return Reading(match.end(), "date", _by_day(scan, month, names[day], written))
    else:
        return None
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    spoken, end = _numeric(scan, day, names[month], written), match.end()
    if clock := _ISO_TIME.match(scan.text, end):
        spoken += f" {_clock(int(clock[1]), int(clock[2]), half=False)}{' Z' if clock[3] else ''}"
        end = clock.end()
    return Reading(end, "date", spoken)


def short_date(scan: Scan, at: int) -> Reading | None:
    """Recognise a month with a day or a year: ``01/07``, ``on 9/5``, ``5/2007``."""
    match = _SHORT.match(scan.text, at)
    if match is None or scan.before(at) in tuple("/.-"):
        return None
    names = dict(scan.tables.months.values())
    month, second = int(match[1]), int(match[2])
    if scan.tables.day_first and len(match[2]) < 4:
        month, second = second, month
    if not 1 <= month <= 12:
        return None
    if len(match[2]) == 4:
        if not 1900 <= second < 2100:
            return None
        return Reading(match.end(), "date", f"{names[month]} {say.year(second)}")
    dated = scan.word_before().lower() in scan.tables.lists["date_words"]
    dated = dated or scan.last_spoken() in scan.tables.lists["weekdays"]
    dated = dated or (not scan.tables.day_first and _is_no_fraction(scan, match))
    dated = dated and scan.word_after(match.end()) != "of"
    padded = match[1][0] == "0" or match[2][0] == "0"
    if not (padded or dated) or not 1 <= second <= 31:
        return None
    return Reading(match.end(), "date", _numeric(scan, second, names[month], None))


def _is_no_fraction(scan: Scan, match: re.Match[str]) -> bool:
    """Return whether a month and a day make no fraction that anybody uses: ``8/29``, ``10/31``."""
    numerator, denominator = int(match[1]), int(match[2])
    if numerator == 1 or denominator in _DENOMINATORS:
        return False
    if scan.word_before().lower() in ("of", "at", "odds"):  # odds of 3/1
        return False
    return not scan.word_after(match.end()).endswith("s")


def dates(scan: Scan, at: int) -> Reading | None:
    """Recognise two months with days: ``6/1-6/15``, ``4/1/24-4/30/24``; not ``1/4-1/2 cup``."""
    match = _DATES.match(scan.text, at)
    if match is None or scan.tables.day_first or scan.before(at) in tuple("/.-"):
        return None
    names = dict(scan.tables.months.values())
    ends = [(int(m), int(d), year) for m, d, year in (match.groups()[:3], match.groups()[3:])]
    if not all(1 <= month <= 12 and 1 <= day <= 31 for month, day, _ in ends):
        return None
    dated = any(year or day == 1 or day not in _DENOMINATORS for _, day, year in ends)
    if not dated or (ends[0][:2] >= ends[1][:2] and not ends[1][2]):
        return None
    spoken = " to ".join(_numeric(scan, day, names[month], year) for month, day, year in ends)
    return Reading(match.end(), "date", spoken)


def hours(scan: Scan, at: int) -> Reading | None:
    """Recognise opening hours: ``7a-3p``, ``8:30a-5p``."""
    match = _HOURS.match(scan.text, at)
    if match is None:
        return None
    begin, end = match.groups()[:3], match.groups()[3:]
    if not all(1 <= int(hour) <= 12 and int(minute or 0) < 60 for hour, minute, _ in (begin, end)):
        return None
    spoken = " to ".join(
        f"{_clock(int(hour), int(minute or 0), half=True)} {half.upper()}M"
        for hour, minute, half in (begin, end)
    )
    return Reading(match.end(), "time", spoken)


def decade(scan: Scan, at: int) -> Reading | None:
    """Recognise a decade: ``1980s``, ``'80s``, ``1910's``; or many: ``100s of people``."""
    if many := _MANY.match(scan.text, at):
        number = say.cardinal(int(many[1])).removeprefix("one ")
        return Reading(many.end(), "number", say.plural(number))
    match = _DECADE.match(scan.text, at)
    if match is None:
        return None
    written = match[1]
    if len(written) == 2:
        if match[0][0] != "'" and scan.word_before().lower() in scan.tables.lists["second_words"]:
            return None  # "wait 30s"
        spoken = say.cardinal(int(written)) if int(written) else "zero"
    else:
        spoken = say.year(int(written))
    return Reading(match.end(), "year", say.plural(spoken))


def two_years(scan: Scan, at: int) -> Reading | None:
    """Recognise a year and the next one, a season: ``2021/22``, ``1999/2000``."""
    match = match_two_years(scan, at)
    if match is None:
        return None
    return Reading(match.end(), "year", f"{say.year(int(match[1]))} {_year(match[2])}")


def match_two_years(scan: Scan, at: int) -> re.Match[str] | None:
    """Return a match whose groups are a year and the next one; None for other numbers."""
    match = _YEARS.match(scan.text, at)
    if match is None or scan.before(at) in tuple("/.-"):
        return None
    following = str(int(match[1]) + 1)
    return match if "1800" < following < "2101" and following.endswith(match[2]) else None


def short_year(scan: Scan, at: int) -> Reading | None:
    """Recognise a two-digit year: ``'99``."""
    match = _SHORT_YEAR.match(scan.text, at)
    if match is None or scan.before(at).isalnum():
        return None
    return Reading(match.end(), "year", say.two_digits(int(match[1])))


def time(scan: Scan, at: int) -> Reading | None:
    """Recognise a time of day: ``3:00``, ``1:59 p.m. EST``, ``5pm``, ``0600 hrs``."""
    match = _CLOCK.match(scan.text, at)
    if match:
        hour, minute, second, half = match.groups()
    elif match := _DOTTED_CLOCK.match(scan.text, at):
        (hour, minute, half), second = match.groups(), None
    elif match := _HOUR.match(scan.text, at):
        (hour, half), minute, second = match.groups(), "00", None
    else:
        return _military(scan, at)
    if int(hour) > 24 or int(minute) > 59 or int(second or 0) > 59:
        return None
    if half and not 1 <= int(hour) <= (12 if second is None else 24):
        return None
    if second is not None:
        spoken = _duration(int(hour), int(minute), int(second))
    else:
        spoken = _clock(int(hour), int(minute), half=bool(half))
    end = match.end()
    if half:
        spoken += f" {half.upper()}M"
    zone = _ZONE.match(scan.text, end)
    if zone:
        name = zone[1].replace(".", "")
        if name.upper() in scan.tables.lists["time_zones"] and (half or name.isupper()):
            spoken += f" {name.upper()}"
            end = zone.end()
    return Reading(end, "time", spoken)


def _military(scan: Scan, at: int) -> Reading | None:
    """Recognise a time of day in four digits before "hours"; not ``1500 hours of work``."""
    match = _MILITARY.match(scan.text, at)
    if match is None:
        return None
    if match[0][0] != "0" and scan.word_before().lower() not in scan.tables.lists["time_words"]:
        return None
    hour, minute = int(match[1]), int(match[2])
    spoken = say.two_digits(hour) if hour else "zero"
    return Reading(
        match.end(), "time", f"{spoken} {say.two_digits(minute) if minute else 'hundred'}"
    )


def duration(scan: Scan, at: int) -> Reading | None:
    """Recognise a duration: ``2h30m``, ``5m30s``."""
    if match := _DURATION.match(scan.text, at):
        spoken = f"{_count(match[1], 'hour')} {_count(match[2], 'minute')}"
        if match[3]:
            spoken += f" {_count(match[3], 'second')}"
    elif match := _SHORT_DURATION.match(scan.text, at):
        spoken = f"{_count(match[1], 'minute')} {_count(match[2], 'second')}"
    else:
        return None
    return Reading(match.end(), "time", spoken)


def _full_name(written: str, names: Iterable[str]) -> str:
    """Return the name that is written, or abbreviated to three letters or more; else nothing."""
    return next((name for name in names if name.startswith(written)), "")


def _is_day(written: str) -> bool:
    return 1 <= int(written) <= 31


def _ordinal_day(scan: Scan, day: int) -> str:
    return f"the {say.ordinal(day)}" if scan.tables.day_first else say.ordinal(day)


def _numeric(scan: Scan, day: int, month: str, written: str | None) -> str:
    """Return the words of a numeric date in the order of the language."""
    if scan.tables.day_first:
        return _by_day(scan, day, month, written)
    spoken = f"{month} {say.ordinal(day)}"
    return f"{spoken} {_year(written)}" if written else spoken


def _by_day(scan: Scan, day: int, month: str, written: str | None) -> str:
    article = "" if scan.word_before().lower() == "the" else "the "
    spoken = f"{article}{say.ordinal(day)} of {month}"
    return f"{spoken} {_year(written)}" if written else spoken


def _year(written: str) -> str:
    value = int(written)
    return say.year(value) if len(written) == 4 else say.two_digits(value)


def _clock(hour: int, minute: int, *, half: bool) -> str:
    if minute:
        return f"{say.cardinal(hour)} {say.two_digits(minute)}"
    if half:
        return say.cardinal(hour)
    if hour in (0, 24):
        return "midnight"
    return f"{say.cardinal(hour)} hundred" if hour > 12 else f"{say.cardinal(hour)} o'clock"


def _duration(hours: int, minutes: int, seconds: int) -> str:
    """Return the words of ``14:10:30``, which may be a time of day or a duration."""
    return f"{_count(hours, 'hour')} {_count(minutes, 'minute')} and {_count(seconds, 'second')}"


def _count(value: int | str, unit: str) -> str:
    number = int(value)
    return f"{say.cardinal(number)} {unit}" + ("" if number == 1 else "s")
