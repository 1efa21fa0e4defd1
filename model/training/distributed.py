"""Data-parallel training in several processes, on one machine or more.

The processes are started by ``torchrun``, which gives each its rank. Each processes its shard of
every minibatch. The gradients are summed over all processes before each step, so that all take the
same step; the main process reports and writes. (Li et al. 2020, "PyTorch Distributed".)
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
    """The processes that train together, seen from this one.

    Attributes:
        rank: number of this process, from 0; the main process has 0.
        count: number of processes.
        device: device of this process.
    """

    def __init__(self, rank: int, count: int, device: torch.device) -> None:
        self.rank = rank
        self.count = count
        self.device = device

    @property
    def is_main(self) -> bool:
        """Whether this is the main process, which reports, validates and writes."""
        return self.rank == 0

    def shard(self, items: Sequence[_T]) -> Sequence[_T]:
        """Return this process's shard of `items`; the shards of all processes partition them."""
        return items[self.rank :: self.count]

    def all_reduce_sum(self, *numbers: float) -> list[float]:
        """Sum each number over the processes."""
        if self.count == 1:
            return list(numbers)
        sums = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        dist.all_reduce(sums)
        return list(sums.tolist())

    def all_reduce_gradients(self, network: nn.Module) -> None:
        """Sum the gradients over the processes; a process without examples contributes zeros."""
        # torch's DistributedDataParallel cannot be used. It regroups the gradients after its first
        # step, so that a resumed run of three or more processes would sum them in another order and
        # give other bits. It requires a gradient from every process, but a minibatch may have fewer
        # words than there are processes. And it averages over processes, where this loss is a mean
        # over the tokens of all shards.
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
    """Join the processes that `torchrun` started; without torchrun, this process alone.

    Args:
        device: as for one process; with ``cuda`` and ``auto``, each process of a machine gets its
            own GPU.

    Raises:
        DeviceError: if a device is not available.
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
    """Records Ctrl-C and SIGTERM, to be checked between minibatches; a second signal interrupts.

    Signals are delivered to the main thread, so training has to run in it.

    Attributes:
        caught: whether a signal was received.
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
