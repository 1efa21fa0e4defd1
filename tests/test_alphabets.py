import pytest

from model import alphabets
from model.alphabets import StressError


def test_arpabet_is_written_four_ways():
    assert alphabets.available({"T", "AE1", "NG"}) == ("arpabet", "ipa", "x-sampa", "cntk")
    for alphabet, items, text in [
        ("arpabet", ("T", "AE"), "T AE"),
        ("cntk", ("~T", "~AE"), "~T ~AE"),
        ("ipa", ("t", "æ"), "tæ"),
        ("x-sampa", ("t", "{"), "t{"),
    ]:
        assert alphabets.write(("T", "AE"), alphabet) == items
        assert alphabets.join(items, alphabet) == text


def test_stress_is_written_where_it_is_known_and_wanted():
    def write(alphabet, **options):
        return "".join(
            alphabets.write(("AH", "B", "AH", "V"), alphabet, (0, None, 1, None), **options)
        )

    assert write("arpabet") == "AH0BAH1V"
    assert write("arpabet", marks=False) == "AHBAHV"
    assert write("ipa") == "əˈbʌv"
    assert write("ipa", marks=False) == "əbʌv"
    assert write("cntk") == "~AH~B~AH~V"


def test_an_artifact_may_carry_the_digits_in_its_phonemes():
    assert alphabets.write(("AH0", "B", "AH1", "V"), "ipa") == ("ə", "ˈb", "ʌ", "v")
    assert alphabets.write(("AH0", "B", "AH1", "V"), "ipa", marks=False) == ("ə", "b", "ʌ", "v")


def test_ipa_and_x_sampa_have_stress_by_habit():
    assert [a for a in alphabets.ALPHABETS if alphabets.marks_stress(a, None)] == ["ipa", "x-sampa"]
    assert all(alphabets.marks_stress(a, True) for a in alphabets.ALPHABETS)
    assert not any(alphabets.marks_stress(a, False) for a in alphabets.ALPHABETS)


def test_other_phonemes_are_native():
    assert alphabets.available({"t", "E:"}) == ("native",)
    assert alphabets.write(("t", "ɛ"), "native") == ("t", "ɛ")
    assert alphabets.join(("t", "ɛ"), "native") == "t ɛ"


def test_what_has_no_stress_says_so():
    choices = alphabets.available({"T"})
    assert alphabets.choose("ipa", choices, stressed=None, knows_stress=False) == "ipa"
    with pytest.raises(StressError, match="not trained for stress"):
        alphabets.choose("ipa", choices, stressed=True, knows_stress=False)
    with pytest.raises(StressError, match="writes no stress"):
        alphabets.choose("cntk", choices, stressed=True, knows_stress=True)


def test_the_error_says_what_to_ask_for():
    error = alphabets.AlphabetError("arpabet", ("native",))
    assert error.available == ("native",)
    assert "'native'" in str(error)


def test_cmudict_has_39_phonemes():
    assert len(alphabets.ARPABET) == 39
