"""A checkpoint that several files of tests change."""

import numpy as np
import pytest

from spikeport import Neuron
from spikeport.transfer import CheckpointError, SNNCheckpoint, save_checkpoint


@pytest.fixture
def made():
    """A function that returns layers 3 -> 4 -> 2 with biases; the first has a stored neuron, the second a label."""

    def make(**fields):
        content = {
            "weights": [np.arange(12.0).reshape(4, 3), np.arange(8.0).reshape(2, 4)],
            "layer_names": ["a", "b"],
            "layer_sizes": [(3, 4), (4, 2)],
            "neuron_types": ["IF", "LIF"],
            "metadata": {"task": "mnist"},
            "frozen_layers": ["a"],
            "biases": [np.ones(4), np.zeros(2)],
            "neurons": [Neuron("IF", 0.5), None],
        }
        return SNNCheckpoint(**(content | fields))

    return make


@pytest.fixture
def assert_refused(tmp_path):
    """A function that asserts that a checkpoint is neither saved nor run, by one code, and that nothing is written."""

    def refuse(checkpoint, code):
        for use in (lambda: save_checkpoint(checkpoint, tmp_path / "c"), checkpoint.to_graph, checkpoint.validate):
            with pytest.raises(CheckpointError) as caught:
                use()
            assert caught.value.code == code
        assert list(tmp_path.iterdir()) == []

    return refuse
