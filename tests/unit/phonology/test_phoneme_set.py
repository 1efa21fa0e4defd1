import pytest

from tanger.model.phonology.phoneme_set import Inventory


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
