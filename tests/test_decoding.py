import pytest
import torch
from test_network import CONFIGS, EXAMPLES

from model.batches import collate
from model.decoding import Hypothesis, greedy, length_bound
from model.network import Seq2Seq

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
        network, minibatch.graphemes, minibatch.grapheme_lengths, bounds=torch.tensor(bounds),
        rounds=torch.ones(3, dtype=torch.long),
        start=START, end=END, allowed=allowed,
    )  # fmt: skip


def ruled_out(said):
    """The symbols that would begin a block once more than it may come."""
    return {
        said[-size]
        for size in range(1, 7)
        for rounds in ([4] if size == 1 else [3])
        if len(said) >= rounds * size and said[-size:] * rounds == said[-rounds * size :]
    }


def test_steps_equal_teacher_forcing(network):
    """Fed its own output as labels, the teacher-forced form gives the same arg-max and p."""
    decoded = decode(network)
    minibatch = collate(EXAMPLES)
    start = torch.full((3, 1), START)
    labels = torch.cat([start, decoded.symbols], dim=1)
    with torch.inference_mode():
        scores = network(minibatch.graphemes, minibatch.grapheme_lengths, labels)
    for row, count in enumerate(decoded.counts.tolist()):
        emitted = decoded.symbols[row, :count].tolist()
        for step, logits in enumerate(scores.phonemes[row, :count].clone()):
            banned = ruled_out(emitted[:step])
            logits[list(banned)] = -torch.inf
            best, symbol = logits.softmax(dim=0).max(dim=0)
            assert symbol == emitted[step]
            torch.testing.assert_close(best, decoded.probabilities[row, step], atol=1e-6, rtol=0)


def test_a_row_stops_at_its_end_or_its_bound(network):
    decoded = decode(network, bounds=(7, 3, 1))
    for row, bound in enumerate((7, 3, 1)):
        count = int(decoded.counts[row])
        emitted = decoded.symbols[row, :count].tolist()
        assert END not in emitted[:-1]
        assert bool(decoded.complete[row]) == (emitted[-1] == END)
        assert count == bound or decoded.complete[row]


def test_only_what_is_allowed_is_emitted(network):
    allowed = torch.zeros(11, dtype=torch.bool)
    allowed[[END, 4]] = True
    decoded = decode(network, allowed=allowed)
    for row, count in enumerate(decoded.counts.tolist()):
        assert set(decoded.symbols[row, :count].tolist()) <= {END, 4}


def test_the_bound_is_twice_the_letters_and_ten():
    assert length_bound(1) == 12
    assert length_bound(6) == 22


def test_probability_is_the_product_of_the_steps():
    assert Hypothesis(("T",), (0.5, 0.5), complete=True).probability == 0.25
