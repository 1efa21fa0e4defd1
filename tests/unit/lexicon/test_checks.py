"""Files that are not lexicons, or too large, are refused by line, in linear time."""

import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tanger.model import lexicon
from tanger.model.lexicon import LexiconError, Reader
from tanger.model.lexicon.checks import MAX_FAULTS
from tests.support.lexicons import STREAMED, pls, read_text

CSV = "word,pronunciation\ntanger,T AE NG ER\nbeta,B EY T AH\n"
TSV = "word\tpronunciation\ntanger\tT AE NG ER\n"
UNSEPARATED = "tanger\tˈtæŋɚ\nbutter\t/ˈbʌtɚ/\nbar\tb ɑ ɹ\n"


def faults(tmp_path, text, name):
    with pytest.raises(LexiconError) as refused:
        read_text(tmp_path, text, name)
    error = refused.value
    return {each.line: each.expected for each in (error, *error.further)}, str(error)


@pytest.mark.parametrize("name", ["words.csv", "words", "words.dict", "words.txt", "lexicon.txt"])
@pytest.mark.parametrize("mark", [",", ", ", ";"])
def test_comma_separated_values_are_named_line_by_line(tmp_path, name, mark):
    found, message = faults(tmp_path, CSV.replace(",", mark), name)
    assert list(found) == [1, 2, 3]
    assert all("comma-separated" in expected for expected in found.values())
    for line in (1, 2, 3):
        assert f"{tmp_path / name}:{line}: " in message


def test_quoted_comma_separated_values_are_named(tmp_path):
    found, _ = faults(tmp_path, '"tanger","T AE NG ER"\n"42","F AO R"\n', "words.csv")
    assert list(found) == [1, 2]


def test_words_with_commas_are_words_where_the_format_is_named_or_allows_them(tmp_path):
    assert read_text(tmp_path, ",COMMA  K AA\n10,000  T EH N\n", "x.dict")
    assert read_text(tmp_path, "ready, steady\tr ɛ d i\n", "x.tsv")
    (tmp_path / "x").write_text("a,b X\n")
    assert lexicon.read(tmp_path / "x", "kaldi")


@pytest.mark.parametrize("text", [TSV, TSV.upper(), "Headword\tIPA\nbar\tb ɑ ɹ\n"])
def test_a_header_is_no_entry(tmp_path, text):
    found, _ = faults(tmp_path, text, "words.tsv")
    assert list(found) == [1]
    assert "columns' names" in found[1]


def test_transcriptions_without_spaces_are_named(tmp_path):
    found, _ = faults(tmp_path, UNSEPARATED, "words.tsv")
    assert list(found) == [1, 2]
    assert "spaces between" in found[1]


def test_a_noise_with_a_long_name_is_an_entry(tmp_path):
    text = "<noise> spoken-noise\ntanger t æ ŋ ɚ\nbar b ɑ ɹ\n"
    assert len(read_text(tmp_path, text, "lexicon.txt")) == 3


def test_the_first_twenty_bad_lines_are_listed(tmp_path):
    found, message = faults(tmp_path, "A  AH\n" + "WORD\n" * 30, "x.dict")
    assert list(found) == list(range(2, 2 + MAX_FAULTS))
    assert message.endswith("(and more)")


@pytest.mark.parametrize("stray", ["\u00a0", "\u3000", "\u2009", "\x0b", "\x1c", "\x85", "\u2028",
                                   "\u200b", "\ufeff", "\0", "\r"])  # fmt: skip
@pytest.mark.parametrize("name", ["x.dict", "x.tsv", "lexicon.txt", "x.pls"])
def test_what_looks_like_a_space_and_is_none_is_named(tmp_path, name, stray):
    if name == "x.pls":
        if stray in "\x0b\x1c\0\r":  # XML cannot represent them, or converts them to a line end
            return
        text = pls(f"<grapheme>a</grapheme><phoneme>T{stray}AE</phoneme>")
    else:
        text = f"fine\tF AY\nbad\tB{stray}AE\n"
    found, _ = faults(tmp_path, text, name)
    (expected,) = found.values()
    assert list(found) == [2]
    assert f"U+{ord(stray):04X}" in expected


def test_comments_and_phrases_may_hold_any_space(tmp_path):
    assert len(read_text(tmp_path, "a  AH # \u00a0é\u00a0\n# \u00a0\n", "x.dict")) == 1
    assert read_text(tmp_path, "New\u00a0York\tn u\n", "x.tsv")[0].word == "New\u00a0York"
    assert list(faults(tmp_path, "\u00a0York\tn u\n", "x.tsv")[0]) == [1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 600 + "\tT\n", "words of at most 512"),
        ("a\t" + "T " * 600 + "\n", "at most 512 phonemes"),
        ("a\t" + "T" * 100_000, "lines of at most 65536"),
        ("a" * 1_000_000, "lines of at most 65536"),
    ],
)
@pytest.mark.parametrize("name", ["x.tsv", "x.dict", "lexicon.txt"])
def test_endless_lines_words_and_pronunciations_are_refused(tmp_path, text, expected, name):
    found, _ = faults(tmp_path, text, name)
    assert expected in found[1]


def test_a_file_of_endless_size_is_read_no_further_than_the_limit(monkeypatch):
    monkeypatch.setattr("tanger.model.lexicon.files.MAX_FILE", 1000)
    with pytest.raises(LexiconError, match="at most 1,000 bytes"):
        lexicon.read(Path("/dev/zero"))


@pytest.mark.parametrize("encoding", ["utf-7", "rot13", "idna", "punycode", "hex", "undefined",
                                      "unicode_escape", "cp65001", "utf-8-sig", "utf_8", "zip",
                                      "utf-32", "gb2312", "no-such"])  # fmt: skip
def test_pls_in_what_is_no_encoding_of_xml_is_named(tmp_path, encoding):
    text = pls(before=f'<?xml version="1.0" encoding="{encoding}"?>')
    with pytest.raises(LexiconError, match=r"x\.pls:1: expected an encoding of XML's"):
        read_text(tmp_path, text)


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-16", "iso-8859-1", "ISO-8859-2", "windows-1252",
                                      "koi8-r", "us-ascii"])  # fmt: skip
def test_pls_in_encodings_of_xml_reads(tmp_path, encoding):
    text = pls(
        "<grapheme>a</grapheme><phoneme>AH</phoneme>",
        before=f'<?xml version="1.0" encoding="{encoding}"?>',
    )
    (tmp_path / "x.pls").write_bytes(text.encode(encoding))
    assert [entry.word for entry in lexicon.read(tmp_path / "x.pls")] == ["a"]


def seconds(content, size):
    """Return the best of three times for reading a PLS file in pieces of `size` bytes."""
    taken = []
    for _ in range(3):
        reader = Reader(Path("x"), "pls")
        started = time.process_time()
        try:
            for start in range(0, len(content), size):
                list(reader.feed(content[start : start + size]))
            list(reader.close())
        except LexiconError:
            pass
        taken.append(time.process_time() - started)
    return min(taken)


@pytest.mark.parametrize(
    "one",
    [
        "<grapheme>{}</grapheme><phoneme>AH</phoneme>".format("a<b/>" * 4000),
        "<grapheme>{}</grapheme><phoneme>AH</phoneme>".format("a<!-- -->" * 4000),
        "<grapheme>{}</grapheme><phoneme>AH</phoneme>".format("a<?b c?>" * 4000),
        "<grapheme>{}</grapheme><phoneme>AH</phoneme>".format("<![CDATA[a]]>" * 4000),
        "<grapheme>{}</grapheme><phoneme>AH</phoneme>".format("&#97;" * 4000),
        "<example>{}</example><grapheme>a</grapheme><phoneme>AH</phoneme>".format("a<b/>" * 9000),
        "<grapheme {}>a</grapheme><phoneme>AH</phoneme>".format(
            " ".join(f"a{number}='b'" for number in range(9000))
        ),
        f"<grapheme a='{'b' * 200_000}'>a</grapheme><phoneme>AH</phoneme>",
    ],
    ids=["elements", "comments", "instructions", "sections", "references", "examples",
         "attributes", "attribute"],
)  # fmt: skip
def test_a_lexeme_takes_no_more_than_its_length(one):
    """Regression test: mixed content took quadratic time, 3 s for 20 kB."""
    content = pls(one).encode()
    assert len(content) < 300_000
    assert seconds(content, 1 << 16) < 0.5
    assert seconds(content, 100) < 0.5


@pytest.mark.parametrize(
    ("lexeme", "expected"),
    [
        ("<grapheme>a<b/></grapheme>", "text alone"),
        ("<grapheme>a<phoneme>AH</phoneme></grapheme>", "text alone"),
        ("<grapheme>a</grapheme><lexeme/>", "</lexeme>"),
        ("<grapheme>a</grapheme>" * 50 + "<phoneme>AH</phoneme>" * 40, "at most 400 entries"),
        (f"<grapheme>{'a' * 600}</grapheme><phoneme>AH</phoneme>", "at most 512 characters"),
        (f"<grapheme>a</grapheme><phoneme>{'T ' * 600}</phoneme>", "at most 512 phonemes"),
    ],
)
def test_a_lexeme_that_is_none_is_named(tmp_path, lexeme, expected):
    with pytest.raises(LexiconError, match=expected):
        read_text(tmp_path, pls(lexeme))


@settings(max_examples=150)
@given(content=st.binary(max_size=300), format=st.sampled_from(STREAMED), size=st.integers(1, 50))
@example(content=b'<?xml version="1.0" encoding="utf-7"?><lexicon/>', format="pls", size=50)
@example(content=b"word\tipa\n\xff\n", format="tsv", size=3)
def test_any_bytes_are_read_or_refused(content, format, size):
    def in_pieces():
        reader = Reader(Path("x"), format)
        for start in range(0, len(content), size):
            yield from reader.feed(content[start : start + size])
        yield from reader.close()

    for rows in (
        in_pieces(),
        lexicon.iterate_rows(Path("x"), content, format),
        lexicon.iterate_rows(Path("x"), content),
    ):
        with suppress(LexiconError):
            list(rows)
