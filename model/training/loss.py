"""The training loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tanger.model.training.batches import UNKNOWN_STRESS, Minibatch
from tanger.model.training.recipe import LossRecipe


def seq2seq_loss(
    network: nn.Module, minibatch: Minibatch, weights: LossRecipe | None = None
) -> tuple[Tensor, Tensor]:
    """Return the loss summed over the label tokens without ``<s>``, and the number of wrong labels.

    Labels are predicted by teacher forcing. A label is wrong if it is not the arg-max: CNTK's
    ``classification_error``, the "errs" of its tutorial.

    Args:
        network: a `Seq2Seq` or an `Ensemble`.
        minibatch: B words and U steps, on the network's device.
        weights: label smoothing, and weights of soft labels and stress; by default the plain
            cross-entropy. For soft labels see Hinton et al. (2015), "Distilling the Knowledge in a
            Neural Network"; the temperature is 1.
    """
    weights = weights or LossRecipe()
    labels = minibatch.labels[:, 1:]  # [B, U], without <s>
    steps = torch.arange(labels.shape[1], device=labels.device)  # [U]
    real = steps < minibatch.label_lengths.to(labels.device).unsqueeze(1)  # [B, U], false: padding
    scores = network(minibatch.graphemes, minibatch.grapheme_lengths, minibatch.labels)

    # Cross-entropy with the labels: N labels without padding, V symbols
    logits, labels = scores.phonemes[real], labels[real]  # [N, V], [N]
    loss = F.cross_entropy(logits, labels, reduction="sum", label_smoothing=weights.label_smoothing)
    errors = (logits.argmax(dim=1) != labels).sum()

    # Soft labels replace a share of it: the K most probable symbols of each label
    soft = weights.soft_labels
    if soft and minibatch.soft_symbols is not None and minibatch.soft_probabilities is not None:
        nats = -logits.log_softmax(dim=1).gather(1, minibatch.soft_symbols[real])  # [N, K]
        soft_loss = (minibatch.soft_probabilities[real] * nats).sum()
        loss = (1 - soft) * loss + soft * soft_loss

    # The stress head's loss is added
    if weights.stress and scores.stress is not None and minibatch.stress is not None:
        loss = loss + weights.stress * F.cross_entropy(
            scores.stress[real],  # [N, 4]
            minibatch.stress[real],  # [N]
            ignore_index=UNKNOWN_STRESS,
            reduction="sum",
        )
    return loss, errors
