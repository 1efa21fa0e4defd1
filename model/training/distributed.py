"""Data parallelism: processes, on one machine or more, that train one network together.

``torchrun`` starts them and gives each its rank. Each takes its shard of every minibatch; the
gradients of all are summed before each step, so that all step alike and one of them, the main
process, reports and writes. (Li et al. 2020, "PyTorch Distributed".)
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from tanger.model.decoding import devices

_T = TypeVar("_T")


class Processes:
    """This process among those that train with it.

    Attributes:
        rank: its number, from 0; that of the main process is 0.
        count: how many there are.
        device: that this one computes on.
    """

    def __init__(self, rank: int, count: int, device: torch.device) -> None:
        self.rank = rank
        self.count = count
        self.device = device

    @property
    def is_main(self) -> bool:
        """Whether this one reports, validates and writes."""
        return self.rank == 0

    def shard(self, items: Sequence[_T]) -> Sequence[_T]:
        """This process's part of what all have: every item is in one part."""
        return items[self.rank :: self.count]

    def all_reduce_sum(self, *numbers: float) -> list[float]:
        """Each number summed over the processes."""
        if self.count == 1:
            return list(numbers)
        sums = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        dist.all_reduce(sums)
        return list(sums.tolist())

    def all_reduce_gradients(self, network: nn.Module) -> None:
        """Sum the gradients over the processes; one without examples adds nothing."""
        # Not torch's DistributedDataParallel. It groups the gradients anew after its first step, so
        # that a resumed run of three processes or more would add them up in another order, to other
        # bits; every process must have a gradient, and a minibatch may have fewer words than there
        # are processes; and it averages, where this loss is a mean over the tokens of all shards.
        if self.count == 1:
            return
        gradients: list[Tensor] = []
        for parameter in network.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        sizes = [gradient.numel() for gradient in gradients]
        for gradient, summed in zip(gradients, torch.split(flat, sizes), strict=True):
            gradient.copy_(summed.view_as(gradient))


@contextmanager
def process_group(device: str) -> Iterator[Processes]:
    """The processes that `torchrun` started, or this one alone where it did not.

    Args:
        device: as for one process; ``cuda`` and ``auto`` give each process of a machine a GPU of
            its own.

    Raises:
        DeviceError: where a device is not there.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes(0, 1, torch.device(devices.resolve(device)))
        return
    target = torch.device(devices.resolve(device))
    if target.type == "cuda":
        target = torch.device(devices.resolve(f"cuda:{os.environ['LOCAL_RANK']}"))
        torch.cuda.set_device(target)
    dist.init_process_group("nccl" if target.type == "cuda" else "gloo")
    try:
        yield Processes(dist.get_rank(), count, target)
    finally:
        dist.destroy_process_group()


class StopSignals:
    """Catches Ctrl-C and SIGTERM, to be looked at between minibatches; a second one interrupts.

    Signals arrive in the main thread: training belongs there.

    Attributes:
        caught: whether one has come.
    """

    def __init__(self) -> None:
        self.caught = False
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, self._catch)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _catch(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.caught:
            raise KeyboardInterrupt
        self.caught = True
