import hashlib
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanger.model import lexicon
from tanger.model.lexicon import Entry, EntryError, LexiconError, LexiconFormat, files
from tanger.model.phonology.vocabulary import SymbolClashError, UnknownSymbolError, Vocabulary
from tests.support.lexicons import ENTRIES

CTF_SHA256 = "ebdfa951b6a66dc8cbfd0f5f9e02b138b2061979662a01ec7f2f6fe91dc1e810"


def read_text(tmp_path, text, name="x.dict", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return lexicon.read(path)


def test_reads_cmudict_of_either_age(tmp_path):
    old = ";;; a comment\nTANGER  T AE1 NG ER0\nREAD  R EH1 D\nREAD(1)  R IY1 D\n"
    new = "tanger t ae1 ng er0 # a name\n# a comment\n\nread r eh1 d\nread(2) r iy1 d\n"
    assert read_text(tmp_path, old) == [
        Entry("TANGER", ("T", "AE1", "NG", "ER0")),
        Entry("READ", ("R", "EH1", "D")),
        Entry("READ", ("R", "IY1", "D")),
    ]
    assert [entry.word for entry in read_text(tmp_path, new)] == ["tanger", "read", "read"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_reads_utf8(tmp_path, encoding):
    assert read_text(tmp_path, "DÉJÀ  D EY ZH AA\n", encoding=encoding)[0].word == "DÉJÀ"


@pytest.mark.parametrize("encoding", ["latin-1", "windows-1252", "utf-16"])
def test_other_encodings_have_to_be_named(tmp_path, encoding):
    with pytest.raises(LexiconError, match=r"x\.dict:1: expected UTF-8 .*convert --encoding"):
        read_text(tmp_path, "DÉJÀ  D EY ZH AA\nA  AH\n", encoding=encoding)
    (entry, _) = lexicon.read(tmp_path / "x.dict", encoding=encoding)
    assert entry == Entry("DÉJÀ", ("D", "EY", "ZH", "AA"))


def test_a_byte_that_is_no_utf8_makes_no_other_word_unreadable(tmp_path):
    """Every line with invalid UTF-8 is reported, and none is decoded in another encoding."""
    path = tmp_path / "x.tsv"
    path.write_bytes("é\te\nб\tb\n".encode() + b"\xe9\te\nc\tk\n\xff\tx\n")
    with pytest.raises(LexiconError) as refused:
        lexicon.read(path)
    assert [refused.value.line, *(error.line for error in refused.value.further)] == [3, 5]


def test_cmudict_0_7b_itself_is_read_although_one_word_is_latin1(tmp_path):
    path = tmp_path / "cmudict-0.7b"
    head = b";;; # CMUdict  --  Major Version: 0.07\n"
    path.write_bytes(head + b"D\xc9J\xc0  D EY1\n" + "Ü  UW\n".encode())
    assert [entry.word for entry in lexicon.read(path)] == ["DÉJÀ", "Ü"]


def test_reads_windows_line_ends(tmp_path):
    assert read_text(tmp_path, "A  AH\r\nB  B IY\r\n") == [Entry("A", ("AH",)),
                                                           Entry("B", ("B", "IY"))]  # fmt: skip


def test_punctuation_words_are_no_comments(tmp_path):
    words = ["#HASH-MARK", "(PAREN", ")PAREN", "(1)"]
    entries = read_text(tmp_path, "".join(f"{word}  AH\n" for word in words))
    assert [entry.word for entry in entries] == words


@pytest.mark.parametrize(
    ("name", "text", "line", "expected"),
    [
        ("x.dict", "A  AH\nTANGER\n", 2, "WORD  PHONEME"),
        ("x.tsv", "a\tb\n\nc d\n", 3, "word<TAB>phoneme"),
        ("x.tsv", "a\t \n", 1, "word<TAB>phoneme"),
        ("x.tsv", "a\tb\tc\n", 1, "word<TAB>phoneme"),
        ("x.ctf", "x\n", 1, "ID<TAB>|S0"),
        ("x.ctf", "0\t|S0 3:1\t|S1 3:1 |# <s>\n", 1, "ID<TAB>|S0"),
        ("x.ctf", "0\t|S0 3:1 |# <s>\t|S1 3:1 |# <s>\n", 1, "from <s> to </s>"),
        ("x.ctf", "0\t|S0 3:1 |# <s>\t|S1 3:1 |# A\n", 1, "3:1 |# <s>"),
        ("lexicon.txt", "a AH\nb\n", 2, "word phoneme"),
        ("lexiconp.txt", "a 1 AH\nb B\n", 2, "word probability phoneme"),
        ("lexiconp.txt", "a 1.5 AH\n", 1, "at most 1"),
        ("lexiconp.txt", "a 0 AH\n", 1, "above 0"),
        ("lexiconp.txt", "a nan AH\n", 1, "above 0"),
        ("lexiconp.txt", "a 0.5\n", 1, "word probability phoneme"),
        ("x.dict", "a 0.5 AH\nb 0.5\n", 2, "word<TAB>phoneme"),
        ("x.dict", "a 0.5 AH\nb\n", 2, "word<TAB>phoneme"),
        ("x.dict", "a 0.5 AH\nb 0.1 0.1 0.1 0.1 0.1 B\n", 2, "up to four numbers"),
        ("x.dict", "a 0.5 AH\nb 1.1 B\n", 2, "at most 1.0"),
    ],
)
def test_a_bad_line_is_named(tmp_path, name, text, line, expected):
    with pytest.raises(LexiconError) as caught:
        read_text(tmp_path, text, name)
    assert caught.value.line == line
    assert expected in caught.value.expected
    assert str(caught.value).startswith(f"{tmp_path / name}:{line}: expected ")


def test_unmarked_phonemes_in_ctf_are_refused(tmp_path):
    lines = ["|S0 3:1 |# <s>\t|S1 3:1 |# <s>", "|S0 4:1 |# A\t|S1 4:1 |# A",
             "|S0 1:1 |# </s>\t|S1 1:1 |# </s>"]  # fmt: skip
    with pytest.raises(LexiconError, match="start with ~"):
        read_text(tmp_path, "".join(f"0\t{line}\n" for line in lines), "x.ctf")


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [
        ("words.ctf", "", "ctf"),
        ("words.tsv", "", "tsv"),
        ("words.DICT", "", "cmudict"),
        ("words", "0\t|S0 3:1 |# <s>\t|S1 3:1 |# <s>", "ctf"),
        ("words", ";;; x\nmot\tm o", "tsv"),
        ("words", "MOT  M OW", "cmudict"),
        ("lexicon.txt", "MOT M OW", "kaldi"),
        ("lexiconp.txt", "MOT 1.0 M OW", "kaldip"),
        ("words.pls", "", "pls"),
        ("words", "<?xml version='1.0'?>", "pls"),
        ("words", "  <lexicon version='1.0'", "pls"),
        ("mfa.dict", "mot\t0.5\tM OW", "mfa"),
        ("mfa.dict", "mot\t0.5\t0.1\t1.2\t0.9\tM OW", "mfa"),
        ("mfa.dict", "mot\tM OW", "cmudict"),
        ("words", "", "cmudict"),
    ],
)
def test_the_format_is_detected(tmp_path, name, text, format):
    assert files.detect_format(tmp_path / name, text.split("\n")) == format


@given(entries=ENTRIES, format=st.sampled_from(get_args(LexiconFormat)))
def test_what_is_written_reads_back(tmp_path_factory, entries, format):
    path = tmp_path_factory.mktemp("round") / "lexicon"
    lexicon.write(path, entries, format)
    assert lexicon.read(path, format) == entries


@pytest.mark.parametrize(
    ("entry", "format", "error"),
    [
        (Entry("two words", ("T",)), "cmudict", EntryError),
        (Entry("WORD(1)", ("T",)), "cmudict", EntryError),
        (Entry(" WORD", ("T",)), "cmudict", EntryError),
        (Entry("#", ("T",)), "cmudict", EntryError),
        (Entry("word", ()), "tsv", EntryError),
        (Entry("", ("T",)), "tsv", EntryError),
        (Entry("a\tb", ("T",)), "tsv", EntryError),
        (Entry("word", ("T H",)), "tsv", EntryError),
        (Entry("word", ("#",)), "cmudict", EntryError),
        (Entry("~T", ("T",)), "ctf", None),
        (Entry("two words", ("T",)), "ctf", EntryError),
        (Entry("word", ()), "ctf", EntryError),
        (Entry("two words", ("T",)), "mfa", EntryError),
        (Entry("word", ("0.5", "T")), "mfa", EntryError),
        (Entry("word", ("5", "T")), "mfa", None),
        (Entry("word(1)", ("T",)), "mfa", None),
        (Entry("two words", ("T",)), "kaldi", EntryError),
        (Entry("word", ()), "kaldip", EntryError),
        (Entry("word(1)", ("#",)), "kaldi", None),
        (Entry("two words", ("T",)), "pls", None),
        (Entry("two  words", ("T",)), "pls", EntryError),
        (Entry("word\0", ("T",)), "pls", EntryError),
        (Entry("a<b>&c", ("&lt;", "<")), "pls", None),
        (Entry("", ("T",)), "pls", EntryError),
    ],
)
def test_what_would_not_read_back_is_refused(tmp_path, entry, format, error):
    path = tmp_path / "lexicon"
    path.write_text("what was there")
    if error is None:
        lexicon.write(path, [entry], format)
        assert lexicon.read(path, format) == [entry]
        return
    with pytest.raises(error, match="entry 2") as caught:
        lexicon.write(path, [Entry("fine", ("F",)), entry], format)
    assert caught.value.entry == entry
    assert path.read_text() == "what was there"
    assert [file.name for file in tmp_path.iterdir()] == ["lexicon"]


def test_ctf_needs_every_symbol_in_its_mapping(tmp_path):
    with pytest.raises(UnknownSymbolError):
        lexicon.write(tmp_path / "x", [Entry("B", ("B",))], "ctf", mapping=["<s>", "</s>", "B"])


def test_a_special_symbol_is_no_phoneme(tmp_path):
    with pytest.raises(SymbolClashError, match="</s>"):
        Vocabulary.of(["T", "</s>"])


def test_pronunciations_keep_their_order():
    entries = [Entry("B", ("2",)), Entry("A", ("1",)), Entry("B", ("1",)), Entry("B", ("2",))]
    assert lexicon.pronunciations(entries) == {"B": [("2",), ("1",)], "A": [("1",)]}


@pytest.mark.slow
def test_the_training_split_becomes_cntks_own_file(split, tmp_path):
    entries = lexicon.read(split / "cmudict-0.7b.train-dev-20-21")
    target = tmp_path / "train.ctf"
    lexicon.write(target, entries, "ctf")
    content = target.read_bytes()
    assert len(content) == 34_866_353
    assert hashlib.sha256(content).hexdigest() == CTF_SHA256
    assert lexicon.read(target) == entries


@pytest.mark.slow
def test_the_raw_dictionary_survives(split, tmp_path):
    entries = lexicon.read(split / "cmudict-0.7b")
    assert len(entries) == 133_854
    lexicon.write(tmp_path / "raw.dict", entries, "cmudict")
    assert lexicon.read(tmp_path / "raw.dict") == entries


def test_tiny_ctf_reads(split):
    assert lexicon.read(split / "tiny.ctf") == [Entry("ABADI", ("AH", "B", "AE", "D", "IY"))]
