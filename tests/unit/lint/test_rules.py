import pytest

from tanger.model.lexicon import Entry
from tanger.model.lint.rules import (
    Conventions,
    Fault,
    Pronunciation,
    Stems,
    find_duplicates,
    is_spelt_out,
)
from tanger.model.phonology.notation import ARPABET


def entry(word, phonemes):
    return Entry(word, tuple(phonemes.split()))


STRESSED = Conventions(ARPABET, [entry("DOG", "D AO1 G")])
BARE = Conventions(ARPABET, [entry("DOG", "D AO G"), entry("DOGS", "D AO1 G Z")])
NATIVE = Conventions({"a", "b", "x1"}, [entry("AB", "a b")])


def test_a_pronunciation_is_taken_apart():
    assert STRESSED.parse(("T", "AE1", "NG", "ER0")) == Pronunciation(
        ("T", "AE", "NG", "ER"), (None, 1, None, 0)
    )
    assert BARE.parse(("D", "AO", "G")) == Pronunciation(("D", "AO", "G"), (None, None, None))
    assert NATIVE.parse(("a", "x1")) == Pronunciation(("a", "x1"), (None, None))


@pytest.mark.parametrize(
    ("conventions", "phonemes", "reason", "suggestion"),
    [
        (STRESSED, "D AO1 GH", "trailing junk: GH", "D AO1"),
        (STRESSED, "D AO1 G , 12 %", "trailing junk: , 12 %", "D AO1 G"),
        (STRESSED, "D OH1 G", "unknown phoneme: OH1", None),
        (STRESSED, "X OH1 X G", "unknown phoneme: X, OH1", None),
        (STRESSED, "D AO3 G", "unknown phoneme: AO3", None),
        (STRESSED, "d ao1 g", "d: phonemes are in capitals", "D AO1 G"),
        (STRESSED, "D AO1 G1", "G1: only vowels bear stress", "D AO1 G"),
        (STRESSED, "D AO G", "AO: a vowel without its stress digit", None),
        (BARE, "D0 AO G", "D0: only vowels bear stress", "D AO G"),
        (NATIVE, "a x2 b", "unknown phoneme: x2", None),
        (NATIVE, "a b c", "trailing junk: c", "a b"),
    ],
)
def test_phonemes_that_there_are_not(conventions, phonemes, reason, suggestion):
    wanted = None if suggestion is None else tuple(suggestion.split())
    assert conventions.parse(tuple(phonemes.split())) == Fault(reason, wanted)


def test_stress_digits_are_wanted_where_more_entries_have_them():
    assert STRESSED.stressed
    assert not BARE.stressed
    assert not NATIVE.stressed
    assert not NATIVE.vowels


def test_duplicates_are_reported_by_the_first_line():
    rows = [(3, entry("A", "AH0")), (4, entry("A", "EY1")), (7, entry("A", "AH0")),
            (8, entry("A", "AH0"))]  # fmt: skip
    assert find_duplicates(rows) == {7: Fault("the same as line 3"), 8: Fault("the same as line 3")}


@pytest.mark.parametrize(
    ("word", "phonemes", "spelt"),
    [
        ("BBC", "B IY B IY S IY", True),
        ("BBC'S", "B IY B IY S IY Z", True),
        ("CDS", "S IY D IY Z", True),
        ("CDS", "S IY D IY EH S", True),
        ("MS'S", "EH M EH S IH Z", True),
        ("BBC", "B IY B IY K", False),
        ("NASA", "N AE S AH", False),
        ("S", "EH S", True),
        ("'S", "EH S", True),
        ("'S", "Z", False),
    ],
)
def test_acronyms(word, phonemes, spelt):
    assert is_spelt_out(word, tuple(phonemes.split())) is spelt


def test_forms_agree_with_their_stems():
    entries = [entry("DOG", "D AO1 G"), entry("DOG", "D AA1 G"), entry("fox", "F AA1 K S")]
    stems = Stems(entries, STRESSED)
    right = stems.compare(entry("DOGS", "D AA1 G Z"))
    assert (right.agrees, right.sounds_agree) == (True, True)
    wrong = stems.compare(entry("DOG'S", "D AO1 G S"))
    assert (wrong.agrees, wrong.sounds_agree) == (False, False)
    assert wrong.expected == (("D", "AO1", "G", "Z"), ("D", "AA1", "G", "Z"))
    stress = stems.compare(entry("FOXES", "F AA0 K S IH1 Z"))
    assert stress is None  # no rule derives FOXES from FOX with ES
    stress = stems.compare(entry("Fox's", "F AA0 K S IH1 Z"))
    assert (stress.agrees, stress.sounds_agree) == (False, True)
    assert stress.expected == (("F", "AA1", "K", "S", "IH0", "Z"),)
    assert stems.compare(entry("CATS", "K AE1 T S")) is None


def test_without_stress_only_sounds_are_compared():
    stems = Stems([entry("DOG", "D AO G"), entry("FOX", "F AA1 K S")], BARE)
    assert stems.compare(entry("DOGS", "D AO G Z")).agrees
    assert stems.compare(entry("FOX'S", "F AA K S IH Z")).agrees
    assert not stems.compare(entry("DOGS", "D AO G S")).sounds_agree


def test_other_languages_have_no_english_forms():
    assert Stems([entry("ABA", "a b a")], NATIVE).compare(entry("ABAS", "a b a b")) is None
