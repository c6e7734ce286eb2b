"""Errors say what to do, carry a code, and survive being copied to another process."""

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from spikeport import GraphError, KernelError, MissingExtra, SpikeportError, kernels
from spikeport.backends import BackendError
from spikeport.transfer import CheckpointError, TransferError

ERRORS = [
    SpikeportError("code", "message"),
    KernelError("shape", "one, not two"),
    GraphError("name", "give each its own"),
    BackendError("unknown_backend", "no backend"),
    CheckpointError("shape", "one, not two"),
    TransferError("labels", "one for each"),
    MissingExtra("torch", "torch", "converting"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_a_copied_error_is_the_same_error(error, again):
    copied = again(error)
    assert (type(copied), copied.code, str(copied)) == (type(error), error.code, str(error))


def test_an_error_comes_back_from_a_worker_process():
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
        pytest.raises(KernelError, match="x is a single number") as caught,
    ):
        pool.submit(kernels.qcfs, 1.0, timesteps=2).result(timeout=300)
    assert caught.value.code == "shape"


def test_a_missing_extra_names_what_to_install_and_is_an_import_error():
    with pytest.raises(ImportError, match=r"drawing needs matplotlib.*pip install 'spikeport\[plot\]'"):
        raise MissingExtra("matplotlib", "plot", "drawing")
