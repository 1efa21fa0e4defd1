"""Read, check, write and look up pronunciation lexicons in the file formats of speech tools.

- ``cmudict``, ``.dict``: ``WORD  P1 P2``, variants as ``WORD(1)``, comments after ``;;;`` or ``#``;
  the case of words is kept.
- ``mfa``: of the Montreal Forced Aligner, ``word<TAB>P1 P2``, with up to four columns of
  probabilities between word and phonemes.
- ``kaldi``, ``lexicon.txt``: ``word P1 P2``; ``kaldip``, ``lexiconp.txt``: ``word 1.0 P1 P2``.
- ``pls``: the W3C's Pronunciation Lexicon Specification 1.0, XML.
- ``tsv``: ``word<TAB>p h o n``, in any script.
- ``ctf``, CNTK text format: each line holds a sequence number and one symbol of each stream.

Files are UTF-8, except CMUdict 0.7b; any other encoding has to be named by the caller.
"""

from tanger.model.lexicon.detection import SUFFIXES, format_named
from tanger.model.lexicon.entry import (
    Entry,
    EntryError,
    LexiconError,
    LexiconFormat,
    Row,
    Variant,
    pronunciations,
)
from tanger.model.lexicon.files import (
    Encoding,
    Reader,
    iterate_rows,
    lines_of,
    read,
    read_content,
    read_rows,
    read_words,
    render,
    render_rows,
    write,
    write_lines,
)
from tanger.model.lexicon.line_formats import LINE_FORMATS, cmudict_pairs, escape_tsv, tsv_line

__all__ = [
    "LINE_FORMATS",
    "SUFFIXES",
    "Encoding",
    "Entry",
    "EntryError",
    "LexiconError",
    "LexiconFormat",
    "Reader",
    "Row",
    "Variant",
    "cmudict_pairs",
    "escape_tsv",
    "format_named",
    "iterate_rows",
    "lines_of",
    "pronunciations",
    "read",
    "read_content",
    "read_rows",
    "read_words",
    "render",
    "render_rows",
    "tsv_line",
    "write",
    "write_lines",
]
