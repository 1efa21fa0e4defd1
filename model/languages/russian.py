"""Russian inflected adjectives by rule, from their dictionary forms.

The Russian dictionary has most adjectives in the nominative alone (*северный*, but not
*северного*), and a network takes the stress of other forms for that of nouns. Long forms of an
adjective keep the stress where the nominative has it: on the stem, or on the ending if that is -ой.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tanger.model.languages.definition import Pronunciation

# Endings by their vowel: as the hard declension spells them, as the soft one does, and their sounds
# without stress after hard consonants, after ш and ж, after soft consonants, and with stress
_ENDINGS = (
    ("ая", ("ая", "яя"), "ə j ə", "ə j ə", "ɪ j ə", "ˈa j ə"),
    ("ое", ("ее",), "ə j ə", "ɨ j e", "ɪ j e", "ˈo j ə"),
    ("ые", ("ие",), "ɨ j e", "ɨ j e", "ɪ j e", "ˈɨ j e"),
    ("ого", ("его",), "ə v ə", "ɨ v ə", "ɪ v ə", "ˈo v ə"),
    ("ому", ("ему",), "ə m ʊ", "ɨ m ʊ", "ɪ m ʊ", "ˈo m ʊ"),
    ("ым", ("им",), "ɨ m", "ɨ m", "ɪ m", "ˈɨ m"),
    ("ых", ("их",), "ɨ x", "ɨ x", "ɪ x", "ˈɨ x"),
    ("ую", ("ую", "юю"), "ʊ j ʊ", "ʊ j ʊ", "ʉ j ʊ", "ˈu j ʊ"),
    ("ой", ("ей",), "ə j", "ɨ j", "ɪ j", "ˈo j"),
    ("ом", ("ем",), "ə m", "ɨ m", "ɪ m", "ˈo m"),
    ("ыми", ("ими",), "ɨ mʲ ɪ", "ɨ mʲ ɪ", "ɪ mʲ ɪ", "ˈɨ mʲ ɪ"),
)
# That only adjectives in -ий have, other than after к, г, х; of others it is a comparative's
_SOFT_ALONE = frozenset({"яя", "юю", "ее", "ей", "его", "ему", "ем"})
_VELAR_LETTERS = "кгх"
_VELARS = {"kʲ": "k", "ɡʲ": "ɡ", "xʲ": "x"}
_SOFT_VELARS = {hard: soft for soft, hard in _VELARS.items()}
_SHORTEST = 2


def inflected(
    words: Mapping[str, Sequence[Pronunciation]], listed: Sequence[str]
) -> dict[str, list[Pronunciation]]:
    """Return pronunciations of listed words that are forms of a dictionary's adjectives.

    Args:
        words: pronunciations by word.
        listed: words by falling frequency, in lower case; those of the dictionary are left out.
    """
    ranks = {word: rank for rank, word in enumerate(listed)}
    forms = {word: _form(word, words, ranks) for word in listed if word not in words}
    return {word: [form] for word, form in forms.items() if form is not None}


def _form(
    word: str, words: Mapping[str, Sequence[Pronunciation]], ranks: Mapping[str, int]
) -> Pronunciation | None:
    for hard, soft, plain, hushed, softened, stressed in _ENDINGS:
        for ending in (hard, *soft):
            stem = word.removesuffix(ending)
            if stem == word or len(stem) < _SHORTEST or not _is_adjective(stem, words, ranks):
                continue
            lemmas = [stem + of_lemma for of_lemma in ("ый", "ий", "ой")]
            if ending in _SOFT_ALONE:
                lemmas = [] if stem[-1] in _VELAR_LETTERS else [f"{stem}ий"]
            known = [lemma for lemma in lemmas if lemma in words]
            if known:  # *большая* is a form of *большой* sooner than of *больший*
                lemma = min(known, key=lambda each: ranks.get(each, len(ranks)))
                return _decline(words[lemma][0], stem, hard, (plain, hushed, softened, stressed))
    return None


def _is_adjective(
    stem: str, words: Mapping[str, Sequence[Pronunciation]], ranks: Mapping[str, int]
) -> bool:
    """Return whether another gender and another case are written, as of no noun in -ий or -ой."""

    def is_written(*endings: str) -> bool:
        return any(stem + ending in ranks or stem + ending in words for ending in endings)

    return is_written("ая", "яя") and is_written("ого", "его")


def _decline(
    lemma: Pronunciation, stem: str, hard: str, sounds: tuple[str, str, str, str]
) -> Pronunciation | None:
    """Return the form with an ending of an adjective, or None if its nominative ends otherwise."""
    plain, hushed, softened, stressed = (tuple(each.split()) for each in sounds)
    body, vowel, last = lemma[:-2], lemma[-2], lemma[-1]
    if last != "j" or not body:
        return None
    endings = {"ˈo": stressed, "ɨ": hushed if body[-1][0] in "ʂʐ" else plain, "ɪ": softened}
    if stem[-1] in _VELAR_LETTERS:
        velar = _VELARS.get(body[-1], body[-1])
        if hard.startswith("ы"):  # written with и, after a soft sound
            velar = _SOFT_VELARS.get(velar, velar)
            endings["ˈo"] = tuple(symbol.replace("ɨ", "i") for symbol in stressed)
        else:
            endings["ɪ"] = plain
        endings["ə"] = endings["ɪ"]
        body = (*body[:-1], velar)
    return body + endings[vowel] if vowel in endings else None
