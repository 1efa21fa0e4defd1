"""Entries of lexicons in the tokens of a text, the longest that fits: ``I love [New York]``."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence

from tanger.model.lexicon.index import lexicon_key
from tanger.model.lexicon.phrases import Phrases
from tanger.model.text.reader.token import SpokenWord, Token

# What a phrase may end in that is no part of its entry.
_POSSESSIVE = "'s"


def with_phrases(
    tokens: Iterable[Token], phrases: Phrases, fixed: Container[int] = ()
) -> Iterator[Token]:
    """The tokens of a text; where several are an entry, or its possessive, one word of them.

    Args:
        tokens: in their order.
        phrases: the entries.
        fixed: where tokens begin that are read as the text itself says.
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
    """How many of the next tokens are the longest phrase; 0 where they begin none.

    Args:
        ahead: tokens that were taken already; as many more are added as it takes to see.
        source: all later ones.
        phrases: the entries.
        fixed: as `with_phrases` takes it.
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
    """A token as phrases have it; a line that is left blank is in none."""
    if token.kind == "space":
        return " " if token.text.count("\n") < 2 else "\n"
    if token.start in fixed or any(word.given_by == "override" for word in token.words):
        return "\n"
    return lexicon_key(token.text)


def _joined(tokens: Sequence[Token]) -> Token:
    text = "".join(token.text for token in tokens)
    word = SpokenWord(" ".join(text.split()), entry=True)
    return Token("word", text, tokens[0].start, tokens[-1].end, (word,))
