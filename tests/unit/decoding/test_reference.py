import pytest
import torch

from tanger.model.decoding.hypothesis import Hypothesis, length_bound
from tanger.model.decoding.reference import greedy
from tanger.model.decoding.repetition import blocked_tokens
from tanger.model.network.seq2seq import Seq2Seq, pad
from tanger.model.training.batches import collate
from tests.support.networks import CONFIGS, EXAMPLES

START, END = 3, 1


@pytest.fixture(params=CONFIGS)
def network(request):
    torch.manual_seed(5)
    network = Seq2Seq(CONFIGS[request.param]).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)
    return network


def decode(network, bounds=(20, 14, 12), allowed=None):
    minibatch = collate(EXAMPLES)
    return greedy(
        network, minibatch.graphemes, minibatch.grapheme_lengths, bounds=bounds,
        max_repeats=[1] * 3,
        start=START, end=END, allowed=allowed,
    )  # fmt: skip


def emitted(answer):
    return [*answer.symbols, END] if answer.complete else answer.symbols


def test_steps_equal_teacher_forcing(network):
    """Teacher forcing with the decoded symbols gives the same symbols and probabilities."""
    answers = decode(network)
    minibatch = collate(EXAMPLES)
    labels, _ = pad([[START, *emitted(answer)] for answer in answers])
    with torch.inference_mode():
        scores = network(minibatch.graphemes, minibatch.grapheme_lengths, labels)
    for row, answer in enumerate(answers):
        spoken = emitted(answer)
        assert len(spoken) == len(answer.probabilities)
        for step, logits in enumerate(scores.phonemes[row, : len(spoken)].clone()):
            logits[list(blocked_tokens(spoken[:step], 1))] = -torch.inf
            best, symbol = logits.softmax(dim=0).max(dim=0)
            assert symbol == spoken[step]
            assert answer.probabilities[step] == pytest.approx(best.item(), abs=1e-6)


def test_a_row_stops_at_its_end_or_its_bound(network):
    for bound, answer in zip((7, 3, 1), decode(network, bounds=(7, 3, 1)), strict=True):
        assert END not in answer.symbols
        assert len(answer.probabilities) == len(answer.symbols) + answer.complete
        assert answer.complete or len(answer.symbols) == bound


def test_only_what_is_allowed_is_emitted(network):
    allowed = torch.zeros(11, dtype=torch.bool)
    allowed[[END, 4]] = True
    for answer in decode(network, allowed=allowed):
        assert set(answer.symbols) <= {4}


def test_the_bound_is_twice_the_letters_and_ten():
    assert length_bound(1) == 12
    assert length_bound(6) == 22


def test_probability_is_the_product_of_the_steps():
    assert Hypothesis(("T",), (0.5, 0.5), complete=True).probability == 0.25
