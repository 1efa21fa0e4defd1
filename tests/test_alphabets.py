import pytest

from model import alphabets


def test_arpabet_is_written_two_ways():
    assert alphabets.available({"T", "AE1", "NG"}) == ("arpabet", "cntk")
    assert alphabets.write(("T", "AE"), "arpabet") == ("T", "AE")
    assert alphabets.write(("T", "AE"), "cntk") == ("~T", "~AE")


def test_other_phonemes_are_native():
    assert alphabets.available({"t", "ɛ"}) == ("native",)
    assert alphabets.write(("t", "ɛ"), "native") == ("t", "ɛ")


def test_the_error_says_what_to_ask_for():
    error = alphabets.AlphabetError("arpabet", ("native",))
    assert error.available == ("native",)
    assert "'native'" in str(error)


@pytest.mark.parametrize("count", [39])
def test_cmudict_has_39_phonemes(count):
    assert len(alphabets.ARPABET) == count
