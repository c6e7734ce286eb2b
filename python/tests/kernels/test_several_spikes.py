"""Neurons that send several spikes in a step: their laws."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spikeport.errors import GraphError, KernelError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.kernels import if_constant, if_multistep
from spikeport.neuron import Neuron
from spikeport.transfer import SNNCheckpoint, load_checkpoint, save_checkpoint

sixteenths = st.integers(-48, 96).map(lambda k: k / 16)
thresholds = st.sampled_from([0.25, 0.5, 1.0, 1.25])
most = st.sampled_from([1, 2, 3, 7, 127])
tables = st.tuples(st.integers(1, 20), st.integers(1, 4)).flatmap(
    lambda shape: hnp.arrays(np.float64, shape, elements=sixteenths)
)


@given(tables, thresholds, most)
def test_soft_reset_loses_nothing(currents, threshold, max_spikes):
    """Σ I = θ·count + v_end - v_start, exactly."""
    trace = if_multistep(currents, threshold=threshold, max_spikes=max_spikes)
    assert np.array_equal(currents.sum(axis=0), threshold * trace.counts + trace.membrane - threshold / 2)
    assert trace.spikes.min() >= 0 and trace.spikes.max() <= max_spikes


@given(hnp.arrays(np.float64, 5, elements=sixteenths), st.integers(1, 24), thresholds, most)
def test_constant_drive_is_qcfs_of_more_levels(current, T, threshold, max_spikes):
    trace = if_constant(current, timesteps=T, threshold=threshold, max_spikes=max_spikes)
    levels = T * max_spikes
    half = Fraction(1, 2)
    expected = [min(max(int((Fraction(I) * T / Fraction(threshold) + half) // 1), 0), levels) for I in current]
    assert trace.counts.tolist() == expected


@given(tables, thresholds)
def test_a_step_of_several_spikes_leaves_what_single_spikes_in_steps_of_rest_leave(currents, threshold):
    """Seven spikes at once are seven steps of one spike, as long as no more than seven are due."""
    at_once = if_multistep(np.clip(currents, 0, 7 * threshold / 2), threshold=threshold, max_spikes=7)
    drawn_out = np.zeros((7 * len(currents), currents.shape[1]))
    drawn_out[::7] = np.clip(currents, 0, 7 * threshold / 2)
    one_by_one = if_multistep(drawn_out, threshold=threshold)
    assert np.array_equal(at_once.counts, one_by_one.counts)
    assert np.array_equal(at_once.membrane, one_by_one.membrane)


@pytest.mark.parametrize("wrong", [0, -1, 128, 2.0, True, "3", None])
def test_what_is_no_number_of_spikes_is_refused(wrong):
    with pytest.raises(KernelError, match="1 to 127") as error:
        if_multistep(np.ones((2, 1)), max_spikes=wrong)
    assert error.value.code == "max_spikes"
    with pytest.raises(GraphError, match="1 to 127") as refused:
        Neuron("IF", max_spikes=wrong)
    assert refused.value.code == "max_spikes"


@pytest.mark.parametrize("given_", [{"kind": "LIF"}, {"kind": "ST-BIF"}, {"kind": "identity"}, {"v_reset": 0.0}])
def test_neurons_that_can_send_but_one_are_refused_more(given_):
    with pytest.raises(GraphError, match="only IF with soft reset") as error:
        Neuron(**({"kind": "IF"} | given_), max_spikes=2)
    assert error.value.code == "max_spikes"


def _chain(max_spikes):
    hidden = LayerNode.of(
        "hidden", LayerNode("h", 3, 2, np.ones((2, 3)), "IF").operation, Neuron("IF", max_spikes=max_spikes)
    )
    return SNNGraph([hidden, LayerNode("out", 2, 1, np.ones((1, 2)), "IF")])


def test_a_chain_is_written_in_version_2_only_where_a_neuron_sends_more_than_one(tmp_path):
    for max_spikes, version in ((1, 1), (3, 2)):
        graph = _chain(max_spikes)
        save_checkpoint(SNNCheckpoint.from_graph(graph), tmp_path / f"chain{version}")
        assert f'"version": {version}' in (tmp_path / f"chain{version}.json").read_text()
        assert load_checkpoint(tmp_path / f"chain{version}").to_graph() == graph


def test_neurons_assigned_to_a_loaded_chain_are_saved_with_all_their_spikes(tmp_path):
    checkpoint = SNNCheckpoint.from_graph(_chain(1))
    checkpoint.neurons[0] = Neuron("IF", max_spikes=5)
    save_checkpoint(checkpoint, tmp_path / "changed")
    again = load_checkpoint(tmp_path / "changed")
    assert again.to_graph()["hidden"].neuron.max_spikes == 5 and again == checkpoint
    again.neurons[0] = Neuron("IF")
    save_checkpoint(again, tmp_path / "back")
    assert '"version": 1' in (tmp_path / "back.json").read_text()
    assert load_checkpoint(tmp_path / "back") == again == SNNCheckpoint.from_graph(_chain(1))
