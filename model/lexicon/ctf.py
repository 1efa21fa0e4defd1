"""Read and write CNTK text format: each line has a sequence number and a symbol of each stream."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, zip_longest
from pathlib import Path

from tanger.model.lexicon.checks import check_size
from tanger.model.lexicon.entry import Entry, LexiconError, Row
from tanger.model.lexicon.line_formats import check_fields
from tanger.model.phonology.vocabulary import CNTK_PREFIX, END, START, Vocabulary

_VALUE = re.compile(r"^\|(S[01]) (\d+):1 \|# (\S+)$")


def looks_like(line: str) -> bool:
    """Return whether a line can only be of this format."""
    return bool(re.match(r"^\d+\t.*\|S[01] ", line))


def parse(path: Path, lines: Iterable[tuple[int, str]]) -> Iterator[Row]:
    """Yield the rows of a whole file, given its lines with their numbers.

    Raises:
        LexiconError: at the first bad line.
    """
    bare = ((number, line.rstrip("\r\n")) for number, line in lines)
    rows = ((number, line.split("\t")) for number, line in bare if line)
    table: dict[str, str] = {}
    for _, sequence in groupby(rows, key=lambda row: row[1][0]):
        streams: dict[str, list[str]] = {"S0": [], "S1": []}
        for number, (identifier, *fields) in sequence:
            values = [_VALUE.match(field) for field in fields if field]
            if not (identifier.isdigit() and values and all(values)):
                raise LexiconError(
                    path,
                    number,
                    expected="ID<TAB>|S0 INDEX:1 |# SYMBOL<TAB>|S1 INDEX:1 |# SYMBOL",
                    found="\t".join((identifier, *fields)),
                )
            for stream, index, symbol in (value.groups() for value in values if value):
                # An index with two symbols: the file was assembled from two symbol tables.
                if table.setdefault(index, symbol) != symbol:
                    raise LexiconError(
                        path, number, expected=f"{index}:1 |# {table[index]}", found=symbol
                    )
                streams[stream].append(symbol)
        row = Row(number, _entry(path, number, streams["S0"], streams["S1"]))
        check_size(path, row)
        yield row


def _entry(path: Path, number: int, graphemes: list[str], labels: list[str]) -> Entry:
    for stream in (graphemes, labels):
        if len(stream) < 3 or stream[0] != START or stream[-1] != END:
            raise LexiconError(
                path, number, expected="streams from <s> to </s>", found=" ".join(stream)
            )
    if unmarked := [p for p in labels[1:-1] if not p.startswith(CNTK_PREFIX)]:
        raise LexiconError(path, number, expected="phonemes that start with ~", found=unmarked[0])
    return Entry("".join(graphemes[1:-1]), tuple(p.removeprefix(CNTK_PREFIX) for p in labels[1:-1]))


def render(rows: Sequence[Row], mapping: Sequence[str] | None) -> Iterator[str]:
    """Yield the lines of a lexicon, without line ends.

    Args:
        rows: rows to write, in order, numbered from 1.
        mapping: symbol table; a symbol's index is its position. By default the symbols of the
            entries in code point order, which for CMUdict is CNTK's table.

    Raises:
        EntryError: if the format cannot represent an entry.
        UnknownSymbolError, SymbolClashError: if the table cannot represent a symbol.
    """
    if mapping is None:
        graphemes, phonemes = Vocabulary.shared(
            {grapheme for row in rows for grapheme in row.entry.word},
            {phoneme for row in rows for phoneme in row.entry.phonemes},
        )
    else:
        graphemes = Vocabulary(tuple(mapping), other_prefix=CNTK_PREFIX)
        phonemes = Vocabulary(tuple(mapping), CNTK_PREFIX)
    for row in rows:
        check_fields(row)
        inputs = _stream("S0", graphemes, row.entry.word)
        labels = _stream("S1", phonemes, row.entry.phonemes)
        for left, right in zip_longest(inputs, labels, fillvalue=""):
            # The longer stream comes first; an empty column stands for the one that has ended.
            yield f"{row.number - 1}\t{left or right}\t{right if left else ''}"


def _stream(name: str, vocabulary: Vocabulary, symbols: Iterable[str]) -> list[str]:
    """Return the values of one stream of an entry, from ``<s>`` to ``</s>``."""
    indices = [vocabulary.start, *vocabulary.encode(symbols), vocabulary.end]
    return [f"|{name} {index}:1 |# {vocabulary.symbols[index]}" for index in indices]
