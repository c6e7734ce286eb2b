"""The process group of a distributed run: who begins it ends it.

``TrainingArguments`` begins a group under ``torchrun`` and ``accelerate launch``. A process that leaves with one still
open may be ended by its C++ threads ("terminate called without an active exception", exit status 134), its work done
and its exit status wrong: `torch.distributed.destroy_process_group` has to be called while Python still runs.
"""

from __future__ import annotations

import atexit
import contextlib
from collections.abc import Iterator

import torch

from spikeport.errors import SpikeportError


@contextlib.contextmanager
def process_group_ended_at_exit() -> Iterator[None]:
    """End the process group that is begun inside when the process exits; one that was there before is left alone.

    It is kept until then because a group cannot be begun a second time in one process under ``torchrun``. A
    `SpikeportError` is raised by every process alike and changes nothing. After any other exception the rest may still
    wait in a collective, where ending the group would wait with them: it is left to the launcher to end them all.
    """
    if not _has_group():
        atexit.register(_end_group)
    try:
        yield
    except SpikeportError:
        raise
    except BaseException:
        atexit.unregister(_end_group)
        raise


def _has_group() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def _end_group() -> None:
    if _has_group():
        torch.distributed.destroy_process_group()
