"""Estimate, on the high side, the bytes of a token of a text in a response before it is made."""

from __future__ import annotations

from tanger.model.text.reader.token import SpokenWord, Token

# Bytes of JSON without strings: of a token, of a word, of a sense and of another sense; of a
# phoneme (in an array and in two pronunciation strings), of an aligned one, and of an attention
# weight; of a word's alignment.
_TOKEN = 130
_WORD = 130
_SENSE = 65
_OTHER_SENSE = 80
_PHONEME = 15
_ALIGNED_PHONEME = 75
_ATTENTION_WEIGHT = 9
_ALIGNMENT = 45
# Bytes of the warning about non-English letters, or of the error
_NOTE = 260
# Most phonemes of the name of a letter, except for the rare W
_PHONEMES_OF_LETTER = 3
# Bytes of a row without its strings, and of a phoneme in it
_ROW = 15
_PHONEME_IN_ROW = 5
_TOKEN_IN_ROW = 64


def json_bytes(token: Token) -> int:
    """Return the bytes of a token as JSON, including its part of the whole pronunciation."""
    size = _TOKEN + 2 * _bytes(token.text)
    if not token.words and token.kind != "space":
        size += 2 * _bytes(token.text)  # a warning
    for word in token.words:
        phonemes = _phonemes(word)
        size += _WORD + 4 * _bytes(word.text) + _PHONEME * phonemes
        if not word.text.isascii():
            size += _NOTE
        if word.sense is not None:
            size += _SENSE + len(word.sense)
            for other in word.others:
                size += _OTHER_SENSE + len(other.sense or "") + _PHONEME * _phonemes(other)
    return size


def aligned_json_bytes(token: Token) -> int:
    """Return the bytes of a token as JSON with alignments."""
    size = json_bytes(token)
    for word in token.words:
        letters = len(word.text)
        aligned = _ALIGNED_PHONEME + _ATTENTION_WEIGHT * letters
        size += _ALIGNMENT + 4 * letters + _phonemes(word) * aligned
    return size


def row_bytes(token: Token) -> int:
    """Return the bytes of the rows of a token's words."""
    row = _ROW + _bytes(token.text[:_TOKEN_IN_ROW])
    return sum(row + _bytes(word.text) + _PHONEME_IN_ROW * _phonemes(word) for word in token.words)


def line_bytes(token: Token) -> int:
    """Return the bytes of a token in the plain pronunciation."""
    return _bytes(token.text) + sum(2 + _PHONEME_IN_ROW * _phonemes(word) for word in token.words)


def _bytes(text: str) -> int:
    """Return the bytes of a string in UTF-8 JSON; a control character takes six."""
    return len(text) if text.isascii() and text.isprintable() else 6 * len(text)


def _phonemes(word: SpokenWord) -> int:
    if word.phonemes is not None:
        return len(word.phonemes)
    if word.letters:
        return _PHONEMES_OF_LETTER * len(word.text)
    return len(word.text) + 2 * word.text.lower().count("x")
