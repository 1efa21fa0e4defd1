"""The loss that training minimises, and the error that CNTK's tutorial prints beside it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tanger.model.training.batches import UNKNOWN, Minibatch


def seq2seq_loss(
    network: nn.Module,
    minibatch: Minibatch,
    *,
    smoothing: float = 0.0,
    soft: float = 0.0,
    stress: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Cross-entropy summed over the label tokens without ``<s>``, and how many are wrong.

    "Wrong" is the arg-max over all symbols, each step reading the true label before it: CNTK's
    ``classification_error``, the "errs" of its tutorial.

    Args:
        network: a `Seq2Seq` or an `Ensemble`.
        minibatch: on the network's device.
        smoothing: share of a label's mass that is spread over all symbols.
        soft: share of the loss that the minibatch's soft labels make, where it has some; the
            labels make the rest (Hinton et al. 2015, "Distilling the Knowledge in a Neural
            Network", at temperature 1).
        stress: weight of the stress head's cross-entropy, which is added, over the label tokens
            whose stress is known.
    """
    steps = minibatch.labels.shape[1] - 1
    device = minibatch.labels.device
    real = torch.arange(steps, device=device) < minibatch.label_lengths.to(device).unsqueeze(1)
    scores = network(minibatch.graphemes, minibatch.grapheme_lengths, minibatch.labels)
    logits, labels = scores.phonemes[real], minibatch.labels[:, 1:][real]
    loss = F.cross_entropy(logits, labels, reduction="sum", label_smoothing=smoothing)
    wrong = (logits.argmax(dim=1) != labels).sum()
    if soft and minibatch.soft_symbols is not None and minibatch.soft_probabilities is not None:
        expected = minibatch.soft_symbols[real]  # [N, K]
        surprise = -logits.log_softmax(dim=1).gather(1, expected)
        loss = (1 - soft) * loss + soft * (minibatch.soft_probabilities[real] * surprise).sum()
    if stress and scores.stress is not None and minibatch.stress is not None:
        loss = loss + stress * F.cross_entropy(
            scores.stress[real], minibatch.stress[real], ignore_index=UNKNOWN, reduction="sum"
        )
    return loss, wrong
