"""Rank the variants of words in the built-in dictionary by the network's probabilities.

CMUdict's first variant is not always the most common one: that of ``Monday`` ends in ``D IY``. The
ranking is computed once per artifact by ``tanger rank-variants``, and stored in it as
``variants.json``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Literal, NamedTuple

import numpy as np

from tanger.model import artifact_checks as checks
from tanger.model.artifact import VARIANTS, Artifact
from tanger.model.artifact_checks import ArtifactError
from tanger.model.decoding.hypothesis import Decoder, GivenPronunciation, Scored
from tanger.model.output_files import replace_file
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.speller import Speller

# Order of variants: by the network's ranking, or as in the lexicon.
Order = Literal["network", "lexicon"]

# Number of pronunciations scored together
_BATCH = 1024


log = logging.getLogger("tanger")


class VariantRanking(NamedTuple):
    """The ranking of a dictionary's variants.

    Attributes:
        dictionary: SHA-256 of the dictionary's content.
        order: by word, as spelt in the dictionary, the indices of its variants, the most probable
            first; words whose variants are in this order already are left out.
    """

    dictionary: str
    order: Mapping[str, Sequence[int]]


def read(artifact: Artifact) -> VariantRanking | None:
    """Read the ranking of an artifact; None if there is none, or one for other weights.

    Raises:
        ArtifactError: if it is damaged.
    """
    path = artifact.path / VARIANTS
    if not path.exists():
        return None
    content = checks.parse_json(path, checks.read_file(path))
    if content.get("weights_sha256") != artifact.weights_sha256:
        log.warning("%s is of other weights and unused: run `tanger rank-variants` again", path)
        return None
    order = checks.parse_object(path, content.get("order"), "order")
    if not all(map(_is_permutation, order.values())):
        raise ArtifactError(path, "holds an order that is none: run `tanger rank-variants` again")
    return VariantRanking(str(content.get("dictionary")), order)


def _is_permutation(value: object) -> bool:
    return (
        isinstance(value, list)
        and all(type(number) is int for number in value)
        and sorted(value) == list(range(len(value)))
    )


def write(artifact: Artifact, ranking: VariantRanking) -> None:
    """Write a ranking to an artifact, with the digest of the weights that it is valid for."""
    content = {"weights_sha256": artifact.weights_sha256, **ranking._asdict()}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    replace_file(artifact.path / VARIANTS, f"{text}\n".encode())


def rank(
    artifact: Artifact,
    decoder: Decoder,
    dictionary: str,
    variants: Mapping[str, Sequence[Sequence[str]]],
) -> VariantRanking:
    """Rank variants by the probability that the network gives each, stress included.

    Args:
        artifact: artifact whose network scores.
        decoder: the network, loaded.
        dictionary: SHA-256 of the dictionary's content.
        variants: pronunciations by word; words that the artifact cannot spell are left out.
    """
    speller, inventory = Speller(artifact.graphemes.own), Inventory(artifact.phonemes.own)
    spelt = {
        word: form
        for word, several in variants.items()
        if len(several) > 1 and (form := speller.spell(word).normalized) is not None
    }
    split = {word: [inventory.split(phonemes) for phonemes in variants[word]] for word in spelt}
    given = (
        GivenPronunciation(artifact.graphemes.encode(form), artifact.phonemes.encode(phonemes))
        for word, form in spelt.items()
        for phonemes, _ in split[word]
    )
    scored = _scored(decoder, given)
    order = {}
    for word, several in split.items():
        chances = [_log_probability(next(scored), digits) for _, digits in several]
        numbers = sorted(range(len(several)), key=lambda number: -chances[number])
        if numbers != sorted(numbers):
            order[word] = numbers
    return VariantRanking(dictionary, order)


def _scored(decoder: Decoder, given: Iterator[GivenPronunciation]) -> Iterator[Scored]:
    while some := list(islice(given, _BATCH)):
        yield from decoder.score(some)


def _log_probability(scored: Scored, digits: Sequence[int | None]) -> float:
    """Return the log probability of a pronunciation, including its stress digits."""
    total = float(scored.log_probabilities[np.arange(len(scored.symbols)), scored.symbols].sum())
    if scored.stress is not None:
        total += sum(
            float(marks[digit + 1])
            for marks, digit in zip(scored.stress, digits, strict=False)
            if digit is not None
        )
    return total
