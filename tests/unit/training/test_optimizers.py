import math

import numpy as np
import pytest
import torch
from torch import nn

from tanger.model.training.optimizers import average_weights, build
from tanger.model.training.recipe import AdamWRecipe, MomentumSGDRecipe

ADAMW = AdamWRecipe(learning_rate=0.1, warmup=4, final=0.1, weight_decay=0.0, clip=1.0)
SGD = MomentumSGDRecipe(learning_rate=0.007, time_constant=1100, clip=2.3)


def test_momentum_sgd_is_cntks():
    """Compare with the formulas, for the gradient summed over N tokens."""
    module = nn.Linear(3, 1, bias=False).double()
    moving = build(SGD, module)
    weight, velocity = module.weight.detach().numpy().copy(), np.zeros((1, 3))
    for tokens, summed in ((50, [[1.0, -4000.0, 115.0]]), (70, [[0.5, 300.0, -20.0]])):
        gradient = np.array(summed)
        module.weight.grad = torch.tensor(gradient / tokens)
        moving.step(tokens=tokens, progress=0.0)
        clipped = np.clip(gradient, -2.3 * tokens, 2.3 * tokens)
        momentum = math.exp(-tokens / 1100)
        velocity = momentum * velocity + (1 - momentum) * clipped
        weight -= 0.007 * velocity
        np.testing.assert_allclose(module.weight.detach(), weight)


def test_adamw_warms_up_and_cools_down():
    module = nn.Linear(2, 1)
    moving = build(ADAMW, module)
    rates = []
    for progress in (0.0, 0.0, 0.0, 0.5, 1.0, 1.0):
        rates.append(moving.adamw.param_groups[0]["lr"])
        module.weight.grad = torch.ones_like(module.weight)
        module.bias.grad = torch.ones_like(module.bias)
        moving.step(tokens=1, progress=progress)
    np.testing.assert_allclose(rates, [0.025, 0.05, 0.075, 0.1, 0.055, 0.01])


def test_a_restored_optimizer_goes_on_the_same():
    for rule in (ADAMW, SGD):
        torch.manual_seed(2)
        one, gradients = nn.Linear(3, 2), torch.randn(6, 2, 3)
        two = nn.Linear(3, 2)

        def walk(module, moving, steps):
            for gradient in steps:
                module.weight.grad = gradient.clone()
                module.bias.grad = gradient[:, 0].clone()
                moving.step(tokens=40, progress=0.3)

        first = build(rule, one)
        walk(one, first, gradients[:3])
        two.load_state_dict(one.state_dict())
        second = build(rule, two)
        second.restore({name: value.clone() for name, value in first.state().items()})
        walk(one, first, gradients[3:])
        walk(two, second, gradients[3:])
        assert torch.equal(one.weight, two.weight)


def test_a_restored_schedule_goes_on_where_it_was():
    module = nn.Linear(2, 1, bias=False)
    first, second = build(ADAMW, module), build(ADAMW, module)
    for progress in (0.1, 0.2, 0.3):
        module.weight.grad = torch.ones_like(module.weight)
        first.step(tokens=1, progress=progress)
    second.restore({name: value.clone() for name, value in first.state().items()})
    for moving in (first, second):
        module.weight.grad = torch.ones_like(module.weight)
        rates = [moving.adamw.param_groups[0]["lr"]]
        moving.step(tokens=1, progress=0.4)
        rates.append(moving.adamw.param_groups[0]["lr"])
        if moving is first:
            expected = rates
    assert rates == expected


def test_the_average_starts_at_the_first_step_and_slows_down():
    """Compare with a decay of (1 + n) / (10 + n) after n steps, up to the recipe's decay."""
    module = nn.Linear(1, 1, bias=False)
    twin = average_weights(module, 0.25)
    expected = 0.0
    for number, weight in enumerate((1.0, 3.0, -2.0, 5.0)):
        module.weight.data.fill_(weight)
        twin.update_parameters(module)
        decay = min(0.25, (1 + number) / (10 + number)) if number else 0.0
        expected = decay * expected + (1 - decay) * weight
        assert twin.module.weight.item() == pytest.approx(expected)


def test_no_average_follows_at_once():
    module = nn.Linear(2, 2)
    twin = average_weights(module, 0.0)
    for _ in range(2):
        nn.init.normal_(module.weight)
        twin.update_parameters(module)
        assert torch.equal(twin.module.weight, module.weight)
