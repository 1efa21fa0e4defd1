"""Pronunciations of dictionaries become symbols of a language; what cannot be read is refused."""

import pytest

from tanger.model.languages import definition, notation
from tanger.model.languages.notation import NotationError
from tanger.model.phonology.notation import available


@pytest.mark.parametrize(("language", "text", "symbols"), [
    ("de", "ˈaʊ̯sˌʃœsət", "ˈaʊ̯ s ʃ ˌœ s ə t"),
    ("de", "[ˈʔaɐ̯baɪt]", "ˈa ʁ b aɪ̯ t"),  # no glottal stop; r after a short vowel
    ("de", "nɪçt", "n ˈɪ ç t"),  # whose ç is one letter
    ("de", "fɛɐ̯ˈʃøːbət", "f ɛ ɐ̯ ʃ ˈøː b ə t"),
    ("es", "[la.β̞ɾaˈð̞oɾ]", "l a b ɾ a d ˈo ɾ"),
    ("es", "/enraiˈθaɾamos/", "e n r a j θ ˈa ɾ a m o s"),
    ("fr", "/ɡʁam.mɛʁ/", "ɡ ʁ a m ɛ ʁ"),
    ("fr", "apɑ̃dis", "a p ɑ̃ d i s"),
    ("it", "/indi'rittso/", "i n d i r ˈi t t͡s o"),
    ("it", "i.ne.spuɲ.ˈɲa.bi.le", "i n e s p u ɲ ˈa b i l e"),
    ("hu", "aː.beː.ʦeː", "ˈaː b eː t͡s eː"),
    ("nl", "/'sxrɛi.və/", "s x r ˈɛi v ə"),
    ("pl", "matka", "m ˈa t k a"),
    ("pl", "rɔbilibɨɕmɨ", "r ɔ b ˈi l i b ɨ ɕ m ɨ"),
    ("pl", "rɔbiwbɨm", "r ˈɔ b i w b ɨ m"),
    ("ru", "[rɐˈbotə(j)ɪt]", "r ɐ b ˈo t ə j ɪ t"),
    ("ru", "[ˈjes⁽ʲ⁾lʲɪ]", "j ˈe sʲ lʲ ɪ"),
    ("pt-br", "/ˈmũỹ.tʊ/", "m ˈu\u0303 j\u0303 t u"),
    ("pt-br", "/po.ˈdex/", "p o d ˈe ʁ"),
    ("sv", "/²f'œʂːtɑː/", "f œ ʂ ʈ ɑː"),
    ("sv", "bɑːrn̪", "b ɑː ɳ"),
    ("cs", "[ˈnɛpr̝̊iːzɲɪviː]", "n ˈɛ p r̝̊ iː z ɲ ɪ v iː"),
])  # fmt: skip
def test_a_text_becomes_symbols(language, text, symbols):
    defined = definition.load(language)
    (variant,) = notation.split_variants(text)
    assert notation.complete(notation.parse(variant, defined), defined) == tuple(symbols.split())


@pytest.mark.parametrize(("word", "written", "symbols"), [
    ("automatique", "ɔ t o m a t i k", "o t ɔ m a t i k"),
    ("opposition", "ɔ p ɔ z i s j ɔ̃", "ɔ p o z i s j ɔ̃"),
    ("émotion", "e m ɔ s j ɔ̃", "e m o s j ɔ̃"),
    ("oasis", "ɔ a z i s", "o a z i s"),
    ("rose", "ʁ o z", "ʁ o z"),  # the last vowel is as the entry has it
    ("vouloir", "v u l w a ʁ", "v u l w a ʁ"),
    ("football", "f u t b o l", "f u t b o l"),  # more letters than sounds
])  # fmt: skip
def test_spelling_chooses_the_notation_of_a_french_o(word, written, symbols):
    chosen = notation.as_spelt(word, tuple(written.split()), definition.load("fr"))
    assert chosen == tuple(symbols.split())


@pytest.mark.parametrize(("text", "symbols"), [
    ("/kon.ten.ˈten.te/", "k o n t e n t ˈɛ n t e"),
    ("/ve.lot͡ʃe.ˈmen.te/", "v e l o t͡ʃ e m ˈe n t e"),
    ("/sta.ˈt͡sjɔ.ne/", "s t a t t͡s j ˈo n e"),
    ("/fa.ˈmo.so/", "f a m ˈo z o"),
    ("/ˈaw.to/", "ˈa u t o"),
    ("/si.tu.ˈa.re/", "s i t w ˈa r e"),
])  # fmt: skip
def test_italian_suffixes_have_one_notation(text, symbols):
    italian = definition.load("it")
    (variant,) = notation.split_variants(text)
    assert notation.parse(variant, italian) == tuple(symbols.split())


def test_british_symbols_and_stress_by_rule():
    defined = definition.load("en-gb")
    bare = notation.parse("ɹ ɛ v ə ɹ ə n t", defined, spaced=True)
    assert notation.copy_stress(bare, ("ˈ", "", ""), defined) == tuple("ɹ ˈɛ v ə ɹ ə n t".split())
    assert notation.copy_stress(bare, ("ˈ", ""), defined) is None
    stems = {"garden": [("ɡ", "ˈɑː", "d", "n")]}
    derived = notation.stress_of_stem("gardening", ("ɡ", "ɑː", "d", "n", "ɪ", "ŋ"), stems)
    assert derived == ("ɡ", "ˈɑː", "d", "n", "ɪ", "ŋ")
    assert notation.stress_of_stem("gardenings", ("ɡ", "ɑː", "t"), stems) is None


@pytest.mark.parametrize(("text", "problem"), [
    ("ˈmuːʒɛʃ ɦo", "several words"),
    ("θɛst", "a symbol that the language does not have"),
    ("ˈaˈa", "several primary stresses"),
    ("aba", "no primary stress"),
    ("ps", "no vowel"),
])  # fmt: skip
def test_what_cannot_be_read_is_named(text, problem):
    defined = definition.load("de")
    with pytest.raises(NotationError, match=problem):
        notation.complete(notation.parse(text, defined), defined)


def test_variants_are_split_phonemic_ones_first():
    assert notation.split_variants("[a], /b/, /c/") == ["b", "c", "a"]
    assert notation.split_variants("ab, cd") == ["ab", "cd"]


def test_every_definition_loads_and_writes_ipa():
    for name in definition.names():
        found = definition.load(name)
        assert found.folder == name
        assert available(found.symbols) == ("native", "ipa")
        assert not found.vowels & found.consonants
    with pytest.raises(definition.DefinitionError, match="is not defined"):
        definition.load("tlh")
