import pytest

from tanger.model.phonology import notation
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.phonology.transcription import TranscriptionError


def test_arpabet_takes_digits_after_vowels_and_nothing_else():
    inventory = Inventory(["T", "AE", "NG", "ER"])
    assert inventory.arpabet
    assert ("T", "AE1", "NG", "ER") in inventory
    for bad in ("T1", "AE3", "AE12", "K", "ae", "", "1"):
        assert ("T", bad) not in inventory
        assert inventory.misfit(("T", bad)) == f"{bad} (symbol 2 of T {bad})"
    assert inventory.misfit(("T",)) is None
    assert inventory.split(("T", "AE1", "ER")) == (("T", "AE", "ER"), (None, 1, None))
    assert inventory.marks_stress(("T", "AE1", "ER0"))
    assert inventory.marks_stress(("T",))
    assert not inventory.marks_stress(("T", "AE1", "ER"))
    assert str(inventory) == "AE ER NG T, vowels with 0, 1 or 2 after them"


@pytest.mark.parametrize("phonemes", [["t", "ɛ", "ɛ1"], ["T", "a˥"]])
def test_other_phonemes_are_as_they_are(phonemes):
    inventory = Inventory(phonemes)
    assert not inventory.arpabet
    assert phonemes in inventory
    assert (f"{phonemes[0]}1",) not in inventory
    assert inventory.split(phonemes) == (tuple(phonemes), (None,) * len(phonemes))


def test_an_artifact_whose_own_phonemes_bear_digits_keeps_them():
    inventory = Inventory(["T", "AE0", "AE1", "AE"])
    assert inventory.split(("AE1", "AE2")) == (("AE1", "AE"), (None, 2))


def test_a_long_list_is_cut_short():
    assert len(str(Inventory([f"p{n}" for n in range(1000)]))) < 400


# Reading


@pytest.mark.parametrize("alphabet", ["arpabet", "ipa", "x-sampa", "cntk"])
def test_an_entry_comes_back_from_every_alphabet(alphabet):
    inventory = Inventory(notation.ARPABET)
    for entry in ("T AE1 NG ER0", "D R AO1 IH0 NG", "AH0 B AH1 V", "B IY"):
        phonemes = tuple(entry.split())
        items = inventory.write(phonemes, alphabet)
        assert inventory.parse(" ".join(items), alphabet) == phonemes
        assert inventory.parse(notation.join(items, alphabet), alphabet) == phonemes


@pytest.mark.parametrize(
    ("text", "alphabet", "position", "problem"),
    [
        ("/ˈtæɾɚ/", "ipa", 4, "'ɾ' (U+027E) is none of its symbols: ɑ æ"),
        ("[ˈtæɾɚ]", "ipa", 4, "'ɾ' (U+027E)"),
        ('"t{4@`', "x-sampa", 3, "'4' (U+0034) is none of its symbols: A {"),
        ("//", "ipa", 0, "nothing to read"),
        ("~T AE", "cntk", 3, "'AE' does not begin with ~"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(text, alphabet, position, problem):
    with pytest.raises(TranscriptionError) as refused:
        Inventory(notation.ARPABET).parse(text, alphabet)
    assert refused.value.position == position
    assert problem in str(refused.value)


def test_ipa_of_another_language_is_taken_apart_by_its_symbols():
    inventory = Inventory(["t", "tʃ", "ʃ", "aː", "a", "ŋ"])
    assert inventory.parse("tʃaːtŋ", "ipa") == ("tʃ", "aː", "t", "ŋ")
    assert inventory.parse("t ʃ aː", "ipa") == ("t", "ʃ", "aː")
    assert inventory.parse("ˈtaː", "ipa") == ("t", "aː")
    assert inventory.parse("t ʃ", "native") == ("t", "ʃ")
    with pytest.raises(TranscriptionError, match=r"character 2: 'x' begins none of the symbols"):
        inventory.parse("txa", "ipa")
