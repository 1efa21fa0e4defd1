"""Lexicons of all formats, and words of a small artificial language with regular spelling."""

import random
from pathlib import Path

from hypothesis import strategies as st

from tanger.model import lexicon
from tanger.model.lexicon import Entry

# Formats that can be read in pieces.
STREAMED = ["cmudict", "mfa", "kaldi", "kaldip", "pls", "tsv"]
PLS = "http://www.w3.org/2005/01/pronunciation-lexicon"

# Words, phonemes and entries that every format can represent.
SYMBOL = st.text(
    st.characters(codec="utf-8", exclude_categories=["Z", "C"], exclude_characters="#;()~<>"),
    min_size=1,
    max_size=4,
)
ENTRIES = st.lists(
    st.builds(Entry, SYMBOL, st.lists(SYMBOL, min_size=1, max_size=4).map(tuple)), max_size=8
)

# A language with digraphs: the sound of a letter depends on its neighbours.
_SOUNDS = {"NG": "NG", "ER": "ER", "A": "AE", "B": "B", "D": "D", "E": "EH", "G": "G", "N": "N",
           "R": "R", "T": "T", "'": "T"}  # fmt: skip


def sound_out(word: str) -> tuple[str, ...]:
    """The pronunciation of a word of the artificial language."""
    phonemes = []
    while word:
        size = 2 if word[:2] in _SOUNDS else 1
        phonemes.append(_SOUNDS[word[:size]])
        word = word[size:]
    return tuple(phonemes)


def little_words(count: int, *, seed: int) -> list[Entry]:
    """Distinct entries of the artificial language."""
    draw = random.Random(seed)
    words: dict[str, None] = {}
    while len(words) < count:
        words["".join(draw.choices("ABDEGNRT'", k=draw.randint(2, 8)))] = None
    return [Entry(word, sound_out(word)) for word in words]


def pls(*lexemes: str, alphabet: str = 'alphabet="x-arpabet"', before: str = "") -> str:
    """A document in the Pronunciation Lexicon Specification."""
    text = "\n".join(f"<lexeme>{lexeme}</lexeme>" for lexeme in lexemes)
    return f'{before}<lexicon version="1.0" xmlns="{PLS}" {alphabet}>\n{text}\n</lexicon>'


def read_text(folder: Path, text: str, name: str = "x.pls") -> list[Entry]:
    """Entries of a file with this content and name."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return lexicon.read(path)
