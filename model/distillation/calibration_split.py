"""Hold words out of training for calibration, with a normal share of several pronunciations.

If a lexicon is split by lines, no word with several pronunciations is entirely missing from
training. Such words are answered correctly (any-match) more often, so that probabilities fitted
without them are too low.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from tanger.model.lexicon import Entry, pronunciations


def hold_out(
    entries: Sequence[Entry], unseen: Sequence[Entry], *, seed: int
) -> tuple[list[Entry], list[Entry]]:
    """Split off words for calibration; return the remaining training entries, and the words.

    Args:
        entries: a training lexicon.
        unseen: other entries, such as a dev lexicon; words that are also in `entries` are ignored.
        seed: seed of the draw of words with several pronunciations.

    Returns:
        `entries` without the words held out, and `unseen` with them. Words with several
        pronunciations have the same share in it as in `entries`.
    """
    known = pronunciations(entries)
    several = [word for word, ways in known.items() if len(ways) > 1]
    kept = [entry for entry in unseen if entry.word not in known]
    single = {word for word, ways in pronunciations(kept).items() if len(ways) == 1}
    count = round(len(single) * len(several) / max(1, len(known) - len(several)))
    count -= len({entry.word for entry in kept}) - len(single)
    drawn = set(random.Random(seed).sample(several, min(max(0, count), len(several))))
    return (
        [entry for entry in entries if entry.word not in drawn],
        [*kept, *(entry for entry in entries if entry.word in drawn)],
    )
