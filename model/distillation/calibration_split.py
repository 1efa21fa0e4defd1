"""Words held out of training for the calibration: as many with several pronunciations as usual.

A split by lines leaves no word with several pronunciations among those that training lacks, though
such words are answered right more often, any-match: probabilities fitted without them are too low.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from tanger.model.lexicon import Entry, pronunciations


def hold_out(
    entries: Sequence[Entry], unseen: Sequence[Entry], *, seed: int
) -> tuple[list[Entry], list[Entry]]:
    """What remains to train on, and words to calibrate on.

    Args:
        entries: a training lexicon.
        unseen: other entries, as of a dev lexicon; words that `entries` holds do not count.
        seed: draws the words with several pronunciations.

    Returns:
        `entries` without the words held out, and `unseen` with them: words with several
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
