"""Find the longest lexicon entries in the tokens of a text: ``I love [New York]``."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence

from tanger.model.lexicon.index import lexicon_key
from tanger.model.lexicon.phrases import Phrases
from tanger.model.text.reader.token import SpokenWord, Token

# A suffix that a phrase may have in addition to its entry.
_POSSESSIVE = "'s"


def with_phrases(
    tokens: Iterable[Token], phrases: Phrases, fixed: Container[int] = ()
) -> Iterator[Token]:
    """Merge tokens that together are a phrase, or its possessive, into one word.

    Args:
        tokens: tokens of a text, in order.
        phrases: phrases of the lexicons.
        fixed: offsets of tokens whose reading is given by the text; they are never merged.
    """
    source = iter(tokens)
    ahead: deque[Token] = deque()
    while ahead or (first := next(source, None)) is not None:
        if not ahead and first is not None:
            ahead.append(first)
        size = _longest(ahead, source, phrases, fixed)
        if size:
            yield _joined([ahead.popleft() for _ in range(size)])
        else:
            yield ahead.popleft()


def _longest(
    ahead: deque[Token], source: Iterator[Token], phrases: Phrases, fixed: Container[int]
) -> int:
    """Return the number of tokens of the longest phrase that starts here; 0 if none does.

    Args:
        ahead: tokens already read from `source`; further ones are appended as needed.
        source: later tokens.
        phrases: phrases of the lexicons.
        fixed: see `with_phrases`.
    """
    key, longest, size = "", 0, 0
    while True:
        if size == len(ahead):
            if (token := next(source, None)) is None:
                return longest
            ahead.append(token)
        key += _key(ahead[size], fixed)
        size += 1
        if key in phrases or (key.endswith(_POSSESSIVE) and key[:-2] in phrases):
            longest = size
        if not phrases.may_begin_with(key):
            return longest


def _key(token: Token, fixed: Container[int]) -> str:
    """Return the part of a phrase's key for a token; blank lines never occur in keys."""
    if token.kind == "space":
        return " " if token.text.count("\n") < 2 else "\n"
    if token.start in fixed or any(word.phoneme_source == "override" for word in token.words):
        return "\n"
    return lexicon_key(token.text)


def _joined(tokens: Sequence[Token]) -> Token:
    text = "".join(token.text for token in tokens)
    word = SpokenWord(" ".join(text.split()), entry=True)
    return Token("word", text, tokens[0].start, tokens[-1].end, (word,))
