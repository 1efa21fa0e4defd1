import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tanger.model.lexicon.index import lexicon_key
from tanger.model.text.accents import Accents
from tanger.model.text.speller import Speller, lookup_warnings

ENGLISH = Speller("ABCDEFGHIJKLMNOPQRSTUVWXYZ'")


@pytest.mark.parametrize("word", ["tanger", "Tanger", "TANGER", "o'brien", "O'Brien"])
def test_ordinary_spelling_needs_no_warning(word):
    spelling = ENGLISH.spell(word)
    assert spelling.normalized == word.upper()
    assert spelling.warnings == ()
    assert spelling.error is None


@pytest.mark.parametrize(
    ("word", "normalized", "warnings"),
    [
        ("Ångström", "ANGSTROM", ("Å -> A", "ö -> O")),
        ("A\u030angstro\u0308m", "ANGSTROM", ("Å -> A", "ö -> O")),
        ("café", "CAFE", ("é -> E",)),
        ("don’t", "DON'T", ("’ -> '",)),
        ("straße", "STRASSE", ("ß -> SS",)),
        ("Æsop", "AESOP", ("Æ -> AE",)),
        ("œuvre", "OEUVRE", ("œ -> OE",)),
        ("Łódź", "LODZ", ("Ł -> L", "ó -> O", "ź -> Z")),
        ("ﬁne", "FINE", ("ﬁ -> FI",)),
        ("ſun", "SUN", ("ſ -> S",)),
        ("Ｔａｎｇｅｒ", "TANGER", None),
        (" tanger\n", "TANGER", ("surrounding spaces removed",)),
        ("tan\u00adger", "TANGER", ("'\\xad' -> nothing",)),
        ("iPhone", "IPHONE", ("capitals ignored: iPhone -> IPHONE",)),
    ],
)  # fmt: skip
def test_changes_are_reported(word, normalized, warnings):
    spelling = ENGLISH.spell(word)
    assert spelling.normalized == normalized
    assert spelling.word == word
    assert spelling.warnings == warnings if warnings is not None else spelling.warnings


@pytest.mark.parametrize(
    ("word", "normalized", "warnings"),
    [
        ("ba đào", "ba đào", ()),
        ("ba\u00a0đào", "ba đào", ("one space for each run of white space",)),
        (" ba \t đào", "ba đào",
         ("surrounding spaces removed", "one space for each run of white space")),
    ],
)  # fmt: skip
def test_a_space_may_be_a_grapheme(word, normalized, warnings):
    spelling = Speller("abđào ").spell(word)
    assert (spelling.normalized, spelling.warnings) == (normalized, warnings)


def test_spaces_alone_are_no_word():
    assert Speller("ab' ").spell("' '").error.code == "empty"


@pytest.mark.parametrize(
    ("word", "code", "message"),
    [
        ("", "empty", "no letter"),
        ("   ", "empty", "no letter"),
        ("\u00ad", "empty", "no letter"),
        ("’", "empty", "no letter"),
        ("42", "unspellable", "4 (DIGIT FOUR)"),
        ("²", "unspellable", "SUPERSCRIPT TWO"),
        ("день", "unspellable", "CYRILLIC"),
        ("語", "unspellable", "CJK"),
        ("two words", "unspellable", "SPACE"),
        ("a" * 65, "too_long", "65 letters"),
        ("a" * 10_000, "too_long", "10000 letters"),
        ("\x00", "unspellable", "U+0000"),
        ("\ud800", "unspellable", "U+D800"),
    ],
)
def test_what_cannot_be_spelt_says_why(word, code, message):
    spelling = ENGLISH.spell(word)
    assert spelling.normalized is None
    assert spelling.error is not None
    assert spelling.error.code == code
    assert message in spelling.error.message


def test_a_flood_of_marks_takes_no_time():
    """NFC takes quadratic time on combining marks: a mebibyte would take minutes."""
    spelling = ENGLISH.spell("a" + "\u0301\u0316" * 500_000)
    assert spelling.error is not None
    assert spelling.error.code == "too_long"


def test_64_letters_are_a_word():
    assert ENGLISH.spell("a" * 64).normalized == "A" * 64


@given(word=st.text())
def test_any_text_is_spelt_or_refused(word):
    spelling = ENGLISH.spell(word)
    assert (spelling.normalized is None) == (spelling.error is not None)
    if spelling.normalized is not None:
        assert 1 <= len(spelling.normalized) <= 64
        assert set(spelling.normalized) <= ENGLISH.graphemes
        if spelling.normalized != word.upper():
            assert spelling.warnings
        assert ENGLISH.spell(spelling.normalized).normalized == spelling.normalized


def test_a_lexicon_of_lower_case_letters_with_accents():
    french = Speller("abcdefghijklmnopqrstuvwxyzéèç'")
    assert french.spell("Élève").normalized == "élève"
    assert french.spell("E\u0301le\u0300ve").warnings == ()
    assert french.spell("naïve").warnings == ("ï -> i",)


def test_a_lexicon_of_decomposed_letters():
    speller = Speller("ae\u0301")
    assert speller.spell("é").normalized == "e\u0301"
    assert speller.spell("é").warnings == ()


def test_case_that_a_lexicon_keeps_is_kept():
    speller = Speller("aAbB")
    assert speller.spell("aB").normalized == "aB"
    assert speller.spell("aB").warnings == ()


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("Tanger", "tanger"),
        (" A.M. ", "a.m."),
        ("n’t", "n't"),
        ("n`t", "n't"),
        ("CAFE\u0301", "café"),
        ("Maße", "maße"),
        ("so\u00adft", "soft"),
        ("СЛОВО", "слово"),
        ("New York", "new york"),
        (" \u200b", ""),
    ],
)
def test_what_lexicons_keep_a_word_under(word, key):
    assert lexicon_key(word) == key


@pytest.mark.parametrize(
    ("word", "spellings", "reported"),
    [
        ("tanger", ["TANGER"], ()),
        ("Tanger", ["tanger"], ()),
        ("tANGER", ["tanger"], ("capitals ignored: tANGER -> tanger",)),
        ("iPhone", ["iPhone"], ()),
        (" iPhone", ["iPhone"], ("surrounding spaces removed",)),
        ("n’t", ["n't"], ("’ -> '",)),
        ("n't", ["n’t"], ()),
        ("so\u00adft", ["soft"], ("'\\xad' -> nothing",)),
        ("POLISH", ["Polish", "polish"], ("capitals ignored: POLISH -> Polish, polish",)),
    ],
)
def test_what_did_not_count_of_a_word_that_was_found(word, spellings, reported):
    assert lookup_warnings(word, spellings) == reported


def test_a_key_in_the_case_of_the_artifact():
    assert Speller("ABC'").cased("3-d café") == "3-D CAFÉ"
    assert Speller("abcß").cased("maße") == "maße"
    assert Speller("aAbB").cased("ab") == "ab"


SMALL = Speller("abcdefghijklmnopqrstuvwxyzäöüßéóñłčőб'")


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("abzäöüßéñłčőбABZÄÖÜÉÑŁČŐБ'xX-İıſς"), max_size=6))
def test_the_fast_path_of_small_letters_spells_the_same(word):
    spelt = SMALL.spell(word)
    form = SMALL.plain(word)
    if form is not None:
        letters = SMALL._letters(word, Accents())
        slow = "".join("".join(graphemes) for _, graphemes, _ in letters)
        assert (form, spelt.normalized, spelt.warnings) == (slow, slow, ())


@pytest.mark.parametrize("word", ["haus", "Haus", "HAUS", "Straße", "Éclair", "Łó"])
def test_ordinary_words_of_small_letters_take_the_fast_path(word):
    assert SMALL.plain(word) == word.lower()
