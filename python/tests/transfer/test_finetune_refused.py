"""What cannot be meant is refused before any work, by a code and in words that say what to do."""

import numpy as np
import pytest

from spikeport import GraphError, KernelError, LayerNode, Neuron, SNNGraph
from spikeport.operations import Conv, Linear
from spikeport.transfer import CheckpointError, SNNCheckpoint, TransferConfig, TransferError, finetune, replace_head
from spikeport.transfer.training.samples import Samples, held_out

CONFIG = TransferConfig(-1, 0.01, 0.01)
X, Y = np.full((4, 3), 0.5), np.array([0, 1, 0, 1])


def checkpoint(**fields):
    return SNNCheckpoint([np.ones((2, 3))], ["head"], [(3, 2)], ["LIF"], {"T": 4}, **fields)


def replaced(operation, neuron, shape=None):
    return SNNCheckpoint.from_graph(SNNGraph([LayerNode.of("head", operation, neuron)], shape), {"T": 4})


@pytest.fixture
def no_work(monkeypatch):
    """Fail where a network is made before the refusal."""
    pytest.importorskip("torch")
    from spikeport.transfer.training import learning

    def work(*arguments):
        raise AssertionError("work began before the refusal")

    monkeypatch.setattr(learning.Learner, "learn", work)


@pytest.mark.parametrize(
    ("x", "y", "code", "words"),
    [
        (np.zeros((0, 3)), np.zeros(0, int), "samples", "no sample"),
        (np.zeros((4, 5)), Y, "shape", "reads (samples, 3)"),
        (np.float64(1), Y, "shape", "give that"),
        ([[1, 2, 3], [1, 2]], [0, 1], "shape", "ragged"),
        (np.array([["a"] * 3] * 4), Y, "dtype", "real numbers"),
        (np.where(np.arange(12).reshape(4, 3) == 7, np.nan, X), Y, "non_finite", "sample 2"),
        (np.where(np.arange(12).reshape(4, 3) == 0, np.inf, X), Y, "non_finite", "sample 0"),
        (X, Y[:3], "labels", "for 4 samples"),
        (X, Y[:, None], "labels", "give one for each"),
        (X, Y.astype(float), "labels", "whole numbers"),
        (X, Y.astype(bool), "labels", "whole numbers"),
        (X, np.array(["0", "1", "0", "1"]), "dtype", "real numbers"),
        (X, Y + 1, "labels", "label 2 is none of the 2 classes 0 … 1"),
        (X, Y - 1, "labels", "label -1"),
    ],
)
def test_data_and_labels(no_work, x, y, code, words):
    with pytest.raises(TransferError) as caught:
        finetune(checkpoint(), x, y, CONFIG)
    assert caught.value.code == code and words in str(caught.value) and isinstance(caught.value, ValueError)


def test_values_beyond_the_type_of_the_network(no_work):
    small = SNNCheckpoint([np.ones((2, 3), np.float32)], ["head"], [(3, 2)], ["LIF"], {"T": 4})
    with pytest.raises(TransferError, match="beyond what float32") as caught:
        finetune(small, X * 1e300, Y, CONFIG)
    assert caught.value.code == "non_finite"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"T": 0}, "timesteps"),
        ({"T": 2.0}, "timesteps"),
        ({"encoding": "spikes"}, "encoding"),
        ({"loss": "accuracy"}, "loss"),
        ({"logit_scale": 0.0}, "loss"),
        ({"optimiser": "lion"}, "optimiser"),
        ({"momentum": 0.9}, "momentum"),
        ({"momentum": 1.0, "optimiser": "sgd"}, "momentum"),
        ({"clip": 0}, "clip"),
        ({"clip": float("nan")}, "clip"),
        ({"batch_size": 0}, "batch"),
        ({"batch_size": True}, "batch"),
        ({"patience": 0, "validation": 0.5}, "patience"),
        ({"patience": 2}, "patience"),
        ({"validation": 0.0}, "validation"),
        ({"validation": 1}, "validation"),
        ({"validation": (X,)}, "validation"),
        ({"validation": (X, Y + 5)}, "labels"),
        ({"validation": (X[:0], Y[:0])}, "samples"),
        ({"seed": -1}, "seed"),
        ({"seed": 0.5}, "seed"),
        ({"device": "meta"}, "device"),
        ({"device": "abacus"}, "device"),
        ({"profiler": "yes"}, "profiler"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": [1, 2]}, "epochs"),
        ({"epochs": None}, "epochs"),
        ({"epochs": [1.5]}, "epochs"),
    ],
)
def test_settings(no_work, given, code):
    with pytest.raises(TransferError) as caught:
        finetune(checkpoint(), X, Y, CONFIG, **given)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("config", "error", "code"),
    [
        (None, TransferError, "config"),
        ([], TransferError, "config"),
        ([CONFIG, 0], TransferError, "config"),
        (TransferConfig(0), TransferError, "nothing_learns"),
        ([CONFIG, TransferConfig(-1, 0.1, 0.0)], TransferError, "nothing_learns"),
        (TransferConfig("nowhere"), KernelError, "unknown_layer"),
        (TransferConfig(3), KernelError, "index_range"),
        (TransferConfig(-1, 0.0, -1.0), KernelError, "learning_rate"),
    ],
)
def test_phases(no_work, config, error, code):
    with pytest.raises(error) as caught:
        finetune(checkpoint(), X, Y, config)
    assert caught.value.code == code


def test_networks(no_work, tmp_path):
    whole = replaced(Linear(np.ones((2, 3), np.int8)), Neuron("IF", threshold=4.0))
    passes_on = replaced(Linear(np.ones((2, 3))), Neuron("identity"))
    one = replaced(Linear(np.ones((1, 3))), Neuron("LIF"))
    unknown = SNNCheckpoint([np.ones((2, 3))], ["head"], [(3, 2)], ["Izhikevich"], {"T": 4})
    silent = SNNCheckpoint([np.ones((2, 3))], ["head"], [(3, 2)], ["LIF"])
    for given, how, error, code in [
        (whole, {}, TransferError, "dtype"),
        (passes_on, {"loss": "counts"}, TransferError, "loss"),
        (one, {}, TransferError, "labels"),
        (unknown, {}, CheckpointError, "neuron"),
        (silent, {}, TransferError, "timesteps"),
        (checkpoint(), {"surrogate": "step"}, GraphError, "surrogate"),
        (checkpoint(), {"save_as": tmp_path / "nowhere" / "net"}, CheckpointError, "missing_file"),
    ]:
        with pytest.raises(error) as caught:
            finetune(given, X, Y * 0, CONFIG, **how)
        assert caught.value.code == code
    with pytest.raises(TransferError, match="rates in \\[0, 1\\]") as caught:
        finetune(checkpoint(), X * 4, Y, CONFIG, encoding="poisson")
    assert caught.value.code == "rate_range"
    with pytest.raises(TypeError, match="called T here"):
        finetune(checkpoint(), X, Y, CONFIG, timesteps=4)


def test_what_is_no_checkpoint(no_work):
    for given in (checkpoint().to_graph(), "net"):
        for use in (lambda it: finetune(it, X, Y, CONFIG), lambda it: replace_head(it, 3)):
            with pytest.raises(TransferError, match="load_checkpoint") as caught:
                use(given)
            assert caught.value.code == "checkpoint"


def test_an_optimiser_that_is_none():
    pytest.importorskip("torch")
    with pytest.raises(TransferError, match="AdamW") as caught:
        finetune(checkpoint(), X, Y, CONFIG, optimiser=lambda groups: None)
    assert caught.value.code == "optimiser"


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_training_that_leaves_the_numbers_is_no_checkpoint(epochs):
    pytest.importorskip("torch")
    x = np.float32([[1, 0, 0], [0, 1, 0]])
    given = SNNCheckpoint([np.ones((2, 3), np.float32)], ["head"], [(3, 2)], ["LIF"], {"T": 4})
    how = {"epochs": epochs, "optimiser": "sgd", "logit_scale": 1e38}  # a gradient of 1e38, times a rate of 1e10
    with pytest.raises(TransferError, match="lower learning rates") as caught:
        finetune(given, x, [0, 1], TransferConfig(-1, 0.0, 1e10), **how)
    assert caught.value.code == "diverged"


def test_a_share_is_held_out_class_by_class():
    labels = np.array([0] * 10 + [1] * 5 + [2])
    samples = Samples(np.arange(16.0)[:, None], labels)
    for seed in range(5):
        learnt, unseen = held_out(samples, 0.3, seed)
        assert sorted([*learnt.x[:, 0], *unseen.x[:, 0]]) == list(range(16))
        assert np.bincount(unseen.labels, minlength=3).tolist() == [3, 2, 0]
        again = held_out(samples, 0.3, seed)[1]
        assert np.array_equal(unseen.x, again.x)
    assert {tuple(held_out(samples, 0.3, seed)[1].x[:, 0]) for seed in range(5)} != {tuple(unseen.x[:, 0])}
    least, most = (np.bincount(held_out(samples, share, 0)[1].labels, minlength=3).tolist() for share in (1e-9, 0.999))
    assert (least, most) == ([1, 1, 0], [9, 4, 0])
    with pytest.raises(TransferError, match="one sample alone"):
        held_out(Samples(np.zeros((2, 1)), np.array([0, 1])), 0.5, 0)


def convolutional(last):
    return replaced(last, Neuron("LIF"), (1, 3, 3))


@pytest.mark.parametrize(
    ("given", "n_classes", "seed", "code"),
    [
        (checkpoint(), 1, 0, "head"),
        (checkpoint(), 2.0, 0, "head"),
        (checkpoint(), 3, -1, "seed"),
        (convolutional(Conv(np.ones((2, 1, 3, 3)))), 3, 0, "head"),
        (replaced(Linear(np.ones((2, 3), np.int8)), Neuron("IF", threshold=4.0)), 3, 0, "dtype"),
    ],
)
def test_heads_that_cannot_be(given, n_classes, seed, code):
    with pytest.raises((TransferError, KernelError)) as caught:
        replace_head(given, n_classes, seed)
    assert caught.value.code == code
