"""Which sense of a homograph is meant: ``read`` in a sentence is present or past."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tanger.model.text.homographs.model import HomographModel
from tanger.model.text.reader.token import Token

# Tokens of a sentence that are looked at together; a longer one is cut.
_LONGEST = 256


def with_senses(tokens: Iterable[Token], model: HomographModel) -> Iterator[Token]:
    """The tokens, their homographs with the likeliest sense and its sound.

    Args:
        tokens: of a text.
        model: decides, by the sentence.
    """
    for sentence in sentences(tokens):
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
                sentence[place] = _decided(sentence[place], model, texts, seen.index(place))
        yield from sentence


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
    senses = model.senses(texts, place)
    if not senses:
        return token
    best = senses[0]
    word = token.words[0]._replace(phonemes=best.phonemes, sense=best.name, chance=best.probability)
    return token._replace(words=(word,))
