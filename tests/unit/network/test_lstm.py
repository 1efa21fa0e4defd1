import torch

from tanger.model.network.lstm import LSTM, State


def test_the_cells_gradient_is_right():
    torch.manual_seed(1)
    layer = LSTM(3, 2).double()
    x = torch.randn(4, 3, dtype=torch.double, requires_grad=True)
    h, c = (torch.randn(4, 2, dtype=torch.double, requires_grad=True) for _ in range(2))

    def step(x, h, c, *_):
        return tuple(layer.step(x, State(h, c)))

    assert torch.autograd.gradcheck(step, (x, h, c, *layer.parameters()))


def test_a_sequence_is_its_steps():
    torch.manual_seed(1)
    layer = LSTM(3, 5)
    x = torch.randn(6, 2, 3)
    state, outputs = layer.zero_state(2), []
    for step in x:
        state = layer.step(step, state)
        outputs.append(state.h)
    fused, last = layer(x, None)
    torch.testing.assert_close(fused, torch.stack(outputs))
    torch.testing.assert_close(last.c, state.c)


def test_rows_end_at_their_own_lengths():
    torch.manual_seed(1)
    layer = LSTM(3, 5)
    x = torch.randn(6, 2, 3)
    _, last = layer(x, torch.tensor([6, 2]))
    _, short = layer(x[:2, 1:], None)
    torch.testing.assert_close(last.h[1:], short.h)
    torch.testing.assert_close(last.c[1:], short.c)
