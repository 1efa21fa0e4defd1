"""Label words without pronunciations with networks and a joint n-gram model together.

Both propose pronunciations of a word, and every proposal is scored by both:

    log P(y | x) = SHARPNESS * (log P_networks(y | x) + WEIGHT * log P_ngram(y | x)) + constant

On 4,726 dev words teacher-deep and teacher-wide had a WER of about 22.4 %, the n-gram model 26.3 %,
and both together 21.0 %. The soft label of each step is the distribution of the next symbol, given
the preceding symbols of the most probable pronunciation: the probabilities of all candidates with
this prefix, summed by their next symbol.

Source: Rao et al. (2015), "Grapheme-to-phoneme conversion using long short-term memory recurrent
neural networks", who combine a network and an n-gram model in the same way; Kim & Rush (2016),
"Sequence-Level Knowledge Distillation".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tanger.model.decoding.torch_decoder import BATCH, TorchDecoder
from tanger.model.distillation import joint_ngram
from tanger.model.distillation.joint_ngram import UNLISTED, Phonemes
from tanger.model.distillation.soft_labelling import encode, expected_symbols, fast_products
from tanger.model.lexicon import Entry
from tanger.model.network.seq2seq import pad
from tanger.model.training.batches import Example, collate

# Chosen on dev: the weight by the WER of the most probable candidate, the sharpness by the
# likelihood of the correct one.
WEIGHT = 0.7
SHARPNESS = 0.6

# Candidates per word from the n-gram model.
CANDIDATES = 4


def label(
    teachers: TorchDecoder,
    ngram: Path,
    words: Sequence[str],
    *,
    weight: float = WEIGHT,
    sharpness: float = SHARPNESS,
) -> Iterator[Example]:
    """Yield the most probable pronunciation of each word, with soft labels.

    Words without any candidate are omitted.

    Args:
        teachers: a network or an ensemble.
        ngram: a model written by `joint_ngram.train`.
        words: spelled in the teachers' graphemes; they are yielded by length.
        weight: weight of the n-gram model relative to the networks.
        sharpness: exponent of the combined probability.

    Raises:
        UnknownSymbolError: if a symbol is not in the teachers' vocabulary.
        JointNgramError: if the n-gram model cannot be used.
    """
    ordered = sorted(words, key=len)
    for listed in joint_ngram.candidates(ngram, ordered, n=CANDIDATES, batch=BATCH):
        yield from _judged(teachers, listed, weight, sharpness)


def _judged(
    teachers: TorchDecoder,
    listed: Mapping[str, Mapping[Phonemes, float]],
    weight: float,
    sharpness: float,
) -> list[Example]:
    answers = teachers.decode([teachers.graphemes.encode(word) for word in listed])
    candidates: list[Entry] = []
    ngram_scores: list[float] = []
    for (word, known), answer in zip(listed.items(), answers, strict=True):
        proposed = dict(known)
        if answer.complete and answer.symbols:
            own = teachers.phonemes.decode(answer.symbols)
            proposed.setdefault(own, min(known.values(), default=0.0) - UNLISTED)
        candidates += [Entry(word, phonemes) for phonemes in proposed]
        ngram_scores += proposed.values()
    if not candidates:
        return []
    examples = encode(teachers, candidates)
    scores = sharpness * (_scores(teachers, examples) + weight * np.array(ngram_scores))
    of_word: dict[str, list[int]] = {}
    for index, entry in enumerate(candidates):
        of_word.setdefault(entry.word, []).append(index)
    return [
        expected_symbols([examples[i] for i in each], np.exp(scores[each] - scores[each].max()))
        for each in of_word.values()
    ]


@torch.inference_mode()
def _scores(teachers: TorchDecoder, examples: Sequence[Example]) -> np.ndarray[Any, Any]:
    """Return the log-probability [N] of each example's labels; a repeated word is encoded once."""
    minibatch = collate(examples)
    spelt: dict[tuple[int, ...], int] = {}
    words = [spelt.setdefault(tuple(example.graphemes), len(spelt)) for example in examples]
    graphemes, lengths = pad(list(spelt))
    device = teachers.torch_device
    labels = minibatch.labels.to(device)
    with fast_products(teachers):
        logits = teachers.network(
            graphemes.to(device), lengths, labels, torch.tensor(words, device=device)
        ).phonemes
    chances = logits.float().log_softmax(dim=2)
    spoken = chances.gather(2, labels[:, 1:].unsqueeze(2)).squeeze(2).cpu()  # [N, U]
    real = torch.arange(spoken.shape[1]) < minibatch.label_lengths.unsqueeze(1)
    scores: np.ndarray[Any, Any] = (spoken * real).sum(dim=1).numpy()
    return scores
