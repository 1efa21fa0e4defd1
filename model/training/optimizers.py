"""The optimizers of recipes: CNTK's per-sample momentum SGD, and AdamW with a cosine schedule.

Both expect the gradient of the loss averaged over the minibatch's label tokens.
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
    """Interface of the optimizers; their state is tensors by name, so that runs can be resumed."""

    def step(self, *, tokens: int, progress: float) -> None:
        """Update the parameters with their gradients.

        Args:
            tokens: number N of label tokens in the minibatch.
            progress: share of the run that is done after this step, 0 to 1.
        """

    def state(self) -> dict[str, Tensor]:
        """Return everything that the next step depends on, besides parameters and gradients."""

    def restore(self, state: dict[str, Tensor]) -> None:
        """Restore what `state` returned."""


def build(recipe: MomentumSGDRecipe | AdamWRecipe, network: nn.Module) -> Optimizer:
    """Build the optimizer of `recipe` for the parameters of `network`."""
    parameters = dict(network.named_parameters())
    if isinstance(recipe, MomentumSGDRecipe):
        return MomentumSGD(recipe, parameters)
    return ScheduledAdamW(recipe, parameters)


class MomentumSGD:
    """CNTK's ``momentum_sgd`` with per-sample settings, truncating gradient clipping and unit gain.

    With g the gradient summed over the minibatch's N label tokens:

        g = clip(g, +-N clip);  m = exp(-N / time_constant)
        v = m v + (1 - m) g;    w = w - learning_rate v

    torch's SGD has the same momentum for minibatches of every size, and no unit gain in its first
    step.
    """

    def __init__(self, recipe: MomentumSGDRecipe, parameters: dict[str, nn.Parameter]) -> None:
        self.recipe = recipe
        self.parameters = parameters
        self.velocity = {name: torch.zeros_like(p) for name, p in parameters.items()}

    @torch.no_grad()
    def step(self, *, tokens: int, progress: float) -> None:
        """Update the parameters; `progress` is ignored, because the learning rate is constant."""
        del progress
        momentum = math.exp(-tokens / self.recipe.time_constant)
        for name, parameter in self.parameters.items():
            if parameter.grad is None:
                continue
            # Clipping the mean at +-clip equals clipping the sum at +-N clip and dividing by N.
            summed = parameter.grad.clamp_(-self.recipe.clip, self.recipe.clip).mul_(tokens)
            self.velocity[name].lerp_(summed, 1 - momentum)
            parameter.sub_(self.velocity[name], alpha=self.recipe.learning_rate)

    def state(self) -> dict[str, Tensor]:
        """Return the velocities."""
        return dict(self.velocity)

    def restore(self, state: dict[str, Tensor]) -> None:
        """Restore the velocities."""
        for name, velocity in self.velocity.items():
            velocity.copy_(state[name])


class ScheduledAdamW:
    """torch's AdamW with clipping of the gradient norm, linear warm-up and cosine decay."""

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
        # torch's cosine schedule needs the total number of steps, which is not known: the length of
        # a run is given in words, and the number of minibatches varies
        self.schedule = LambdaLR(self.adamw, self._factor)

    def step(self, *, tokens: int, progress: float) -> None:
        """Update the parameters; `tokens` is ignored."""
        del tokens
        nn.utils.clip_grad_norm_(self.parameters.values(), self.recipe.clip)
        self.adamw.step()
        self.progress = progress
        self.schedule.step()

    def _factor(self, steps: int) -> float:
        """Return the factor on the learning rate after `steps` steps."""
        final = self.recipe.final
        warm = min(1.0, (steps + 1) / max(self.recipe.warmup, 1))
        cosine = (1 + math.cos(math.pi * min(self.progress, 1.0))) / 2
        return warm * (final + (1 - final) * cosine)

    def state(self) -> dict[str, Tensor]:
        """Return moments and step count of each parameter, and the state of the schedule."""
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
        """Restore the moments, step counts and schedule."""
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
# The averaged weights, which are validated and written to the artifact.


def average_weights(network: nn.Module, decay: float) -> AveragedModel:
    """Return a copy of `network` that holds the exponential moving average of its weights.

    Call its `update_parameters` after each step. With decay 0 it equals the current weights.
    """
    return AveragedModel(network, multi_avg_fn=functools.partial(_update_average, decay))


def _update_average(
    decay: float, averages: list[Tensor], weights: list[Tensor], updates: Tensor | int
) -> None:
    """Update the average with a decay that grows with the steps, so that the start is forgotten."""
    updates = int(updates)
    growing = min(decay, (1 + updates) / (10 + updates))
    get_ema_multi_avg_fn(growing)(averages, weights, updates)  # type: ignore[no-untyped-call]
