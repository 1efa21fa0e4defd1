"""Read the table of homographs: words, their senses, and the pronunciation of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tanger.model.text import TableError

COLUMNS = ("word", "sense", "class", "prior", "pronunciation", "gloss")


@dataclass(frozen=True, slots=True)
class SenseEntry:
    """One sense of a homograph.

    Attributes:
        word: word in lower case.
        name: name of the sense, unique in the table.
        scopes: parts of speech whose weights the sense shares with senses of other words.
        prior: prior probability of the sense, up to a common factor.
        phonemes: ARPAbet with CMUdict's stress digits.
        gloss: description of the sense.
    """

    word: str
    name: str
    scopes: tuple[str, ...]
    prior: float
    phonemes: tuple[str, ...]
    gloss: str


def read(path: Path) -> dict[str, list[SenseEntry]]:
    """Read the senses by word, in the order of the table.

    Raises:
        TableError: at the first line that does not match the header.
    """
    senses: dict[str, list[SenseEntry]] = {}
    lines = path.read_text("utf-8").splitlines()
    if not lines or tuple(lines[0].split("\t")) != COLUMNS:
        raise TableError(path, 1, f"expected the heading {' '.join(COLUMNS)}, by tabs")
    names: set[str] = set()
    for number, line in enumerate(lines[1:], 2):
        entry = _parse(path, number, line)
        if entry.name in names:
            raise TableError(path, number, f"the sense {entry.name} stands there twice")
        names.add(entry.name)
        senses.setdefault(entry.word, []).append(entry)
    return senses


def _parse(path: Path, number: int, line: str) -> SenseEntry:
    fields = line.split("\t")
    if len(fields) != len(COLUMNS):
        raise TableError(path, number, f"expected {len(COLUMNS)} fields, got {len(fields)}")
    word, name, scopes, prior, pronunciation, gloss = fields
    if not word or word != word.lower() or not name or not pronunciation.split():
        raise TableError(path, number, "expected a word in lower case, a sense and a pronunciation")
    try:
        odds = float(prior)
    except ValueError:
        odds = 0.0
    if not odds > 0:
        raise TableError(path, number, f"expected a prior above 0, got {prior!r}")
    return SenseEntry(word, name, tuple(scopes.split()), odds, tuple(pronunciation.split()), gloss)
