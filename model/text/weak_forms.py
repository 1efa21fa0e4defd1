"""Weak forms of function words in sentences: ``of`` is AH0 V in ``a lot of it``."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from tanger.model.text.reader.tables import Tables, WeakForm
from tanger.model.text.reader.token import SpokenWord, Token


def with_weak_forms(sentence: Sequence[Token], tables: Tables) -> list[Token]:
    """Return a sentence's tokens, with the weak forms of function words that have one.

    Some forms depend on the sound of the next word; the form before vowels is in
    `SpokenWord.others`.

    Args:
        sentence: tokens of one sentence.
        tables: tables of the language.
    """
    weakened = list(sentence)
    for place, token in enumerate(sentence):
        form = tables.weak_forms.get(token.text.lower()) if token.kind == "word" else None
        if form is not None and _is_weak(sentence, place, form):
            weakened[place] = replace(token, words=(_weakened(token.words[0], form),))
    return weakened


def _weakened(word: SpokenWord, form: WeakForm) -> SpokenWord:
    weak = replace(word, phonemes=form.before_consonants, phoneme_source="weak_form")
    return replace(weak, others=(replace(weak, phonemes=form.before_vowels),))


def _is_weak(sentence: Sequence[Token], place: int, form: WeakForm) -> bool:
    """Return whether a function word is followed by a word, and neither stressed nor stranded."""
    token = sentence[place]
    word = token.words[0]
    if word.letters or word.phonemes is not None or (len(token.text) > 1 and token.text.isupper()):
        return False
    following = next(filter(_counts, sentence[place + 2 :]), None)
    if following is None or not following.words:
        return False
    between = sentence[place + 1]
    if between.kind != "space" and between.text not in ("-", "‐", "‑"):
        return False
    before = sentence[place - 2].text.lower() if place > 1 else ""
    return following.text.lower() not in form.not_before and before not in form.not_after


def _counts(token: Token) -> bool:
    """Return whether a token is not mere inline markup; breaks count, emphasis does not."""
    return token.kind != "markup" or token.text.startswith("<break")
