import random
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tanger.model.lexicon import Entry
from tanger.model.phonology.vocabulary import Vocabulary
from tanger.model.training import batches
from tanger.model.training.batches import Example
from tanger.model.training.recipe import MinibatchRecipe

EXAMPLES = st.lists(
    st.builds(
        Example,
        st.lists(st.integers(2, 9), min_size=1, max_size=9),
        st.lists(st.integers(2, 9), min_size=3, max_size=9),
    ),
    min_size=1,
    max_size=60,
)


def counted(minibatches):
    return Counter((tuple(e.graphemes), tuple(e.labels)) for m in minibatches for e in m)


@given(examples=EXAMPLES, budget=st.integers(1, 40), seed=st.integers(0, 9))
def test_by_tokens_keeps_to_its_budget(examples, budget, seed):
    minibatches = batches.by_tokens(examples, budget, random.Random(seed))
    assert counted(minibatches) == counted([examples])
    for minibatch in minibatches:
        tokens = sum(max(len(e.graphemes), len(e.labels)) for e in minibatch)
        assert tokens <= budget or len(minibatch) == 1


@given(examples=EXAMPLES, size=st.integers(1, 12), seed=st.integers(0, 9))
def test_by_length_mixes_no_lengths(examples, size, seed):
    minibatches = batches.by_length(examples, size, random.Random(seed))
    assert counted(minibatches) == counted([examples])
    for minibatch in minibatches:
        assert len(minibatch) <= size
        assert len({len(e.graphemes) for e in minibatch}) == 1


@pytest.mark.parametrize("unit", ["tokens", "words"])
def test_a_sweep_hangs_on_seed_and_number_alone(unit):
    examples = [Example([2 + i % 5] * (1 + i % 4), [2, 3, 4]) for i in range(50)]

    def sweep(seed, number):
        return batches.sweep(examples, MinibatchRecipe(unit, 9), seed=seed, number=number)

    assert sweep(1, 0) == sweep(1, 0)
    assert sweep(1, 0) != sweep(1, 1)
    assert sweep(1, 0) != sweep(2, 0)


@pytest.mark.parametrize("add_bos_eos", [False, True])
def test_two_words_are_one(add_bos_eos):
    graphemes, phonemes = Vocabulary.of("ABC"), Vocabulary.of(["X", "Y", "Z"])
    entries = [Entry("AB", ("X", "Y")), Entry("C", ("Z",)), Entry("ABC", ("X", "Y", "Z"))]
    first, second, both = batches.encode_entries(
        entries, graphemes, phonemes, add_bos_eos=add_bos_eos
    )
    assert batches.concatenate(first, second, add_bos_eos=add_bos_eos) == both


@pytest.mark.parametrize("unit", ["tokens", "words"])
def test_a_sweep_may_hold_pairs_and_each_time_others(unit):
    examples = [Example([2 + i], [0, 2 + i, 1]) for i in range(40)]

    rule = MinibatchRecipe(unit, 9, joined=0.5)

    def sweep(number):
        return counted(batches.sweep(examples, rule, seed=1, number=number))

    for number in (0, 1):
        assert sweep(number).total() == 60
        assert counted([examples]) <= sweep(number)
        pairs = sweep(number) - counted([examples])
        assert all(spelt == spoken[1:-1] and len(spelt) == 2 for spelt, spoken in pairs)
    assert sweep(0) == sweep(0)
    assert sweep(0) != sweep(1)


def test_collate_pads_after_the_rows():
    minibatch = batches.collate([Example([5, 6], [0, 7, 1]), Example([5], [0, 7, 8, 9, 1])])
    assert minibatch.graphemes.tolist() == [[5, 6], [5, 0]]
    assert minibatch.grapheme_lengths.tolist() == [2, 1]
    assert minibatch.labels.tolist() == [[0, 7, 1, 0, 0], [0, 7, 8, 9, 1]]
    assert minibatch.label_lengths.tolist() == [2, 4]
    assert minibatch.tokens == 6
    assert minibatch.to(torch.device("cpu")).tokens == 6


def test_boundaries_frame_the_graphemes():
    graphemes, phonemes = Vocabulary.of("AB"), Vocabulary.of(["X"])
    entry = Entry("BA", ("X",))
    (bare,) = batches.encode_entries([entry], graphemes, phonemes, add_bos_eos=False)
    (framed,) = batches.encode_entries([entry], graphemes, phonemes, add_bos_eos=True)
    assert bare.graphemes == graphemes.encode("BA")
    assert framed.graphemes == [graphemes.start, *bare.graphemes, graphemes.end]
    assert bare.labels == [phonemes.start, *phonemes.encode(["X"]), phonemes.end]


def test_the_split_makes_cntks_minibatches(split):
    """15,332 minibatches of 7.1 words on average, 908,241 label tokens to a sweep."""
    from tanger.model import lexicon

    entries = lexicon.read(split / "cmudict-0.7b.train-dev-20-21")
    graphemes, phonemes = Vocabulary.shared(
        {g for e in entries for g in e.word}, {p for e in entries for p in e.phonemes}
    )
    examples = batches.encode_entries(entries, graphemes, phonemes, add_bos_eos=True)
    assert sum(len(e.labels) for e in examples) == 908_241
    minibatches = batches.by_tokens(examples, 72, random.Random(1))
    assert len(minibatches) == pytest.approx(15_332, rel=0.005)
