"""Format-specific features: probabilities, PLS and its alphabets, reading in pieces."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanger.model import lexicon
from tanger.model.lexicon import Entry, EntryError, LexiconError, Reader, Row
from tanger.model.phonology.phoneme_set import Inventory
from tests.support.lexicons import ENTRIES, PLS, STREAMED, SYMBOL, pls, read_text

# Probabilities

PROBABILITY = st.floats(0, 1, exclude_min=True)
WEIGHTED = st.lists(
    st.tuples(
        SYMBOL,
        st.lists(SYMBOL, min_size=1, max_size=4).map(tuple),
        st.one_of(
            st.just(()),
            st.tuples(PROBABILITY),
            st.tuples(PROBABILITY, PROBABILITY, st.floats(0, 9), st.floats(0, 9)),
        ),
    ).map(lambda row: Row(0, Entry(*row[:2]), row[2])),
    max_size=6,
)


@given(rows=WEIGHTED)
def test_probabilities_come_back_to_the_last_bit(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("weighted") / "x"
    lexicon.write_lines(path, lexicon.render_rows(rows, "mfa"))
    assert [row[1:] for row in lexicon.read_rows(path, "mfa")] == [row[1:] for row in rows]
    lexicon.write_lines(path, lexicon.render_rows(rows, "kaldip"))
    kept = [(row.entry, row.probabilities[:1] or (1.0,)) for row in rows]
    read = lexicon.read_rows(path, "kaldip")
    assert [(row.entry, row.probabilities) for row in read] == kept


def test_rows_say_where_they_stand(tmp_path):
    (tmp_path / "lexiconp.txt").write_text("a 0.9 AH\n\na 0.1 EY\n")
    assert lexicon.read_rows(tmp_path / "lexiconp.txt") == [
        Row(1, Entry("a", ("AH",)), (0.9,)),
        Row(3, Entry("a", ("EY",)), (0.1,)),
    ]


def test_mfas_own_columns_are_written_as_it_writes_them(tmp_path):
    row = Row(1, Entry("mot", ("M", "OW")), (0.99, 1e-7, 1.0, 2.5))
    lexicon.write_lines(tmp_path / "x", lexicon.render_rows([row], "mfa"))
    assert (tmp_path / "x").read_text() == "mot\t0.99\t0.0000001\t1.0\t2.5\tM OW\n"


def test_in_kaldis_files_nothing_is_a_comment_or_a_variant(tmp_path):
    text = "#hash HH AE SH\n;;; T\na(1) EY\n"
    assert read_text(tmp_path, text, "lexicon.txt") == [
        Entry("#hash", ("HH", "AE", "SH")),
        Entry(";;;", ("T",)),
        Entry("a(1)", ("EY",)),
    ]


# PLS and alphabets

ENGLISH = Inventory("AE NG T ER".split())
OTHER = Inventory(["t", "æŋ", "{", "N"])


def test_pls_as_the_w3c_has_it(tmp_path):
    text = pls(
        "<grapheme>Smyth</grapheme><grapheme>Smythe</grapheme>"
        "<phoneme>S M IH TH</phoneme><phoneme prefer='true'> S M\n AY DH </phoneme>",
        '<grapheme>New  York</grapheme><phoneme alphabet="ipa">n uː j ɔː k</phoneme>'
        "<example>They live in New York.</example>",
        "<!-- a name --><grapheme>A &amp; B</grapheme><phoneme><![CDATA[EY N D B IY]]></phoneme>",
        "<grapheme>a</grapheme><phoneme alphabet='ipa'>ə</phoneme>",
        before='<?xml version="1.0" encoding="UTF-8"?>\n<!-- words -->\n',
    ).replace("<lexeme>", "<meta name='x' content='y'/><metadata><p>AH</p></metadata><lexeme>", 1)
    assert read_text(tmp_path, text) == [
        Entry("Smyth", ("S", "M", "AY", "DH")),
        Entry("Smyth", ("S", "M", "IH", "TH")),
        Entry("Smythe", ("S", "M", "AY", "DH")),
        Entry("Smythe", ("S", "M", "IH", "TH")),
        Entry("New York", ("n", "uː", "j", "ɔː", "k")),
        Entry("A & B", ("EY", "N", "D", "B", "IY")),
        Entry("a", ("ə",)),
    ]


@pytest.mark.parametrize(
    ("alphabet", "text", "inventory", "phonemes"),
    [
        ("ipa", "ˈtæŋɚ", None, "T AE1 NG ER0"),
        ("ipa", "t æ ŋ", None, "t æ ŋ"),
        ("ipa", "t æ ŋ", ENGLISH, "T AE NG"),
        ("ipa", "t æŋ", OTHER, "t æŋ"),
        ("ipa", "tæŋ", OTHER, "t æŋ"),
        ("ipa", "a", None, "a"),
        ("x-sampa", '"t{N@`', None, "T AE1 NG ER0"),
        ("x-sampa", "t { N", OTHER, "t { N"),
        ("x-cmu", "T AE1", ENGLISH, "T AE1"),
    ],
)
def test_ipa_in_pls_is_english_or_has_spaces(alphabet, text, inventory, phonemes):
    content = pls(f"<grapheme>a</grapheme><phoneme alphabet='{alphabet}'>{text}</phoneme>").encode()
    parse = inventory and inventory.parse
    (row,) = lexicon.iterate_rows(Path("x.pls"), content, parse=parse)
    assert row.entry.phonemes == tuple(phonemes.split())


@pytest.mark.parametrize(
    ("format", "alphabet", "text"),
    [
        ("tsv", "ipa", "tanger\t/ˈtæŋɚ/\n"),
        ("tsv", "ipa", "tanger\tˈt æ ŋ ɚ\n"),
        ("cmudict", "x-sampa", 'tanger  "t{N@`\n'),
        ("kaldip", "ipa", "tanger 0.5 t ˈæ ŋ ɚ\n"),
        ("mfa", "ipa", "tanger\t0.5\ttˈæŋɚ\n"),
        ("tsv", "cntk", "tanger\t~T ~AE1 ~NG ~ER0\n"),
        ("pls", "ipa", pls("<grapheme>tanger</grapheme><phoneme>ˈtæŋɚ</phoneme>", alphabet="")),
    ],
)
def test_a_lexicon_may_be_in_a_named_alphabet(format, alphabet, text):
    (row,) = lexicon.iterate_rows(Path("x"), text.encode(), format, alphabet=alphabet)
    assert row.entry == Entry("tanger", ("T", "AE1", "NG", "ER0"))


def test_a_symbol_that_the_alphabet_lacks_is_named_with_its_line_and_place():
    content = "bed\tˈbɛd\n<unk>\tspn\nbad\tˈbaad\nbet\tˈbɛɾ\n".encode()
    with pytest.raises(LexiconError) as refused:
        list(lexicon.iterate_rows(Path("x.tsv"), content, alphabet="ipa"))
    first, second = str(refused.value).split("\n")
    assert first.startswith("x.tsv:3: expected ipa ('ˈbaad' as ipa, character 3: 'a' (U+0061) is")
    assert "none of its symbols: ɑ æ ə ʌ" in first
    assert second.startswith("x.tsv:4: ")


def test_pls_names_its_alphabet(tmp_path):
    for phoneme, alphabet in (("AE1", "x-arpabet"), ("ɛ", "x-phonemes")):
        lexicon.write(tmp_path / "x.pls", [Entry("a", (phoneme,))], "pls")
        text = (tmp_path / "x.pls").read_text(encoding="utf-8")
        assert f'xmlns="{PLS}" alphabet="{alphabet}" xml:lang=' in text
        assert lexicon.read(tmp_path / "x.pls") == [Entry("a", (phoneme,))]


@pytest.mark.parametrize(
    ("text", "line", "reported"),
    [
        (pls("\n<grapheme>a</grapheme>"), 3, "a <phoneme> in each <lexeme>"),
        (pls("<phoneme>AH</phoneme>"), 2, "a <grapheme> in each <lexeme>"),
        (pls("<grapheme> </grapheme><phoneme>AH</phoneme>"), 2, "expected a grapheme"),
        (pls("<grapheme>a</grapheme><phoneme/>"), 2, "expected a phoneme"),
        (pls("<grapheme>a</grapheme><alias>b</alias>"), 2, "<alias>"),
        (pls("<grapheme>a</grapheme><phoneme>AH</phoneme>", alphabet=""), 2, "an alphabet on"),
        (
            pls("<grapheme>a</grapheme><phoneme alphabet='ipa'>byd</phoneme>"),
            2,
            "as ipa, character 2",
        ),
        ("<lexicon", 1, "expected XML"),
        ("<html></html>", 1, "<lexicon xmlns="),
        ("<lexicon>\n</lexeme>", 2, "mismatched tag"),
        (pls("<grapheme>&who;</grapheme>"), 2, "undefined entity"),
    ],
)
def test_what_is_no_pls_is_named_by_line(tmp_path, text, line, reported):
    with pytest.raises(LexiconError) as refused:
        read_text(tmp_path, text)
    assert refused.value.line == line
    assert reported in str(refused.value)
    assert str(refused.value).startswith(f"{tmp_path / 'x.pls'}:{line}: expected ")


BOMB = '<!DOCTYPE lexicon [<!ENTITY b "ha"><!ENTITY a "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
STEAL = '<!DOCTYPE lexicon [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
FETCH = '<!DOCTYPE lexicon SYSTEM "http://127.0.0.1:9/lexicon.dtd">'


@pytest.mark.parametrize("declaration", [BOMB, STEAL, FETCH])
def test_nothing_is_expanded_or_fetched(tmp_path, declaration):
    text = pls("<grapheme>&a;</grapheme><phoneme>AH</phoneme>", before=declaration)
    with pytest.raises(LexiconError, match="no document type declaration"):
        read_text(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("<lexicon>" + "<metadata>" * 100, "at most 64 elements within"),
        (pls("<grapheme>a</grapheme>" * 200), "at most 100 elements in a lexeme"),
        (pls(f"<grapheme>{'a' * 5000}</grapheme>"), "at most 4096 characters"),
        (f"<lexicon a='{'a' * 400_000}'></lexicon>", "tags of at most 262144 bytes"),
    ],
)
def test_no_file_makes_the_parser_keep_much(tmp_path, text, reported):
    with pytest.raises(LexiconError, match=reported):
        read_text(tmp_path, text)


# Reading in pieces


@given(entries=ENTRIES, format=st.sampled_from(STREAMED), size=st.integers(1, 40))
def test_a_lexicon_in_pieces_is_the_same_lexicon(entries, format, size):
    content = "".join(f"{line}\n" for line in lexicon.render(entries, format)).encode()
    reader = Reader(Path("body"), format)
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    rows = [row for piece in pieces for row in reader.feed(piece)]
    rows += reader.close()
    assert [row.entry for row in rows] == entries
    if format not in ("pls", "cmudict"):
        assert [row.number for row in rows] == list(range(1, len(rows) + 1))


def test_pieces_need_no_line_feed_at_the_end_and_may_begin_with_a_mark():
    reader = Reader(Path("body"), "tsv")
    assert not list(reader.feed("\ufeffé\té".encode()))
    assert list(reader.close()) == [Row(1, Entry("é", ("é",)))]


@pytest.mark.parametrize(
    ("content", "line", "reported"),
    [
        (b"a AH\nb \xff\n", 2, "expected UTF-8"),
        (b"a AH\nb \xc3", 2, "expected UTF-8"),
        (b"a AH\n" + b"b" * 100_000, 2, "at most 65536 characters"),
        (b"a AH\n\n\nb\n", 4, "expected word phoneme"),
    ],
)
def test_a_bad_piece_is_named_by_line(content, line, reported):
    def read_text():
        reader = Reader(Path("body"), "kaldi")
        for start in range(0, len(content), 7):
            yield from reader.feed(content[start : start + 7])
        yield from reader.close()

    with pytest.raises(LexiconError, match=reported) as refused:
        list(read_text())
    assert refused.value.line == line


@pytest.mark.parametrize("blank", list("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"))
def test_no_word_leaves_its_line(blank):
    entry = Entry(f"A{blank}B", ("T",))
    for format in STREAMED:
        with pytest.raises(EntryError):
            list(lexicon.render([entry], format))
    escaped = lexicon.escape_tsv(entry.word)
    assert escaped.splitlines() == [escaped]
    assert escaped.encode().decode("unicode_escape") == entry.word


def test_aliases_and_roles_of_pls_are_read_and_written(tmp_path):
    text = pls(
        "<grapheme>W3C</grapheme><alias>World Wide Web</alias>",
        "<grapheme>read</grapheme><phoneme>R IY D</phoneme>",
    ).replace("<lexeme><grapheme>read", '<lexeme role="claws:VVI  claws:VVB"><grapheme>read')
    with pytest.raises(LexiconError, match="what an alias sounds like is not known"):
        read_text(tmp_path, text)
    rows = lexicon.read_rows(tmp_path / "x.pls", aliases=True)
    assert rows == [
        Row(2, Entry("W3C", ()), alias="World Wide Web"),
        Row(3, Entry("read", ("R", "IY", "D")), sense="VVI VVB"),
    ]
    lexicon.write_lines(tmp_path / "y.pls", lexicon.render_rows(rows, "pls"))
    again = lexicon.read_rows(tmp_path / "y.pls", aliases=True)
    assert [row.variant for row in again] == [row.variant for row in rows]
    for format in lexicon.LINE_FORMATS:
        with pytest.raises(EntryError, match="an alias, which pls alone can hold"):
            list(lexicon.render_rows(rows, format))
