import pytest
import torch

from tanger.model.decoding import devices
from tanger.model.decoding.devices import DeviceError


def test_the_cpu_is_always_there():
    assert devices.resolve("cpu") == "cpu"


def test_auto_takes_what_there_is():
    assert devices.resolve("auto") == ("cuda:0" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["cuda:64", "tpu", "cpu:1", "cuda:", "cuda:x", ""])
def test_what_is_not_there_is_reported(name):
    if name == "cuda:" and torch.cuda.is_available():
        pytest.skip("a GPU is here, and cuda: names it")
    with pytest.raises(DeviceError) as caught:
        devices.resolve(name)
    assert caught.value.device == name


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_no_gpu_is_reported():
    with pytest.raises(DeviceError, match="torch sees 0 GPUs"):
        devices.resolve("cuda")
