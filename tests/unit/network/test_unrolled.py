import torch

from tanger.model.network import lstm
from tanger.model.network.lstm import UnrolledLinear


def run(linear, x):
    """Apply the map recurrently, so that each step's gradient passes through the later steps."""
    outputs = []
    for step in x:
        before = outputs[-1] if outputs else torch.zeros(2, 4, dtype=x.dtype)
        outputs.append(linear(torch.cat([step, before], dim=1)).tanh())
    return torch.stack(outputs)


def leaves(dtype):
    torch.manual_seed(1)
    shapes = (5, 2, 3), (5, 2, 4), (4, 7)  # x, offsets, weight
    return [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]


def test_it_is_a_linear_map_with_the_same_gradients():
    x, offsets, weight = leaves(torch.float64)
    rows = iter(offsets)
    plain = run(lambda row: next(rows) + row @ weight.t(), x)
    expected = torch.autograd.grad(plain.square().sum(), (x, offsets, weight))

    unrolled = run(UnrolledLinear(offsets, weight), x)
    torch.testing.assert_close(unrolled, plain)
    found = torch.autograd.grad(unrolled.square().sum(), (x, offsets, weight))
    for gradient, reference in zip(found, expected, strict=True):
        torch.testing.assert_close(gradient, reference)


def test_in_bfloat16_it_is_near_and_everything_else_stays_float32():
    x, offsets, weight = leaves(torch.float32)
    plain = run(UnrolledLinear(offsets, weight), x)
    expected = torch.autograd.grad(plain.square().sum(), (x, offsets, weight))

    with lstm.products_in_bfloat16(x.device, enabled=True):
        lighter = run(UnrolledLinear(offsets, weight), x)
    found = torch.autograd.grad(lighter.square().sum(), (x, offsets, weight))
    assert not torch.equal(lighter, plain), "nothing was rounded"
    torch.testing.assert_close(lighter, plain, atol=0.05, rtol=0.05)
    for gradient, reference in zip(found, expected, strict=True):
        assert gradient.dtype == torch.float32
        torch.testing.assert_close(gradient, reference, atol=0.3, rtol=0.1)
