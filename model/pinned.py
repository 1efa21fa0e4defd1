"""A few words with the answers that an artifact gives, for whoever serves it to check."""

from __future__ import annotations

from collections.abc import Mapping

from model.hypothesis import Hypothesis

# Of so many different lengths, a word each
_COUNT = 5


def choose(
    answers: Mapping[str, Hypothesis], references: Mapping[str, list[tuple[str, ...]]]
) -> dict[str, tuple[str, ...]]:
    """Words of different lengths that are answered right, each step beyond doubt.

    No processor rounds so differently that one of them tips over.

    Args:
        answers: an artifact's, by word.
        references: what is right.
    """
    surest: dict[int, tuple[float, str]] = {}
    for word, answer in answers.items():
        if answer.complete and answer.phonemes in references[word]:
            sure = (min(answer.step_probabilities), word)
            surest[len(word)] = max(surest.get(len(word), sure), sure)
    chosen = sorted(surest.values(), reverse=True)[:_COUNT]
    return {word: answers[word].phonemes for _, word in chosen}
