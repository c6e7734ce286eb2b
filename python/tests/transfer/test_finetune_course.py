"""How a fine-tuning goes: what is kept, when it ends, what watches it, what is written down."""

import numpy as np
import pytest

from spikeport import LayerNode, Neuron, SNNGraph
from spikeport.operations import Conv, Linear
from spikeport.transfer import SNNCheckpoint, TransferConfig, finetune, replace_head
from spikeport.transfer.training import finetuning
from spikeport.transfer.training.settings import checked_settings

torch = pytest.importorskip("torch")

ALL = TransferConfig(-1, 0.02, 0.02)


def task(n=24):
    """Samples of 4 values, the first or the second half large."""
    labels = np.arange(n) % 2
    x = np.random.default_rng(0).uniform(0, 0.25, (n, 4))
    x[labels == 0, :2] += 0.75
    x[labels == 1, 2:] += 0.75
    return x, labels


def checkpoint(metadata=None, neuron=Neuron("LIF", threshold=0.5, beta=0.875), **fields):  # noqa: B008
    rng = np.random.default_rng(1)
    weights = [rng.uniform(-0.4, 0.6, (6, 4)), rng.uniform(-0.4, 0.6, (2, 6))]
    fields = {"neurons": [neuron, neuron]} | fields
    kinds = [neuron.kind] * 2
    return SNNCheckpoint(weights, ["hidden", "head"], [(4, 6), (6, 2)], kinds, metadata or {"T": 4}, **fields)


def test_a_phase_ends_and_keeps_the_best_where_the_held_out_loss_only_rises():
    """What is held out has the other labels: every step that learns makes it worse."""
    x, labels = task()
    given = checkpoint()
    result = finetune(given, x, labels, ALL, epochs=20, validation=(x, 1 - labels), patience=3)
    outcome = result.phases[0].outcome
    assert (outcome.stopped_early, outcome.kept, [e.number for e in outcome.epochs]) == (True, 0, [0, 1, 2, 3])
    losses = [epoch.validation_loss for epoch in outcome.epochs]
    assert losses == sorted(losses)
    for kept, first in zip(result.checkpoint.weights, given.weights, strict=True):
        assert kept.tobytes() == first.tobytes()


def test_without_held_out_samples_the_last_epoch_is_kept_and_none_is_measured_before():
    result = finetune(checkpoint(), *task(), ALL, epochs=3)
    outcome = result.phases[0].outcome
    assert (outcome.stopped_early, outcome.kept, [e.number for e in outcome.epochs]) == (False, 3, [1, 2, 3])
    assert all(epoch.validation_loss is None for epoch in result.history)


def test_held_out_samples_are_not_learnt_from():
    x, labels = task()
    nothing = finetune(checkpoint(), x, labels, ALL, epochs=2, validation=0.25)
    assert nothing.checkpoint.metadata["fine_tuning"][0]["samples"] == 18


def test_a_gradient_is_no_longer_than_clip():
    """Of one step of gradient descent, with a rate of 1, the change of all weights is the gradient."""
    x, labels = task()
    how = {"epochs": 1, "batch_size": len(x), "optimiser": "sgd", "logit_scale": 8.0}
    given = checkpoint()

    def length(**clip):
        learnt = finetune(given, x, labels, TransferConfig(-1, 1.0, 1.0), **how, **clip).checkpoint
        changes = [new - old for new, old in zip(learnt.weights, given.weights, strict=True)]
        return np.sqrt(sum((change**2).sum() for change in changes))

    free = length()
    assert free > 0.02
    assert length(clip=free / 4) == pytest.approx(free / 4, rel=1e-4)
    assert length(clip=free * 2) == pytest.approx(free, rel=1e-9)


def test_the_bar_goes_through_all_phases_and_is_shown_where_it_is_asked_for(monkeypatch):
    seen = []

    def bar(what, total, *, shown):
        seen.append([what, total, shown, 0])
        return real(what, total, shown=False)

    real = finetuning.bar
    monkeypatch.setattr(finetuning, "bar", bar)
    for progress in (False, True):
        finetune(checkpoint(), *task(), [ALL, ALL], epochs=[1, 2], progress=progress)
    assert seen == [["fine-tuning", 3, False, 0], ["fine-tuning", 3, True, 0]]


def test_a_profiler_sees_layers_membranes_and_gradients_and_changes_nothing():
    from spikeport.profiling import SpikeProfiler

    x, labels = task()
    how = {"epochs": [2, 3], "batch_size": 12}
    phases = [TransferConfig("hidden", 0, 0.02), ALL]
    profiler = SpikeProfiler()
    watched = finetune(checkpoint(), x, labels, phases, **how, profiler=profiler, profile_every=1)
    assert watched.checkpoint == finetune(checkpoint(), x, labels, phases, **how).checkpoint
    stats = profiler.layer_stats()
    assert list(stats) == ["hidden", "head"]
    assert stats["hidden"].n_neurons == 6 and 0 < stats["hidden"].firing_rates.mean() < 1
    assert np.isfinite([stats["hidden"].voltage_mean, stats["hidden"].gradient_norm_last]).all()
    assert stats["hidden"].gradient_norm_last > 0
    net = finetune(checkpoint(), x, labels, ALL, epochs=1, profiler=profiler)  # the names are free again
    assert net.history


def test_what_was_done_is_written_down_and_what_no_longer_holds_is_put_away():
    said = {"T": 4, "task": "halves", "accuracy": 0.5, "certificate": {"level": "exact"}}
    given = checkpoint(said)
    phases = [TransferConfig("hidden", 0, 0.02), TransferConfig(-1, 0.01, 0.02)]
    first = finetune(given, *task(), phases, epochs=1, seed=7).checkpoint
    assert given.metadata == said
    records = first.metadata.pop("fine_tuning")
    assert first.metadata == {
        "T": 4,
        "task": "halves",
        "before_fine_tuning": {"accuracy": 0.5, "certificate": {"level": "exact"}},
    }
    assert [record["frozen"] for record in records] == [["hidden"], []]
    assert [record["rates"] for record in records] == [{"head": 0.02}, {"hidden": 0.01, "head": 0.02}]
    assert {(record["seed"], record["T"], record["samples"], record["loss"]) for record in records} == {
        (7, 4, 24, "drive")
    }
    first.metadata["fine_tuning"] = records
    again = finetune(first, *task(), ALL, epochs=1, T=5).checkpoint
    assert len(again.metadata["fine_tuning"]) == 3 and again.metadata["T"] == 5
    again.validate()


def test_what_is_written_down_is_the_same_in_every_process_and_can_be_saved():
    """Numbers of NumPy, functions and objects among the settings; samples that must not be written to."""
    from spikeport.interop.torch import Arctan

    x, labels = task()
    x.setflags(write=False)

    def descent(groups):
        return torch.optim.SGD(groups)

    numbers = {"clip": np.float32(0.5), "batch_size": np.int64(8), "seed": np.uint8(3), "logit_scale": np.float32(2)}
    how = {"epochs": 1, "validation": (x, labels), "patience": np.int64(1)} | numbers
    learnt = finetune(checkpoint(), x, labels, ALL, optimiser=descent, surrogate=Arctan(3.0), **how).checkpoint
    record = learnt.metadata["fine_tuning"][0]
    assert (record["optimiser"], record["surrogate"], record["seed"]) == ("descent", "Arctan(alpha=3.0)", 3)
    learnt.validate()


def test_a_checkpoint_of_labels_alone_keeps_them():
    given = checkpoint(neurons=None)
    learnt = finetune(given, *task(), ALL, epochs=1).checkpoint
    assert learnt.neurons == [None, None] and learnt.neuron_types == ["LIF", "LIF"]


@pytest.mark.parametrize(
    ("metadata", "given", "T", "encoding", "scale"),
    [
        ({"T": 4}, {}, 4, "current", 1.0),
        ({"timesteps": 25}, {}, 25, "current", 1.0),
        ({"T": 4, "encoding": "pulse"}, {}, 4, "pulse", 1.0),
        ({"T": 4, "encoding": "pulse"}, {"T": 8, "encoding": "current"}, 8, "current", 1.0),
        ({"T": 4, "scales": [1.0, 12.5]}, {}, 4, "current", 12.5),
        ({"T": 4, "scales": [1.0, [2.0, 3.0]]}, {}, 4, "current", 1.0),
        ({"T": 4, "scales": [1.0, 12.5]}, {"logit_scale": 2}, 4, "current", 2),
        ({"T": 4, "scales": [1.0, 12.5]}, {"loss": "counts"}, 4, "current", 1.0),
    ],
)
def test_what_a_checkpoint_says_of_itself_holds_where_nothing_else_is_asked_for(metadata, given, T, encoding, scale):
    usual = {"T": None, "encoding": None, "surrogate": "arctan", "loss": "drive", "logit_scale": None}
    usual |= {"optimiser": "adam", "momentum": 0.0, "clip": None, "batch_size": 32}
    usual |= {"patience": None, "seed": 0, "device": None}
    settings = checked_settings(checkpoint().to_graph(), metadata, usual | given)
    assert (settings.T, settings.encoding, settings.logit_scale) == (T, encoding, scale)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_new_head_is_drawn_by_the_seed_in_the_units_of_the_threshold(dtype):
    weights = [np.ones((4, 4), dtype), np.ones((2, 4), dtype)]
    neuron = Neuron("LIF", threshold=np.array([0.25, 0.75]), v_init=0.5)
    given = SNNCheckpoint(
        weights,
        ["hidden", "head"],
        [(4, 4), (4, 2)],
        ["LIF", "LIF"],
        {"T": 4, "scales": [2.0, 12.5], "accuracy": 0.9},
        ["hidden", "head"],
        biases=[None, np.ones(2, dtype)],
        neurons=[None, neuron],
    )
    new = replace_head(given, 3, seed=5)
    assert new.weights[1].dtype == dtype and new.weights[1].shape == (3, 4)
    drawn = np.random.Generator(np.random.PCG64(5)).random((3, 4))
    np.testing.assert_allclose(new.weights[1], 0.25 * (2 * drawn - 1), rtol=1e-6)  # θ/√n = 0.5/2
    assert new.biases[1].tolist() == [0, 0, 0] and new.neurons == [None, Neuron("LIF", threshold=0.5, v_init=0.5)]
    assert new.layer_sizes[1] == (4, 3) and new.frozen_layers == ["hidden"] and new.metadata["scales"] == [2.0, 1.0]
    assert new.metadata["before_fine_tuning"] == {"accuracy": 0.9} and "accuracy" not in new.metadata
    assert new.weights[0].tobytes() == weights[0].tobytes() and new.weights[0] is not given.weights[0]
    assert given.weights[1].shape == (2, 4) and given.metadata["scales"] == [2.0, 12.5]
    new.validate()


def test_a_graph_gets_a_new_head_too():
    conv = LayerNode.of("conv", Conv(np.ones((2, 1, 3, 3)), padding=1), Neuron("IF"), ("input",))
    head = LayerNode.of("head", Linear(np.ones((2, 32))), Neuron("identity"), ("conv",))
    given = SNNCheckpoint.from_graph(SNNGraph([conv, head], (1, 4, 4)))
    new = replace_head(given, 5)
    assert new.to_graph().output_shape == (5,) and new.weights[1].shape == (5, 32) and new.biases == [None, None]
    assert np.abs(new.weights[1]).max() <= 1 / np.sqrt(32)
    assert new.structure.nodes[1].inputs == ("conv",)
