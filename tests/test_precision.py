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
