import pytest

from tanger.model.phonology.vocabulary import (
    SymbolClashError,
    UnknownSymbolError,
    Vocabulary,
    letters,
)


def test_a_table_of_its_own():
    vocabulary = Vocabulary.of({"B", "A"})
    assert vocabulary.symbols == ("<s>", "</s>", "A", "B")
    assert vocabulary.own == ("A", "B")
    assert vocabulary.decode(vocabulary.encode(["B", "A"])) == ("B", "A")


def test_the_shared_table_is_cntks_mapping(split):
    mapping = (split / "cmudict-0.7b.mapping").read_text().split()
    graphemes, phonemes = Vocabulary.shared(
        [symbol for symbol in mapping if symbol[0] not in "<~"],
        [symbol[1:] for symbol in mapping if symbol[0] == "~"],
    )
    assert graphemes.symbols == phonemes.symbols == tuple(mapping)
    assert len(graphemes.own) == 27
    assert len(phonemes.own) == 39
    assert phonemes.decode(phonemes.encode(["T", "AE"])) == ("T", "AE")
    assert graphemes.encode("A") != phonemes.encode(["AA"])


def test_unknown_symbols_are_never_dropped():
    vocabulary = Vocabulary.of("AB")
    with pytest.raises(UnknownSymbolError) as caught:
        vocabulary.encode("ABC")
    assert caught.value.symbol == "C"
    assert caught.value.vocabulary is vocabulary
    with pytest.raises(UnknownSymbolError):
        vocabulary.encode(["<s>"])


def test_a_symbol_stands_for_one_thing():
    with pytest.raises(SymbolClashError) as caught:
        Vocabulary.shared(["~T", "T"], ["T"])
    assert caught.value.symbols == ("~T",)
    with pytest.raises(SymbolClashError):
        Vocabulary.of(["<s>"])
    with pytest.raises(ValueError, match="each of them once"):
        Vocabulary(("<s>", "</s>", "A", "A"))


def test_graphemes_of_any_script():
    vocabulary = Vocabulary.of("день語𐐷")
    assert vocabulary.decode(vocabulary.encode("語𐐷")) == ("語", "𐐷")


def test_hangul_syllables_are_decomposed_and_nothing_else():
    assert letters("각é語") == "\u1100\u1161\u11a8é語"
