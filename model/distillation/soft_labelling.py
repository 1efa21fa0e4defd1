"""Label words with the predictions of teacher networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch

from tanger.model.decoding.hypothesis import batches_by_length
from tanger.model.decoding.torch_decoder import BATCH, TorchDecoder
from tanger.model.lexicon import Entry
from tanger.model.network import lstm
from tanger.model.training.batches import Example, SoftLabels, collate, encode_entries
from tanger.model.training.soft_labels import KEPT


def label(
    teachers: TorchDecoder, entries: Sequence[Entry], words: Sequence[str]
) -> Iterator[Example]:
    """Yield entries and words with the teachers' predictions at each label, by teacher forcing.

    The labels of a word without pronunciation are the teachers' own answer; a word whose answer
    does not end is omitted. Items are batched by length and not yielded in their original order.

    Raises:
        UnknownSymbolError: if a symbol is not in the teachers' vocabularies.
    """
    for batch in batches_by_length([len(entry.word) for entry in entries], max_words=BATCH):
        yield from _expected(teachers, [entries[index] for index in batch])
    for batch in batches_by_length(list(map(len, words)), max_words=BATCH):
        if pronounced := _pronounced(teachers, [words[index] for index in batch]):
            yield from _expected(teachers, pronounced)


def hard_labels(teachers: TorchDecoder, entries: Sequence[Entry]) -> Iterator[Example]:
    """Yield entries with their own phonemes as soft labels, with probability 1.

    Raises:
        UnknownSymbolError: if a symbol is not in the teachers' vocabularies.
    """
    for example in encode(teachers, entries):
        labels = example.labels[1:]
        symbols = np.zeros((len(labels), KEPT), np.uint16)
        probabilities = np.zeros((len(labels), KEPT), np.float16)
        symbols[:, 0], probabilities[:, 0] = labels, 1
        yield example._replace(soft=SoftLabels(symbols, probabilities))


def expected_symbols(candidates: Sequence[Example], shares: np.ndarray[Any, Any]) -> Example:
    """Return the most probable candidate with a soft label for each of its symbols.

    A soft label is the distribution of the next symbol, given the preceding ones: the shares of all
    candidates with these, summed by their next symbol.

    Args:
        candidates: encoded pronunciations of one word.
        shares: [N] their probabilities, up to a common factor.
    """
    chosen = candidates[int(shares.argmax())]
    likeliest = chosen.labels[1:]
    symbols = np.zeros((len(likeliest), KEPT), np.uint16)
    probabilities = np.zeros((len(likeliest), KEPT), np.float16)
    going = [(one.labels[1:], share) for one, share in zip(candidates, shares, strict=True)]
    for step, symbol in enumerate(likeliest):
        expected: dict[int, float] = {}
        for labels, share in going:
            expected[labels[step]] = expected.get(labels[step], 0.0) + share
        best = sorted(expected, key=lambda each: -expected[each])[:KEPT]
        mass = np.array([expected[each] for each in best])
        symbols[step, : len(best)] = best
        probabilities[step, : len(best)] = mass / mass.sum()
        going = [(labels, share) for labels, share in going if labels[step] == symbol]
    return chosen._replace(soft=SoftLabels(symbols, probabilities))


def encode(teachers: TorchDecoder, entries: Sequence[Entry]) -> list[Example]:
    """Encode entries with the teachers' vocabularies.

    Raises:
        UnknownSymbolError: if a symbol is not in them.
    """
    add_bos_eos = teachers.network.config.add_bos_eos
    return encode_entries(entries, teachers.graphemes, teachers.phonemes, add_bos_eos=add_bos_eos)


def fast_products(teachers: TorchDecoder) -> AbstractContextManager[None]:
    """Multiply in bfloat16 in this context, if that is faster on the teachers' device."""
    fast = lstm.bfloat16_is_faster(teachers.torch_device)
    return lstm.products_in_bfloat16(teachers.torch_device, enabled=fast)


def _pronounced(teachers: TorchDecoder, words: Sequence[str]) -> list[Entry]:
    with fast_products(teachers):
        answers = teachers.decode([teachers.graphemes.encode(word) for word in words])
    return [
        Entry(word, teachers.phonemes.decode(answer.symbols))
        for word, answer in zip(words, answers, strict=True)
        if answer.complete and answer.symbols
    ]


@torch.inference_mode()
def _expected(teachers: TorchDecoder, entries: Sequence[Entry]) -> list[Example]:
    examples = encode(teachers, entries)
    minibatch = collate(examples).to(teachers.torch_device)
    with fast_products(teachers):
        scores = teachers.network(minibatch.graphemes, minibatch.grapheme_lengths, minibatch.labels)
    logits = scores.phonemes
    likeliest = logits.float().softmax(dim=2).topk(min(KEPT, logits.shape[2]), dim=2)  # [B, U, K]
    shares = likeliest.values / likeliest.values.sum(dim=2, keepdim=True)
    symbols = likeliest.indices.cpu().numpy().astype(np.uint16)
    probabilities = shares.cpu().numpy().astype(np.float16)
    counts = [len(example.labels) - 1 for example in examples]
    return [
        example._replace(soft=SoftLabels(symbols[row, :count], probabilities[row, :count]))
        for row, (example, count) in enumerate(zip(examples, counts, strict=True))
    ]
