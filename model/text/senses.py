"""Which sense of a homograph is meant: ``read`` in a sentence is present or past."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tanger.model.text.homographs.model import HomographModel
from tanger.model.text.reader.token import Token

# Tokens of a sentence that are looked at together; a longer one is cut.
_LONGEST = 256


def with_senses(sentence: Sequence[Token], model: HomographModel) -> list[Token]:
    """The tokens of a sentence, its homographs with the likeliest sense and its sound.

    Args:
        sentence: one.
        model: decides.
    """
    decided = list(sentence)
    places = [
        place
        for place, token in enumerate(sentence)
        if token.kind == "word" and len(token.words) == 1 and token.text.lower() in model.words
    ]
    if places:
        # The model takes words and punctuation, without space
        seen = [place for place, token in enumerate(sentence) if token.kind != "space"]
        texts = [sentence[place].text for place in seen]
        for place in places:
            decided[place] = _decided(sentence[place], model, texts, seen.index(place))
    return decided


def sentences(tokens: Iterable[Token]) -> Iterator[list[Token]]:
    """Tokens by sentences: each with the space behind its full stop, or behind its line."""
    sentence: list[Token] = []
    ends = False
    for token in tokens:
        sentence.append(token)
        if token.kind == "space":
            if ends or "\n" in token.text or len(sentence) >= _LONGEST:
                yield sentence
                sentence, ends = [], False
        elif token.kind == "punctuation":
            ends = token.text[0] in ".!?…" or (ends and token.text[0] in "\"')]}”’»")
        else:
            ends = False
    if sentence:
        yield sentence


def _decided(token: Token, model: HomographModel, texts: list[str], place: int) -> Token:
    word = token.words[0]
    senses = model.senses(texts, place)
    if not senses or word.phonemes is not None:
        return token
    best, *others = (
        word._replace(phonemes=sense.phonemes, sense=sense.name, chance=sense.probability)
        for sense in senses
    )
    return token._replace(words=(best._replace(others=tuple(others)),))
