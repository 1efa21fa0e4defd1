"""``python -m benchmarks.alphabets [LEXICON]``: compare our IPA and X-SAMPA with other libraries.

On every line of CMUdict, phonecodes converts the phonemes and syllabify finds the syllables; the
differences are counted. See `docs/alphabets.md`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from phonecodes import phonecodes
from syllabify.core import factory

from tanger.model import lexicon
from tanger.model.lexicon import Entry
from tanger.model.phonology import stress, transcription
from tanger.model.phonology.transcription import Notation

_MARKS = 'ˈˌ"%'


@dataclass
class Agreement:
    """Counts of lines and phonemes compared, and of differences.

    Attributes:
        lines: number of lines of the lexicon.
        returned: number of lines that are unchanged after conversion to IPA or X-SAMPA and back.
        ipa, sampa: phonemes that are written differently, as pairs of ours and theirs.
        stresses: lines in which a vowel has another stress.
        placed: number of lines that syllabify can parse, and of those with all stress marks in the
            same places.
        onsets: consonants before a stressed vowel that are divided differently, and whether our
            syllable has fewer of them.
    """

    lines: int = 0
    phonemes: int = 0
    returned: int = 0
    stresses: int = 0
    placed: list[int] = field(default_factory=lambda: [0, 0])
    ipa: Counter[tuple[str, str]] = field(default_factory=Counter)
    sampa: Counter[tuple[str, str]] = field(default_factory=Counter)
    onsets: Counter[tuple[str, bool]] = field(default_factory=Counter)


def compare(entries: Iterable[Entry]) -> Agreement:
    """Convert every entry with our code and with the other libraries."""
    found = Agreement()
    notations: tuple[Notation, Notation] = ("ipa", "x-sampa")
    for _, pronunciation in entries:
        phonemes, digits = zip(*map(stress.split, pronunciation), strict=True)
        ipa, sampa = (transcription.write(phonemes, each, digits) for each in notations)
        found.lines += 1
        found.phonemes += len(phonemes)
        found.returned += all(
            transcription.parse(transcription.join(written, notation), notation) == pronunciation
            for written, notation in zip((ipa, sampa), notations, strict=True)
        )
        their_ipa = phonecodes.convert(" ".join(pronunciation), "arpabet", "ipa").split()
        their_sampa = phonecodes.convert(" ".join(their_ipa), "ipa", "xsampa").split()
        for ours, theirs, differing in (
            (ipa, their_ipa, found.ipa),
            (sampa, their_sampa, found.sampa),
        ):
            for one, other in zip(ours, theirs, strict=True):
                pair = one.lstrip(_MARKS), other.lstrip(_MARKS)
                differing[pair] += pair[0] != pair[1]
        their_digits = ["ˈˌ".find(symbol[0]) + 1 for symbol in their_ipa]
        found.stresses += their_digits != [digit or 0 for digit in digits]
        _compare_syllables(found, pronunciation, phonemes, digits)
    return found


def _compare_syllables(
    found: Agreement,
    pronunciation: tuple[str, ...],
    phonemes: tuple[str, ...],
    digits: tuple[int, ...],
) -> None:
    try:
        cut = factory(" ".join(pronunciation))
    except (AttributeError, IndexError, KeyError, ValueError):
        return
    sizes = [len(str(syllable).partition("{")[0].split()) for syllable in cut]
    if sum(sizes) != len(pronunciation):
        return
    theirs = [sum(sizes[:place]) for place in range(len(sizes))]
    differing = [
        (" ".join(phonemes[min(start, other) : vowel]), start > other)
        for (start, vowel), other in zip(stress.syllables(phonemes), theirs, strict=False)
        if digits[vowel] and start != other
    ]
    found.placed[0] += 1
    found.placed[1] += not differing
    found.onsets.update(differing)


def main(path: Path) -> None:
    """Print the differences."""
    found = compare(lexicon.read(path, "cmudict"))
    print(f"{found.lines:,} lines, {found.phonemes:,} phonemes")
    print(f"{found.lines - found.returned:,} do not come back as they were")
    print(f"{found.stresses:,} with another stress on a vowel")
    for name, differing in (("IPA", found.ipa), ("X-SAMPA", found.sampa)):
        print(f"{name}: {sum(differing.values()):,} phonemes differ: {+differing}")
    read, same = found.placed
    print(f"syllabify reads {read:,}, and {same:,} of them have their marks in the same places")
    print(f"{found.onsets.most_common(40)}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "data/cmudict/cmudict-0.7b"))
