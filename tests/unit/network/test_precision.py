import pytest
import torch

from tanger.model.network import lstm

CPU = torch.device("cpu")


def test_products_follow_the_context():
    x = torch.randn(2, 2)
    assert lstm.product_dtype(x) == torch.float32
    with lstm.products_in_bfloat16(CPU, enabled=True):
        assert lstm.product_dtype(x) == (x @ x).dtype == torch.bfloat16
        with lstm.products_in_bfloat16(CPU, enabled=False):
            assert lstm.product_dtype(x) == (x @ x).dtype == torch.float32
    with lstm.products_in_bfloat16(CPU, enabled=False):
        assert lstm.product_dtype(x.double()) == torch.float64


def test_a_device_is_requested_what_it_is_faster_at(monkeypatch: pytest.MonkeyPatch):
    seconds = {torch.float32: 1.0, torch.bfloat16: 0.5}
    monkeypatch.setattr(lstm, "_seconds_of_product", seconds.__getitem__)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    assert lstm.bfloat16_is_faster.__wrapped__(CPU)
    seconds[torch.bfloat16] = 2.0  # it has the instructions, but they are slow
    assert not lstm.bfloat16_is_faster.__wrapped__(CPU)


def test_a_cpu_without_the_instructions_is_not_requested(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.delattr(lstm, "_seconds_of_product")
    assert not lstm.bfloat16_is_faster.__wrapped__(CPU)
