"""Which samples a process takes, and how what it found comes together: the process group of ``torch.distributed``.

Each process takes a stretch of the samples, in the order of the ranks, and gets everything that the others found. So
every process holds the same result, which is that of one process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from spikeport.errors import ConversionError, SpikeportError
from spikeport.lazy import import_torch


class Share:
    """The share of one process among ``processes``; by default the only one."""

    def __init__(self, rank: int = 0, processes: int = 1) -> None:
        self.rank, self.processes = rank, processes

    @classmethod
    def of_group(cls) -> Share:
        """Return this process's share; raise `ConversionError` ``distributed`` where no process group was begun."""
        dist = import_torch("sharing samples among processes").distributed
        if not (dist.is_available() and dist.is_initialized()):
            raise ConversionError(
                "distributed",
                "distributed=True shares the samples among the processes of torch.distributed, and no group was begun: "
                "call torch.distributed.init_process_group('gloo') in each, or start with torchrun",
            )
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that speaks for all."""
        return self.rank == 0

    def rows(self, count: int) -> slice:
        """Return the stretch of ``count`` samples that this process takes."""
        edges = np.linspace(0, count, self.processes + 1).astype(int)
        return slice(int(edges[self.rank]), int(edges[self.rank + 1]))

    def gathered(self, own: list[Any]) -> list[Any]:
        """Return the lists of all processes, one behind the other, in the order of the samples."""
        if self.processes == 1:
            return own
        dist = import_torch("sharing samples among processes").distributed
        lists: list[Any] = [None] * self.processes
        dist.all_gather_object(lists, own)
        return [item for part in lists for item in part]


@contextmanager
def launched_group() -> Iterator[Share]:
    """Hold the process group of a program that torchrun started; without torchrun there is one process, and no group.

    A `SpikeportError` is raised by every process alike, and ends the group with it. After any other exception the rest
    may still wait for this process, and it would wait with them: the launcher ends them all.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) <= 1 or "RANK" not in os.environ:
        yield Share()
        return
    dist = import_torch("sharing samples among processes").distributed
    dist.init_process_group("gloo")
    try:
        yield Share.of_group()
    except SpikeportError:
        dist.destroy_process_group()
        raise
    dist.destroy_process_group()
