import pytest
import torch

from tanger.model.network.seq2seq import Dropout


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_a_share_is_dropped_and_the_mean_kept(share):
    torch.manual_seed(1)
    x = torch.ones(501, 999, requires_grad=True)
    y = Dropout(share)(x)
    assert (y == 0).float().mean().item() == pytest.approx(share, abs=0.004)
    assert y.mean().item() == pytest.approx(1, abs=0.004)
    assert len(y.detach().unique()) == 2, "what is kept is all scaled alike"
    (gradient,) = torch.autograd.grad(y.sum(), [x])
    torch.testing.assert_close(gradient, y.detach())


def test_neighbours_fall_independently():
    torch.manual_seed(1)
    dropped = (Dropout(0.5)(torch.ones(1000, 64)) == 0).float()
    covariance = torch.cov(dropped.t())
    off_diagonal = covariance - covariance.diag().diag()
    assert off_diagonal.abs().max() < 0.05


def test_the_seed_decides():
    masks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        masks.append(Dropout(0.5)(torch.ones(3, 7)))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


@pytest.mark.parametrize("layer", [Dropout(0.0), Dropout(0.5).eval()])
def test_nothing_is_dropped_outside_training_or_at_zero(layer):
    x = torch.randn(5, 5)
    assert torch.equal(layer(x), x)
