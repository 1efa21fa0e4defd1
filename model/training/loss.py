"""The loss that training minimises."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tanger.model.training.batches import UNKNOWN_STRESS, Minibatch
from tanger.model.training.recipe import LossRecipe


def seq2seq_loss(
    network: nn.Module, minibatch: Minibatch, weights: LossRecipe | None = None
) -> tuple[Tensor, Tensor]:
    """Cross-entropy summed over the label tokens without ``<s>``, and how many are wrong.

    Every step reads the true label before it. A label is wrong where it is not the arg-max: CNTK's
    ``classification_error``, the "errs" of its tutorial.

    Args:
        network: a `Seq2Seq` or an `Ensemble`.
        minibatch: of B words and U steps, on the network's device.
        weights: what is added to the plain cross-entropy; by default nothing. For soft labels see
            Hinton et al. (2015), "Distilling the Knowledge in a Neural Network"; the temperature
            is 1.
    """
    weights = weights or LossRecipe()
    labels = minibatch.labels[:, 1:]  # [B, U], without <s>
    steps = torch.arange(labels.shape[1], device=labels.device)  # [U]
    real = steps < minibatch.label_lengths.to(labels.device).unsqueeze(1)  # [B, U], no padding
    scores = network(minibatch.graphemes, minibatch.grapheme_lengths, minibatch.labels)

    # The labels; N is the number of real ones, V the number of symbols
    logits, labels = scores.phonemes[real], labels[real]  # [N, V], [N]
    loss = F.cross_entropy(logits, labels, reduction="sum", label_smoothing=weights.label_smoothing)
    errors = (logits.argmax(dim=1) != labels).sum()

    # The teachers' K likeliest symbols of each label, in place of a share of that
    soft = weights.soft_labels
    if soft and minibatch.soft_symbols is not None and minibatch.soft_probabilities is not None:
        nats = -logits.log_softmax(dim=1).gather(1, minibatch.soft_symbols[real])  # [N, K]
        soft_loss = (minibatch.soft_probabilities[real] * nats).sum()
        loss = (1 - soft) * loss + soft * soft_loss

    # The stress head, besides
    if weights.stress and scores.stress is not None and minibatch.stress is not None:
        loss = loss + weights.stress * F.cross_entropy(
            scores.stress[real],  # [N, 4]
            minibatch.stress[real],  # [N]
            ignore_index=UNKNOWN_STRESS,
            reduction="sum",
        )
    return loss, errors
