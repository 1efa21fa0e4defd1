"""The optimizers of recipes: CNTK's per-sample momentum SGD, and AdamW under a cosine.

Both take the gradient of the loss's mean over the minibatch's label tokens.
"""

from __future__ import annotations

import functools
import math
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from tanger.model.training.recipe import AdamWRecipe, MomentumSGDRecipe


class Optimizer(Protocol):
    """Turns gradients into steps; its state is tensors by name, so that a run can be resumed."""

    def step(self, *, tokens: int, progress: float) -> None:
        """Move the parameters by their gradients.

        Args:
            tokens: label tokens N of the minibatch.
            progress: the share of the run that is done with this step, 0 to 1.
        """

    def state(self) -> dict[str, Tensor]:
        """All that the next step depends on, besides parameters and gradients."""

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` returned."""


def build(recipe: MomentumSGDRecipe | AdamWRecipe, network: nn.Module) -> Optimizer:
    """The optimizer of `recipe` on the parameters of `network`."""
    parameters = dict(network.named_parameters())
    if isinstance(recipe, MomentumSGDRecipe):
        return MomentumSGD(recipe, parameters)
    return ScheduledAdamW(recipe, parameters)


class MomentumSGD:
    """CNTK's ``momentum_sgd`` with per-sample settings, truncating clip and unit gain.

    With g the gradient summed over the minibatch's N label tokens:

        g = clip(g, +-N clip);  m = exp(-N / time_constant)
        v = m v + (1 - m) g;    w = w - learning_rate v

    torch's SGD has one momentum for minibatches of any size, and no unit gain at its first step.
    """

    def __init__(self, recipe: MomentumSGDRecipe, parameters: dict[str, nn.Parameter]) -> None:
        self.recipe = recipe
        self.parameters = parameters
        self.velocity = {name: torch.zeros_like(p) for name, p in parameters.items()}

    @torch.no_grad()
    def step(self, *, tokens: int, progress: float) -> None:
        """One step; CNTK's schedule is flat, so `progress` changes nothing."""
        del progress
        momentum = math.exp(-tokens / self.recipe.time_constant)
        for name, parameter in self.parameters.items():
            if parameter.grad is None:
                continue
            # The mean's gradient clipped at +-clip is the sum's clipped at +-N clip, over N.
            summed = parameter.grad.clamp_(-self.recipe.clip, self.recipe.clip).mul_(tokens)
            self.velocity[name].lerp_(summed, 1 - momentum)
            parameter.sub_(self.velocity[name], alpha=self.recipe.learning_rate)

    def state(self) -> dict[str, Tensor]:
        """The velocities."""
        return dict(self.velocity)

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from these velocities."""
        for name, velocity in self.velocity.items():
            velocity.copy_(state[name])


class ScheduledAdamW:
    """torch's AdamW with a gradient norm bound, linear warm-up and a cosine decay."""

    def __init__(self, recipe: AdamWRecipe, parameters: dict[str, nn.Parameter]) -> None:
        self.recipe = recipe
        self.parameters = parameters
        self.progress = 0.0
        self.adamw = torch.optim.AdamW(
            parameters.values(),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        # torch's own cosine counts steps to a last one; a run is an amount of words, and how many
        # minibatches they make is not known beforehand
        self.schedule = LambdaLR(self.adamw, self._factor)

    def step(self, *, tokens: int, progress: float) -> None:
        """One step; the minibatch's size changes nothing."""
        del tokens
        nn.utils.clip_grad_norm_(self.parameters.values(), self.recipe.clip)
        self.adamw.step()
        self.progress = progress
        self.schedule.step()

    def _factor(self, steps: int) -> float:
        """The share of the full learning rate for the step after so many."""
        final = self.recipe.final
        warm = min(1.0, (steps + 1) / max(self.recipe.warmup, 1))
        cosine = (1 + math.cos(math.pi * min(self.progress, 1.0))) / 2
        return warm * (final + (1 - final) * cosine)

    def state(self) -> dict[str, Tensor]:
        """Both moments and the step count of each parameter, and where the schedule stands."""
        (rate,) = self.schedule.get_last_lr()
        tensors = {
            "steps": torch.tensor(self.schedule.last_epoch),
            "learning_rate": torch.tensor(rate, dtype=torch.float64),
        }
        for name, parameter in self.parameters.items():
            for key, value in self.adamw.state[parameter].items():
                tensors[f"{name}/{key}"] = value
        return tensors

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from these moments, step counts and schedule."""
        self.schedule.load_state_dict({"last_epoch": int(state["steps"]), "lr_lambdas": [None]})
        for group in self.adamw.param_groups:
            group["lr"] = float(state["learning_rate"])
        for name, parameter in self.parameters.items():
            self.adamw.state[parameter] = {
                key.rpartition("/")[2]: value.to(parameter.device, copy=True)
                for key, value in state.items()
                if key.rpartition("/")[0] == name
            }


# ------------------------------------------------------------------------------------------------
# The average of the weights, which ships.


def average_weights(network: nn.Module, decay: float) -> AveragedModel:
    """A copy of `network` that follows it by an exponential average; with decay 0, at once.

    Call its `update_parameters` after each step.
    """
    return AveragedModel(network, multi_avg_fn=functools.partial(_update_average, decay))


def _update_average(
    decay: float, averages: list[Tensor], weights: list[Tensor], updates: Tensor | int
) -> None:
    """Torch's exponential average, with a decay that grows: early on it forgets the start."""
    updates = int(updates)
    growing = min(decay, (1 + updates) / (10 + updates))
    get_ema_multi_avg_fn(growing)(averages, weights, updates)  # type: ignore[no-untyped-call]
