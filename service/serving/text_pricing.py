"""What a token of a text takes up in an answer, estimated before it is made, on the high side."""

from __future__ import annotations

from tanger.model.text.reader.token import SpokenWord, Token

# Bytes of JSON: of a token, of a word of it, of a sense and of another one, without their texts;
# of a phoneme, which stands in an array and in two lines, of one that is aligned, and of a weight
# of its attention; of a word's own alignment.
_TOKEN = 130
_WORD = 130
_SENSE = 65
_OTHER_SENSE = 80
_PHONEME = 15
_ALIGNED_PHONEME = 75
_ATTENTION_WEIGHT = 9
_ALIGNMENT = 45
# Of the warning about letters that are not English, or of the error
_NOTE = 260
# Phonemes of the name of a letter, where W is hardly ever one
_PHONEMES_OF_LETTER = 3
# Bytes of a row but for its texts, and of a phoneme in one
_ROW = 15
_PHONEME_IN_ROW = 5
_TOKEN_IN_ROW = 64


def json_bytes(token: Token) -> int:
    """Size of a token as JSON, and of what the lines of the whole have of it."""
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
    """The same where pronunciations come with the letters of their phonemes."""
    size = json_bytes(token)
    for word in token.words:
        letters = len(word.text)
        aligned = _ALIGNED_PHONEME + _ATTENTION_WEIGHT * letters
        size += _ALIGNMENT + 4 * letters + _phonemes(word) * aligned
    return size


def row_bytes(token: Token) -> int:
    """Size of the rows of a token's words."""
    row = _ROW + _bytes(token.text[:_TOKEN_IN_ROW])
    return sum(row + _bytes(word.text) + _PHONEME_IN_ROW * _phonemes(word) for word in token.words)


def line_bytes(token: Token) -> int:
    """Size of what the line of the pronunciation has of a token."""
    return _bytes(token.text) + sum(2 + _PHONEME_IN_ROW * _phonemes(word) for word in token.words)


def _bytes(text: str) -> int:
    """Of a text in JSON and UTF-8: a control character is escaped by six."""
    return len(text) if text.isascii() and text.isprintable() else 6 * len(text)


def _phonemes(word: SpokenWord) -> int:
    if word.phonemes is not None:
        return len(word.phonemes)
    if word.letters:
        return _PHONEMES_OF_LETTER * len(word.text)
    return len(word.text) + 2 * word.text.lower().count("x")
