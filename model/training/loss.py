"""What training makes small, and the error that CNTK's tutorial prints beside it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tanger.model import TangerError
from tanger.model.network import lstm
from tanger.model.network.seq2seq import Seq2Seq
from tanger.model.training.batches import UNKNOWN, Example, Minibatch, collate
from tanger.model.training.recipe import LossRecipe


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


# ------------------------------------------------------------------------------------------------
# One step of a run: gradients of a minibatch, and the averaged weights that follow.


class TrainingError(TangerError, RuntimeError):
    """A run that cannot start or go on; the message says what to do."""


def train_step(
    network: Seq2Seq,
    examples: Sequence[Example],
    tokens: int,
    recipe: LossRecipe,
    device: torch.device,
    *,
    bfloat16: bool,
) -> tuple[float, int]:
    """Gradients of these examples' part of the mean loss over `tokens`.

    Returns:
        Their summed loss, and how many of their label tokens were wrong.
    """
    network.train()
    network.zero_grad()
    if not examples:
        return 0.0, 0
    minibatch = collate(examples).to(device)
    try:
        with lstm.products_in_bfloat16(device, enabled=bfloat16):
            loss, wrong = seq2seq_loss(
                network,
                minibatch,
                smoothing=recipe.label_smoothing,
                soft=recipe.soft_labels,
                stress=recipe.stress,
            )
        (loss / tokens).backward()  # type: ignore[no-untyped-call]
    except torch.cuda.OutOfMemoryError as e:
        words, letters = minibatch.graphemes.shape
        raise TrainingError(
            f"the GPU ran out of memory on a minibatch of {words} words of {letters} letters: "
            "lower minibatches.size in the recipe, or train with --device cpu"
        ) from e
    return loss.item(), int(wrong)


@torch.no_grad()
def average(averaged: Seq2Seq, network: Seq2Seq, decay: float, minibatches: int) -> None:
    """Move the averaged weights; early on they follow faster, so that they forget the start."""
    weight = 1 - min(decay, (1 + minibatches) / (10 + minibatches)) if decay else 1.0
    torch._foreach_lerp_(list(averaged.parameters()), list(network.parameters()), weight)
