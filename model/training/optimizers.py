"""The two ways to learn: CNTK's per-sample momentum SGD, and AdamW under a cosine.

Both take the gradient of the loss's mean over the minibatch's label tokens.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from tanger.model.training.recipe import AdamWRecipe, MomentumSGDRecipe


class Learner(Protocol):
    """Turns gradients into steps; its state is tensors by name, so that a run can be resumed."""

    def step(self, *, tokens: int, progress: float) -> None:
        """Move the parameters by their gradients.

        Args:
            tokens: label tokens N of the minibatch.
            progress: how much of the run is done, 0 to 1.
        """

    def state(self) -> dict[str, Tensor]:
        """All that the next step depends on, besides parameters and gradients."""

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` gave."""


def learner(recipe: MomentumSGDRecipe | AdamWRecipe, network: nn.Module) -> Learner:
    """The learner that `recipe` asks for, on the parameters of `network`."""
    if isinstance(recipe, MomentumSGDRecipe):
        return MomentumSGD(recipe, network.named_parameters())
    return ScheduledAdamW(recipe, network.named_parameters())


class MomentumSGD:
    """CNTK's ``momentum_sgd`` with per-sample settings, truncating clip and unit gain.

    With g the gradient summed over the minibatch's N label tokens:

        g = clip(g, +-N clip);  m = exp(-N / time_constant)
        v = m v + (1 - m) g;    w = w - learning_rate v
    """

    def __init__(
        self, recipe: MomentumSGDRecipe, parameters: Iterable[tuple[str, nn.Parameter]]
    ) -> None:
        self.recipe = recipe
        self.parameters = dict(parameters)
        self.velocity = {name: torch.zeros_like(p) for name, p in self.parameters.items()}

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
        """Take up velocities."""
        for name, velocity in self.velocity.items():
            velocity.copy_(state[name])


class ScheduledAdamW:
    """torch's AdamW with a gradient norm bound, linear warm-up and a cosine decay."""

    def __init__(self, recipe: AdamWRecipe, parameters: Iterable[tuple[str, nn.Parameter]]) -> None:
        self.recipe = recipe
        self.parameters = dict(parameters)
        self.steps = 0
        self.adamw = torch.optim.AdamW(
            self.parameters.values(),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=True,
        )

    def step(self, *, tokens: int, progress: float) -> None:
        """One step; the minibatch's size changes nothing."""
        del tokens
        self.steps += 1
        recipe = self.recipe
        cosine = (1 + math.cos(math.pi * min(progress, 1.0))) / 2
        share = recipe.final + (1 - recipe.final) * cosine
        warm = min(1.0, self.steps / max(recipe.warmup, 1))
        for group in self.adamw.param_groups:
            group["lr"] = recipe.learning_rate * share * warm
        nn.utils.clip_grad_norm_(self.parameters.values(), recipe.clip)
        self.adamw.step()

    def state(self) -> dict[str, Tensor]:
        """Both moments and the step count of each parameter."""
        tensors = {"steps": torch.tensor(self.steps)}
        for name, parameter in self.parameters.items():
            for key, value in self.adamw.state[parameter].items():
                tensors[f"{name}/{key}"] = value
        return tensors

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up moments and step counts."""
        self.steps = int(state["steps"])
        for name, parameter in self.parameters.items():
            self.adamw.state[parameter] = {
                key.rpartition("/")[2]: value.to(parameter.device, copy=True)
                for key, value in state.items()
                if key.rpartition("/")[0] == name
            }


# ------------------------------------------------------------------------------------------------
# The average of the weights, which ships.


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """A copy of `network` that follows it by an exponential average; with decay 0, at once.

    Its `update_parameters` belongs after each step.
    """
    return AveragedModel(network, multi_avg_fn=functools.partial(_follow, decay))


def _follow(
    decay: float, averages: list[Tensor], weights: list[Tensor], updates: Tensor | int
) -> None:
    """Torch's exponential average, with a decay that grows: early on it forgets the start."""
    updates = int(updates)
    grown = min(decay, (1 + updates) / (10 + updates))
    get_ema_multi_avg_fn(grown)(averages, weights, updates)  # type: ignore[no-untyped-call]
