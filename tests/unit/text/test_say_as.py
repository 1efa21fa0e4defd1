"""Readings of the contents of say-as."""

import pytest

from tanger.model.text import say_as
from tanger.model.text.reader import tables

TABLES = tables.load()


@pytest.mark.parametrize(
    ("kind", "format", "text", "expected"),
    [
        ("characters", "", "SSML-2", "S S M L dash two"),
        ("spell-out", "", "a b", "A B"),
        ("verbatim", "", "C#", "C hash"),
        ("digits", "", "1984", "one nine eight four"),
        ("cardinal", "", "1984", "one thousand nine hundred eighty four"),
        ("number", "", "-1,250.5", "minus one thousand two hundred fifty point five"),
        ("cardinal", "", "XIV", "fourteen"),
        ("ordinal", "", "21", "twenty first"),
        ("ordinal", "", "3rd", "third"),
        ("ordinal", "", "VIII", "eighth"),
        ("date", "mdy", "1/2/1999", "january second nineteen ninety nine"),
        ("date", "dmy", "1/2/1999", "the first of february nineteen ninety nine"),
        ("date", "ymd", "1999-02-01", "february first nineteen ninety nine"),
        ("date", "yyyymmdd", "1999/2/1", "february first nineteen ninety nine"),
        ("date", "", "2/1/1999", "february first nineteen ninety nine"),
        ("date", "", "1999-02-01", "february first nineteen ninety nine"),
        ("date", "my", "Feb 1999", "february nineteen ninety nine"),
        ("date", "md", "July 4", "july fourth"),
        ("date", "y", "1905", "nineteen oh five"),
        ("date", "d", "4", "fourth"),
        ("time", "", "2:30pm", "two thirty PM"),
        ("time", "hms12", "8 a.m.", "eight AM"),
        ("time", "hms24", "14:00", "fourteen hundred"),
        ("time", "", "3:00", "three o'clock"),
        ("time", "", "3:04:05", "three oh four and five seconds"),
        ("telephone", "", "+1 (555) 555-0123", "plus one" + " five" * 6 + " zero one two three"),
        ("telephone", "", "555-0123 ext. 7", "five five five zero one two three extension seven"),
    ],
)  # fmt: skip
def test_contents_are_read(kind, format, text, expected):
    found = say_as.read(text, kind, format, TABLES)
    assert " ".join(word.shown for word in found.words) == expected


@pytest.mark.parametrize(
    ("kind", "format", "text"),
    [
        ("characters", "", "\u200b"),
        ("digits", "", "a1"),
        ("cardinal", "", "five"),
        ("cardinal", "", "1,23"),
        ("ordinal", "", "9" * 40),
        ("date", "dmy", "32/1/1999"),
        ("date", "dmy", "1/13/1999"),
        ("date", "xyz", "1/2/1999"),
        ("date", "dmy", "1/2"),
        ("time", "", "25:00"),
        ("time", "", "14:00 pm"),
        ("time", "", "3:99"),
        ("telephone", "", "FLOWERS"),
    ],
)
def test_anything_else_is_not(kind, format, text):
    assert say_as.read(text, kind, format, TABLES) is None
