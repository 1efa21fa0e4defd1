import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tanger.model.phonology import notation
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text import derived_forms
from tanger.model.text.reading import MAX_DIGITS, MAX_PARTS, WordReader

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ'"
ENGLISH = WordReader(LETTERS, notation.ARPABET)


def read(word, known=()):
    return ENGLISH.read(word, known=lambda spelt: spelt in known)


@pytest.mark.parametrize("word", ["tanger", "Tanger", "TANGER", "O'Brien", "a", "I", "NASA", "shh"])
def test_an_ordinary_word_is_itself(word):
    found = read(word)
    assert found.spelling.normalized == word.upper()
    assert [(part.text, part.pronunciations) for part in found.parts] == [(word.upper(), ())]
    assert found.spelling.warnings == ()


@pytest.mark.parametrize(
    ("word", "normalized", "warnings"),
    [
        ("42", "FORTY-TWO", ["42 -> forty two"]),
        ("٤٢", "FORTY-TWO", ["٤٢ -> forty two"]),
        (" 42 ", "FORTY-TWO", ["surrounding spaces removed", "42 -> forty two"]),
        ("1984%", "ONE-THOUSAND-NINE-HUNDRED-EIGHTY-FOUR-PERCENT", None),
        ("3:00", "THREE-O'CLOCK", ["3:00 -> three o'clock"]),
        ("$5.99", "FIVE-DOLLARS-NINETY-NINE-CENTS", ["$5.99 -> five dollars ninety nine cents"]),
        ("#1", "NUMBER-ONE", ["# -> number", "1 -> one", "read in parts: number, one"]),
        ("&", "AND", ["& -> and"]),
        ("@home", "AT-HOME", ["@home -> at home"]),
        ("mother-in-law", "MOTHER-IN-LAW", ["read in parts: mother, in, law"]),
        ("New York", "NEW-YORK", ["read in parts: New, York"]),
        ("café-bar", "CAFAY-BAR", ["é -> AY", "read in parts: café, bar"]),
        ("hello!", "HELLO", ["! -> nothing"]),
        ("hello🎄", "HELLO", ["🎄 -> nothing"]),
        ("'colonel'", "COLONEL", ["' -> nothing"]),
        ("-hello", "HELLO", ["- -> nothing"]),
        ("hello --", "HELLO", ["-- -> nothing"]),
        ("hello-!", "HELLO", ["- -> nothing", "! -> nothing"]),
        ("bad\0bed", "BAD-BED", ["'\\x00' -> nothing", "read in parts: bad, bed"]),
        ("Dr.", "DOCTOR", ["Dr. -> doctor"]),
        ("BBC", "BBC", ["BBC -> B B C, letter by letter"]),
        ("TVs", "TVS", ["TVs -> T Vs, letter by letter"]),
        ("U.S.A.", "USA", ["U.S.A. -> U S A, letter by letter"]),
        ("c", "C", ["c -> the letter C"]),
        ("T-shirt", "T-SHIRT", ["T -> the letter T", "read in parts: T, shirt"]),
        ("MP3", "MP-THREE", ["MP3 -> M P three"]),
        ("10pm", "TEN-PM", ["10pm -> ten P M"]),
        ("AT&T", "AT-AND-T", ["AT&T -> A T and T"]),
        ("ChatGPT", "CHAT-GPT", ["ChatGPT -> chat G P T"]),
    ],
)  # fmt: skip
def test_what_is_read_out_is_reported(word, normalized, warnings):
    found = read(word)
    assert found.spelling.error is None
    assert (found.spelling.word, found.spelling.normalized) == (word, normalized)
    assert "-".join(part.text for part in found.parts) == normalized
    assert found.spelling.warnings
    if warnings is not None:
        assert list(found.spelling.warnings) == warnings


@pytest.mark.parametrize(
    ("word", "spoken"),
    [
        ("BBC", ["B IY1 B IY1 S IY1"]),
        ("BBC's", ["B IY1 B IY1 S IY1 Z"]),
        ("AT&T", ["EY1 T IY1", "AH0 N D", "T IY1"]),
        ("4K", ["F AO1 R", "K EY1"]),
        ("5km", ["F AY1 V", None]),
        ("42", ["F AO1 R T IY0", "T UW1"]),
        ("9th", ["N AY1 N TH"]),
        ("1990s", ["N AY1 N T IY1 N", "N AY1 N T IY0 Z"]),
        ("re-enter", ["R IY0", None]),
        ("well-read", [None, None]),
    ],
)
def test_letters_and_numbers_are_spoken_by_rule_and_words_requested(word, spoken):
    found = [[" ".join(each) for each in part.pronunciations] for part in read(word).parts]
    assert found == [[each] if each else [] for each in spoken]


@pytest.mark.parametrize("typed", ["{}", "{}th", "{}s", "-{}.5", "${}.05", "£{}M", "#{}", "{}%"])
@given(number=st.integers(0, 10**15))
def test_no_word_of_a_number_is_left_to_chance(typed, number):
    parts = read(typed.format(number)).parts
    assert parts
    assert all(part.pronunciations for part in parts)


def test_a_rule_that_guesses_says_how_sure_it_is():
    assert read("BBC").probability < 1
    assert read("3:00").probability < 1
    assert read("T-shirt").probability == 1


@pytest.mark.parametrize(
    ("word", "code", "reported"),
    [
        ("日本", "unspellable", "CJK"),
        ("42日", "unspellable", "CJK"),
        ("a-слово", "unspellable", "CYRILLIC"),
        ("--", "unspellable", "HYPHEN-MINUS"),
        ("🎄", "unspellable", "CHRISTMAS TREE"),
        ("", "empty", "no letter"),
        ("1" * (MAX_DIGITS + 1), "too_long", f"19 digits, at most {MAX_DIGITS} are read"),
        ("9" * 1_000_000, "too_long", "1000000 letters"),
        ("a-" * 33, "too_long", "66 characters, at most 64 are read"),
        ("A" * 65, "too_long", "65 letters"),
    ],
)
def test_what_cannot_be_read_keeps_its_error(word, code, reported):
    found = read(word)
    assert found.parts == ()
    assert found.spelling.normalized is None
    assert found.spelling.error.code == code
    assert reported in found.spelling.error.message


def test_other_languages_are_left_alone():
    for reader in (
        WordReader("ABDEGNRT'", {"AE", "T"}),
        WordReader(LETTERS, {"t", "ɛ"}),
        WordReader(LETTERS.lower(), notation.ARPABET),
    ):
        assert reader.text is None
        assert reader.read("42").spelling == reader.speller.spell("42")
        assert reader.read("BT").parts == reader.read("bt").parts


pieces = st.sampled_from(
    [*"0123456789.,-–'’&%@#+=°/_*×−§$£€¥¢₹ ()!?\t", "st", "th", "s", "M", "bn", "BBC", "word", "é",
     "ß", "ſ", "K", "ﬁ", "日", "\u0301", "\u200d", "٣", "²", "½", "a.", "U."]
)  # fmt: skip


def test_a_capital_that_is_no_letter_of_the_alphabet_is_a_word():
    assert [part.text for part in read("À").parts] == ["A"]


@settings(max_examples=1000)
@given(word=st.text() | st.lists(pieces, max_size=64).map("".join))
@example("$" + "9" * 18 + "K")
@example("1,234,5678")
@example("-a")
@example("a!-")
@example("a-!")
@example("(-)a")
@example("00000s")
@example("٣" * 18)
@example("&" * 64)
def test_any_text_is_read_or_refused(word):
    found = read(word)
    spelling = found.spelling
    assert spelling.word == word
    assert (spelling.error is None) == bool(found.parts) == (spelling.normalized is not None)
    assert 0 < found.probability <= 1
    assert len(found.parts) <= MAX_PARTS
    for part in found.parts:
        assert part.text
        assert set(part.text) <= set(LETTERS)
        for pronunciation in part.pronunciations:
            phonemes, digits = Inventory(notation.ARPABET).split(pronunciation)
            assert set(phonemes) <= notation.ARPABET
            assert digits
    # Changes other than ordinary spelling always have a warning
    plain = ENGLISH.speller.spell(word)
    assert spelling.warnings or spelling.error or spelling == plain


@pytest.mark.parametrize(
    ("word", "known", "found"),
    [
        ("BORROWERS'", {"BORROWERS": "B AA1 R OW0 ER0 Z"}, "B AA1 R OW0 ER0 Z"),
        ("BORROWERS'", {"BORROWER": "B AA1 R OW0 ER0"}, "B AA1 R OW0 ER0 Z"),
        ("BORROWER'S", {"BORROWER": "B AA1 R OW0 ER0"}, "B AA1 R OW0 ER0 Z"),
        ("TANGERS", {"TANGER": "T AE1 NG ER0"}, "T AE1 NG ER0 Z"),
        ("BENCH'S", {"BENCH": "B EH1 N CH"}, "B EH1 N CH IH0 Z"),
        ("BENCH'S", {"BENCH": "B EH N CH"}, "B EH N CH IH Z"),
        ("CATS", {"CAT": "K AE1 T"}, "K AE1 T S"),
        ("STOPPED", {"STOP": "S T AA1 P"}, None),
        ("BORROWERS'", {}, None),
    ],
)
def test_possessives_and_plurals_of_known_words(word, known, found):
    known = {stem: [tuple(spoken.split())] for stem, spoken in known.items()}
    assert derived_forms.inflected(word, known) == ([tuple(found.split())] if found else [])


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("SOOOOO", "S OW1"),  # not SOO
        ("LOOOOVE", "L AH1 V"),
        ("GOOOOD", "G UH1 D"),  # not GOD
        ("HELLLOOO", "HH AH0 L OW1"),
        ("FREEEE", "F R IY1"),
        ("HMMM", ""),
        ("SOO", ""),
        ("AAABBBCCCDDDEEE", ""),
    ],
)
def test_drawn_out_words_are_those_that_they_draw_out(word, found):
    known = {
        "SO": [("S", "OW1")],
        "SOO": [("S", "UW1")],
        "LOVE": [("L", "AH1", "V")],
        "GOOD": [("G", "UH1", "D")],
        "GOD": [("G", "AA1", "D")],
        "HELLO": [("HH", "AH0", "L", "OW1")],
        "FREE": [("F", "R", "IY1")],
    }
    assert list(derived_forms.drawn_out(word, known)) == ([tuple(found.split())] if found else [])
