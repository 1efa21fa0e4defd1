import pytest

from tanger.model.phonology import notation
from tanger.model.phonology.notation import StressError


def test_arpabet_is_written_four_ways():
    assert notation.available({"T", "AE1", "NG"}) == ("arpabet", "ipa", "x-sampa", "cntk")
    for alphabet, items, text in [
        ("arpabet", ("T", "AE"), "T AE"),
        ("cntk", ("~T", "~AE"), "~T ~AE"),
        ("ipa", ("t", "æ"), "tæ"),
        ("x-sampa", ("t", "{"), "t{"),
    ]:
        assert notation.write(("T", "AE"), alphabet) == items
        assert notation.join(items, alphabet) == text


def test_stress_is_written_where_it_is_known_and_wanted():
    def write(alphabet, **options):
        return "".join(
            notation.write(("AH", "B", "AH", "V"), alphabet, (0, None, 1, None), **options)
        )

    assert write("arpabet") == "AH0BAH1V"
    assert write("arpabet", marks=False) == "AHBAHV"
    assert write("ipa") == "əˈbʌv"
    assert write("ipa", marks=False) == "əbʌv"
    assert write("cntk") == "~AH~B~AH~V"


def test_an_artifact_may_carry_the_digits_in_its_phonemes():
    assert notation.write(("AH0", "B", "AH1", "V"), "ipa") == ("ə", "ˈb", "ʌ", "v")
    assert notation.write(("AH0", "B", "AH1", "V"), "ipa", marks=False) == ("ə", "b", "ʌ", "v")


def test_ipa_and_x_sampa_have_stress_by_habit():
    assert [a for a in notation.ALPHABETS if notation.marks_stress(a, None)] == ["ipa", "x-sampa"]
    assert all(notation.marks_stress(a, True) for a in notation.ALPHABETS)
    assert not any(notation.marks_stress(a, False) for a in notation.ALPHABETS)


def test_other_phonemes_are_native():
    assert notation.available({"t", "E:"}) == ("native",)
    assert notation.write(("t", "ɛ"), "native") == ("t", "ɛ")
    assert notation.join(("t", "ɛ"), "native") == "t ɛ"


def test_what_has_no_stress_says_so():
    choices = notation.available({"T"})
    assert notation.choose("ipa", choices, stressed=None, knows_stress=False) == "ipa"
    with pytest.raises(StressError, match="not trained for stress"):
        notation.choose("ipa", choices, stressed=True, knows_stress=False)
    with pytest.raises(StressError, match="writes no stress"):
        notation.choose("cntk", choices, stressed=True, knows_stress=True)


def test_the_error_says_what_to_ask_for():
    error = notation.AlphabetError("arpabet", ("native",))
    assert error.available == ("native",)
    assert "'native'" in str(error)


def test_cmudict_has_39_phonemes():
    assert len(notation.ARPABET) == 39
