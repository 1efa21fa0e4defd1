"""Compare the network with a numpy implementation of the same equations, in float64."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tanger.model.network import lstm
from tanger.model.network.seq2seq import Seq2Seq
from tanger.model.training.batches import Example, collate
from tanger.model.training.loss import seq2seq_loss
from tanger.model.training.recipe import LossRecipe
from tests.support.networks import CONFIGS, EXAMPLES, STRONG, TUTORIAL


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class NumpyNetwork:
    """Computes one word at a time, without padding, directly from the equations."""

    def __init__(self, network):
        self.config = network.config
        self.w = {name: value.numpy() for name, value in network.state_dict().items()}

    def step(self, layer, x, state):
        h, c = state
        gates = (self.w[f"{layer}.input_weight"] @ x + self.w[f"{layer}.hidden_weight"] @ h
                 + self.w[f"{layer}.bias"])  # fmt: skip
        i, f, g, o = np.split(gates, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    def read(self, layer, xs):
        width = self.w[f"{layer}.hidden_weight"].shape[1]
        state, outputs = (np.zeros(width), np.zeros(width)), []
        for x in xs:
            state = self.step(layer, x, state)
            outputs.append(state[0])
        return outputs, state

    def embed(self, side, index, size):
        if self.config.embedding:
            return self.w[f"{side}_embedding.weight"][index]
        return np.eye(size)[index]

    def stabilise(self, x):
        if not self.config.stabiliser:
            return x
        return x * np.log1p(np.exp(4 * self.w["stabiliser.scale"])) / 4

    def encode(self, word):
        xs = [self.stabilise(self.embed("input", g, self.config.input_symbols)) for g in word]
        lasts = []
        for height in range(self.config.encoder_layers):
            layer = f"encoder.layers.{height}"
            if self.config.direction == "bidirectional":
                ahead, (h1, c1) = self.read(f"{layer}.forward_lstm", xs)
                back, (h2, c2) = self.read(f"{layer}.backward_lstm", xs[::-1])
                xs = [np.concatenate(pair) for pair in zip(ahead, back[::-1], strict=True)]
                lasts.append((np.concatenate([h1, h2]), np.concatenate([c1, c2])))
            elif self.config.direction == "backward":
                xs, last = self.read(f"{layer}.forward_lstm", xs[::-1])
                xs = xs[::-1]
                lasts.append(last)
            else:
                xs, last = self.read(f"{layer}.forward_lstm", xs)
                lasts.append(last)
        return xs, lasts

    def logits(self, word, labels):
        memory, lasts = self.encode(word)
        zero = np.zeros(self.config.hidden)
        count = self.config.decoder_layers
        states = (list(lasts) if self.config.decoder_init == "each"
                  else [lasts[-1], *[(zero, zero)] * (count - 1)])  # fmt: skip
        fed, rows = zero, []
        for label in labels:
            x = self.stabilise(self.embed("label", label, self.config.output_symbols))
            if self.config.attention:
                x = np.concatenate([x, fed])
            for height in range(count):
                states[height] = self.step(f"decoder.layers.{height}", x, states[height])
                x = states[height][0]
            if self.config.attention:
                keys = [self.w["decoder.attention.key.weight"] @ m for m in memory]
                scores = np.array([k @ x for k in keys]) / math.sqrt(self.config.hidden)
                weights = np.exp(scores) / np.exp(scores).sum()
                context = sum(w * m for w, m in zip(weights, memory, strict=True))
                fed = x = np.tanh(
                    self.w["decoder.attention.output_projection.weight"]
                    @ np.concatenate([context, x])
                )
            rows.append(self.w["output.weight"] @ self.stabilise(x) + self.w["output.bias"])
        return np.array(rows)


@pytest.fixture(params=CONFIGS)
def network(request):
    torch.manual_seed(11)
    network = Seq2Seq(CONFIGS[request.param]).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():  # also biases and scales, so that all are tested
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return network


def test_encoder_agrees_with_numpy(network):
    minibatch = collate(EXAMPLES)
    memory = network.encode(minibatch.graphemes, minibatch.grapheme_lengths)
    reference = NumpyNetwork(network)
    for row, example in enumerate(EXAMPLES):
        outputs, lasts = reference.encode(example.graphemes)
        ours = memory.values[row, : len(example.graphemes)].detach().numpy()
        np.testing.assert_allclose(ours, outputs, atol=1e-5)
        np.testing.assert_allclose(memory.start[0].c[row].detach(),
                                   lasts[0 if network.config.decoder_init == "each" else -1][1],
                                   atol=1e-5)  # fmt: skip


def test_decoder_agrees_with_numpy(network):
    minibatch = collate(EXAMPLES)
    logits = network(minibatch.graphemes, minibatch.grapheme_lengths, minibatch.labels).phonemes
    reference = NumpyNetwork(network)
    for row, example in enumerate(EXAMPLES):
        expected = reference.logits(example.graphemes, example.labels[:-1])
        np.testing.assert_allclose(logits[row, : len(expected)].detach(), expected, atol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_agrees_with_numpy(network, smoothing):
    reference, expected, wrong = NumpyNetwork(network), 0.0, 0
    for example in EXAMPLES:
        logits = reference.logits(example.graphemes, example.labels[:-1])
        logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        targets = np.eye(logits.shape[1])[example.labels[1:]]
        targets = targets * (1 - smoothing) + smoothing / logits.shape[1]
        expected -= (targets * logp).sum()
        wrong += (logits.argmax(axis=1) != example.labels[1:]).sum()
    loss, errors = seq2seq_loss(network, collate(EXAMPLES), LossRecipe(label_smoothing=smoothing))
    assert loss.item() == pytest.approx(expected, abs=1e-5)
    assert errors == wrong


def test_equal_lengths_give_what_padding_gives(network):
    """Without padding torch's fused kernel is used; results and gradients are the same."""
    even = collate([EXAMPLES[0], Example([8, 7, 6, 5, 4], [3, 8, 2, 1])])
    mixed = collate([EXAMPLES[0], Example([8, 7, 6, 5, 4], [3, 8, 2, 1]), EXAMPLES[2]])
    network.train()
    rows = network(even.graphemes, even.grapheme_lengths, even.labels).phonemes
    padded = network(mixed.graphemes, mixed.grapheme_lengths, mixed.labels).phonemes
    torch.testing.assert_close(padded[:2, : rows.shape[1]], rows)
    (fused,) = torch.autograd.grad(
        rows.square().sum(), [network.encoder.layers[0].forward_lstm.bias]
    )
    (plain,) = torch.autograd.grad(
        padded[:2, : rows.shape[1]].square().sum(), [network.encoder.layers[0].forward_lstm.bias]
    )
    torch.testing.assert_close(fused, plain)


def test_training_and_decoding_are_one_network(network):
    """Decoding step by step and all at once give the same logits and gradients."""
    minibatch = collate(EXAMPLES)
    forced = network(minibatch.graphemes, minibatch.grapheme_lengths, minibatch.labels).phonemes

    memory = network.encode(minibatch.graphemes, minibatch.grapheme_lengths)
    state, steps = network.start(memory), []
    for label in minibatch.labels[:, :-1].t():
        logits, state = network.step(label, state, memory)
        steps.append(logits)
    stepped = torch.stack(steps, dim=1)

    torch.testing.assert_close(stepped, forced)
    parameters = list(network.parameters())
    for one, other in zip(
        torch.autograd.grad(forced.square().sum(), parameters),
        torch.autograd.grad(stepped.square().sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("examples", [EXAMPLES, EXAMPLES[:1] * 2], ids=["padded", "even"])
def test_bfloat16_changes_little(examples):
    torch.manual_seed(3)
    network = Seq2Seq(replace(STRONG, hidden=32))
    parameters = list(network.parameters())
    found = []
    for enabled in (False, True):
        with lstm.products_in_bfloat16(torch.device("cpu"), enabled=enabled):
            loss, _ = seq2seq_loss(network, collate(examples))
        gradients = torch.autograd.grad(loss, parameters)
        assert all(gradient.dtype == torch.float32 for gradient in gradients)
        found.append((loss.item(), torch.cat([gradient.flatten() for gradient in gradients])))
    (exact, gradient), (rounded, lighter) = found
    assert rounded != exact
    assert rounded == pytest.approx(exact, rel=0.01)
    assert torch.cosine_similarity(gradient, lighter, dim=0) > 0.999


def test_the_stabiliser_starts_at_one():
    network = Seq2Seq(TUTORIAL)
    x = torch.randn(3, 4)
    torch.testing.assert_close(network.stabiliser(x), x)


def test_weights_start_glorot_uniform_over_all_gates():
    layer = Seq2Seq(replace(TUTORIAL, input_symbols=69, hidden=128)).encoder.layers[0].forward_lstm
    for weight, fan_in in ((layer.input_weight, 69), (layer.hidden_weight, 128)):
        bound = math.sqrt(6 / (fan_in + 512))
        assert weight.abs().max() <= bound
        assert weight.abs().max() > 0.98 * bound
    assert not layer.bias.any()


@pytest.mark.parametrize(
    "change",
    [{"hidden": 0}, {"hidden": 7}, {"dropout": 1.0}, {"decoder_layers": 0}, {"decoder_layers": 3},
     {"embedding": -1}],
)  # fmt: skip
def test_impossible_sizes_are_refused(change):
    with pytest.raises(ValueError, match=r".+"):
        replace(STRONG, **change)
