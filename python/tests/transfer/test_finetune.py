"""Fine-tuning: who learns, what stays to the bit, and that the network which learnt is the one that runs."""

from dataclasses import replace

import numpy as np
import pytest

from spikeport import LayerNode, Neuron, SNNGraph
from spikeport.operations import Add, AvgPool, Conv, Linear
from spikeport.transfer import (
    SNNCheckpoint,
    TransferConfig,
    finetune,
    finetune_step,
    load_checkpoint,
    unfreeze_layers,
)

torch = pytest.importorskip("torch")

ALL = TransferConfig(-1, 0.02, 0.02)
HEAD = TransferConfig(1, 0.0, 0.02)


def task(n=24, dtype=np.float64, seed=0):
    """Samples of 6 values, the first or the second half large: two classes that nobody could mix up."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    x = rng.uniform(0, 0.25, (n, 6))
    x[labels == 0, :3] += 0.75
    x[labels == 1, 3:] += 0.75
    return x.astype(dtype), labels


def chain(neuron=None, dtype=np.float64, **fields):
    """A network 6 -> 8 -> 8 -> 2 with biases."""
    rng = np.random.default_rng(1)
    sizes = [(6, 8), (8, 8), (8, 2)]
    return SNNCheckpoint(
        [rng.uniform(-0.4, 0.6, (n_out, n_in)).astype(dtype) for n_in, n_out in sizes],
        ["first", "second", "head"],
        sizes,
        None if neuron is None else [neuron.kind] * 3,
        **{"metadata": {"T": 6}} | fields,
        biases=[np.full(n_out, 0.05, dtype) for _, n_out in sizes],
        neurons=None if neuron is None else [neuron] * 3,
    )


def bits(checkpoint, index):
    return checkpoint.weights[index].tobytes() + checkpoint.biases[index].tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_frozen_layers_keep_their_bits_and_the_given_checkpoint_all_of_them(dtype):
    given = chain(dtype=dtype)
    before = replace(given)
    result = finetune(given, *task(), HEAD, epochs=2).checkpoint
    assert given == before
    assert [bits(result, k) == bits(given, k) for k in range(3)] == [True, True, False]
    assert result.frozen_layers == ["first", "second"]
    assert all(weight.dtype == bias.dtype == dtype for weight, bias in zip(result.weights, result.biases, strict=True))
    assert result.neurons == given.neurons and result.neuron_types == given.neuron_types


def test_a_rate_of_0_leaves_a_layer_as_it_is_and_does_not_call_it_frozen():
    given = chain()
    result = finetune(given, *task(), TransferConfig(-1, 0.0, 0.02, head="second"), epochs=1).checkpoint
    assert [bits(result, k) == bits(given, k) for k in range(3)] == [True, False, False]
    assert result.frozen_layers == []


def test_frozen_layers_have_no_gradient(monkeypatch):
    from spikeport.transfer.training import learning

    seen = {}
    groups = []

    def optimiser(given):
        groups.extend((group["name"], group["lr"]) for group in given)
        return torch.optim.SGD(given)

    class Kept(learning.Learner):
        def learn(self, *arguments):
            outcome = super().learn(*arguments)
            seen.update({name: [p.grad for p in self.net.node(name).parameters()] for name in self.net.layer_names})
            return outcome

    monkeypatch.setattr(learning, "Learner", Kept)
    finetune(chain(), *task(), TransferConfig("first", 0.5, 0.25), epochs=1, optimiser=optimiser)
    assert groups == [("second", 0.5), ("head", 0.25)]
    assert seen["first"] == [None, None] and all(g is not None for n in ("second", "head") for g in seen[n])


def test_a_step_is_that_of_finetune_step():
    """Gradient descent over all samples at once: the same steps, by the gradients that torch gives."""
    from spikeport.interop.torch import to_torch

    rates, momentum = [0.0, 0.25, 0.5], 0.5
    given = chain()
    x, labels = task()
    config = TransferConfig("first", 0.25, 0.5)
    how = {"optimiser": "sgd", "momentum": momentum, "batch_size": len(x), "T": 6}
    result = finetune(given, x, labels, config, epochs=3, **how).checkpoint
    step, velocities, moved = replace(given, frozen_layers=["first"]), None, [0.0] * 3
    for _ in range(3):
        net = to_torch(step.to_graph(), T=6)
        torch.nn.functional.cross_entropy(net(torch.tensor(x)), torch.tensor(labels)).backward()
        gradients = [net.node(name).weight.grad.numpy() for name in step.layer_names]
        biases = [net.node(name).bias.grad.numpy() for name in step.layer_names]
        moved = [momentum * u + b for u, b in zip(moved, biases, strict=True)]
        step, velocities = finetune_step(step, gradients, rates, momentum=momentum, velocities=velocities)
        step.biases = [b - rate * u for b, rate, u in zip(step.biases, rates, moved, strict=True)]
    for learnt, stepped in zip(result.weights + result.biases, step.weights + step.biases, strict=True):
        np.testing.assert_allclose(learnt, stepped, rtol=1e-9, atol=1e-12)


def test_phases_thaw_what_the_one_before_froze_and_a_saved_one_is_gone_on_from(tmp_path):
    given = chain(frozen_layers=["first"])
    configs, how = [HEAD, TransferConfig(-1, 0.01, 0.01)], {"seed": 5, "validation": 0.25}
    whole = finetune(given, *task(), configs, epochs=[2, 3], save_as=tmp_path / "net", **how)
    assert [phase.phase.frozen for phase in whole.phases] == [("first", "second"), ("first",)]
    assert sorted(whole.phases[1].phase.rates) == ["head", "second"]
    for number, phase in enumerate(whole.phases, 1):
        assert phase.saved == tmp_path / f"net_phase_{number}.json"
        assert load_checkpoint(phase.saved) == phase.checkpoint
    again = unfreeze_layers(load_checkpoint(tmp_path / "net_phase_1"), ["second"])
    rest = finetune(again, *task(), configs[1], epochs=3, **how)
    assert rest.checkpoint == whole.checkpoint


def test_a_single_file_keeps_its_suffix(tmp_path):
    result = finetune(chain(), *task(), ALL, epochs=1, save_as=tmp_path / "net.v2.safetensors")
    assert result.phases[0].saved == tmp_path / "net.v2_phase_1.safetensors"
    assert load_checkpoint(result.phases[0].saved) == result.checkpoint


def test_the_seed_decides():
    first, again, other = (finetune(chain(), *task(), ALL, epochs=2, batch_size=4, seed=s) for s in (3, 3, 4))
    assert first.checkpoint == again.checkpoint and first.history == again.history
    assert bits(first.checkpoint, 0) != bits(other.checkpoint, 0)


def test_poisson_spikes_are_drawn_anew_for_each_batch_and_by_the_seed():
    x, labels = task()
    how = {"encoding": "poisson", "optimiser": "sgd", "batch_size": len(x), "epochs": 1}
    first, again, other = (finetune(chain(), x, labels, ALL, **how, seed=s).checkpoint for s in (1, 1, 2))
    assert first == again and bits(first, 2) != bits(other, 2)
    two = finetune(chain(), x, labels, [TransferConfig(-1, 0, 1e-30)], **(how | {"epochs": 2}))
    assert two.history[0].loss != two.history[1].loss


NEURONS = {
    "IF": Neuron("IF", threshold=0.75),
    "IF hard": Neuron("IF", threshold=0.75, v_reset=-0.25),
    "LIF": Neuron("LIF", threshold=0.75, beta=0.875),
    "LIF hard": Neuron("LIF", threshold=0.75, beta=0.875, v_reset=0.0, v_init=0.5),
    "several": Neuron("IF", threshold=0.5, max_spikes=3),
    "ST-BIF": Neuron("ST-BIF", threshold=0.5, v_init=0.5),
}


@pytest.mark.parametrize("surrogate", ["arctan", "fast_sigmoid"])
@pytest.mark.parametrize("neuron", NEURONS.values(), ids=NEURONS)
def test_every_neuron_learns_and_runs_as_it_learnt(neuron, surrogate):
    x, labels = task()
    encoding = "pulse" if neuron.kind == "ST-BIF" else "current"
    how = {"epochs": 30, "validation": (x, labels), "encoding": encoding, "surrogate": surrogate, "T": 8}
    result = finetune(chain(neuron), x, labels, ALL, **how)
    before, kept = result.history[0], result.phases[0].outcome.result
    assert kept.validation_loss < 0.7 * before.validation_loss
    run = result.checkpoint.to_graph().run(x, T=8, encoding=encoding)
    assert np.mean(run.drive.argmax(axis=1) == labels) == kept.validation_accuracy == 1.0


def test_the_loss_is_that_of_the_network_that_runs():
    """The softmax of what `graph.run` counts, or of what its output neurons receive per step, sample by sample."""
    x, labels = task()
    for loss, scale in (("drive", 1.5), ("counts", 0.5)):
        how = {"loss": loss, "logit_scale": scale, "validation": (x, labels), "T": 6, "epochs": 1}
        result = finetune(chain(NEURONS["LIF"]), x, labels, ALL, **how)
        run = result.checkpoint.to_graph().run(x, T=6)
        logits = scale * (run.drive / 6 if loss == "drive" else run.counts[-1])
        expected = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(x)), labels]
        assert result.phases[0].outcome.result.validation_loss == pytest.approx(expected.mean(), rel=1e-9)


def images(n=16):
    rng = np.random.default_rng(3)
    labels = np.arange(n) % 2
    x = rng.uniform(0, 0.25, (n, 1, 6, 6))
    x[labels == 0, :, :3] += 0.75
    x[labels == 1, :, 3:] += 0.75
    return x, labels


def convolutional(dtype=np.float64):
    """Two convolutions with a skip around the second, an average pool, a linear head."""
    rng = np.random.default_rng(2)
    n, head = Neuron("LIF", threshold=np.linspace(0.5, 1.0, 3), beta=0.875), rng.uniform(-0.2, 0.2, (2, 27))
    layers = [
        LayerNode.of("conv1", Conv(rng.uniform(-0.3, 0.5, (3, 1, 3, 3)).astype(dtype), padding=1), n, ("input",)),
        LayerNode.of("conv2", Conv(rng.uniform(-0.2, 0.3, (3, 3, 3, 3)).astype(dtype), padding=1), n, ("conv1",)),
        LayerNode.of("sum", Add(), Neuron("IF", threshold=1.0), ("conv1", "conv2")),
        LayerNode.of("pool", AvgPool(2), inputs=("sum",)),
        LayerNode.of("head", Linear(head.astype(dtype), np.zeros(2, dtype)), inputs=("pool",)),
    ]
    return SNNCheckpoint.from_graph(SNNGraph(layers, (1, 6, 6)), {"T": 6})


def test_a_graph_with_convolutions_and_a_skip_learns_and_keeps_what_is_frozen():
    given = convolutional(np.float32)
    x, labels = images()
    result = finetune(given, x, labels, TransferConfig("conv1", 0.02, 0.02), epochs=20, validation=(x, labels))
    learnt = result.checkpoint
    assert learnt.weights[0].tobytes() == given.weights[0].tobytes()
    assert learnt.weights[1].dtype == np.float32 and not np.array_equal(learnt.weights[1], given.weights[1])
    assert learnt.structure == given.structure and learnt.neurons == given.neurons
    first, kept = result.history[0], result.phases[0].outcome.result
    assert kept.validation_loss < 0.7 * first.validation_loss and kept.validation_accuracy == 1.0
    answers = learnt.to_graph().run(x, T=6).drive.argmax(axis=1)
    assert np.array_equal(answers, labels)


def test_a_name_within_another_name_freezes_its_own_layer():
    rng = np.random.default_rng(0)
    sizes = [(6, 6), (6, 6), (6, 2)]
    weights = [rng.uniform(-0.4, 0.6, (n_out, n_in)) for n_in, n_out in sizes]
    given = SNNCheckpoint(weights, ["a.b", "a", "a.b.c"], sizes, metadata={"T": 4})
    result = finetune(given, *task(), TransferConfig("a.b", 0.1, 0.1), epochs=1).checkpoint
    same = [new.tobytes() == old.tobytes() for new, old in zip(result.weights, given.weights, strict=True)]
    assert same == [True, False, False]


def test_what_learnt_spikes_in_torch_as_in_the_graph_where_nothing_is_rounded():
    from spikeport.interop.torch import to_torch

    x, labels = task()
    learnt = finetune(chain(NEURONS["LIF hard"]), x, labels, ALL, epochs=3).checkpoint
    learnt.weights = [np.round(weight * 64) / 64 for weight in learnt.weights]
    learnt.biases = [np.round(bias * 64) / 64 for bias in learnt.biases]
    x, graph = np.round(x * 16) / 16, learnt.to_graph()
    run = to_torch(graph, T=6).run(torch.tensor(x))
    expected = graph.run(x, T=6, record=True, backend="reference")
    assert any(spikes.any() for spikes in expected.spikes)
    for layer, spikes in zip(graph, expected.spikes, strict=True):
        assert np.array_equal(run.spikes[layer.name].detach().numpy(), spikes)
    assert np.array_equal(run.drive.detach().numpy(), expected.drive)
