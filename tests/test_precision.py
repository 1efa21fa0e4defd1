import pytest
import torch

from model import precision

CPU = torch.device("cpu")


def test_products_follow_the_context():
    x = torch.randn(2, 2)
    assert precision.of_products(x) == torch.float32
    with precision.products_in_bfloat16(CPU, enabled=True):
        assert precision.of_products(x) == (x @ x).dtype == torch.bfloat16
        with precision.products_in_bfloat16(CPU, enabled=False):
            assert precision.of_products(x) == (x @ x).dtype == torch.float32
    with precision.products_in_bfloat16(CPU, enabled=False):
        assert precision.of_products(x.double()) == torch.float64


def test_a_device_is_asked_what_it_is_faster_at(monkeypatch: pytest.MonkeyPatch):
    seconds = {torch.float32: 1.0, torch.bfloat16: 0.5}
    monkeypatch.setattr(precision, "_seconds_of_product", seconds.__getitem__)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    assert precision.bfloat16_pays.__wrapped__(CPU)
    seconds[torch.bfloat16] = 2.0  # it has the instructions, and is slow at them
    assert not precision.bfloat16_pays.__wrapped__(CPU)


def test_a_cpu_without_the_instructions_is_not_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.delattr(precision, "_seconds_of_product")
    assert not precision.bfloat16_pays.__wrapped__(CPU)
