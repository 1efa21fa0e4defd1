"""One step of a run: gradients of a minibatch, and the averaged weights that follow."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from model import precision
from model.batches import Example, collate
from model.errors import TangerError
from model.loss import teacher_forced
from model.network import Seq2Seq
from model.recipe import LossRecipe


class TrainingError(TangerError, RuntimeError):
    """A run that cannot start or go on; the message says what to do."""


def learn(
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
        with precision.products_in_bfloat16(device, enabled=bfloat16):
            loss, wrong = teacher_forced(
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
