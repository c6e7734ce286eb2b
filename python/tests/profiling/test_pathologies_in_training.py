"""Every pathology in a real training: provoked, found at the right layer, gone after the fix.

``pytest -s`` prints the accuracy before and after each fix: the table of docs/guide/profiling.md.
"""

import pytest


def found(report):
    return {(p.category, p.layer) for p in report.pathologies}


def tell(category, before, after):
    print(f"\n{category:20} {before:6.1%} -> {after:6.1%}")


def set_bias(layer, value, rows=slice(None)):
    layer.bias.data[rows] = value


def threshold(network, layer, value):
    getattr(network.body, layer).threshold = value
    return network


@pytest.mark.parametrize("seed", range(5))
def test_a_healthy_training_raises_nothing(spiking, seed):
    accuracy, report = spiking.train(spiking.network(seed=seed), seed=seed)
    tell(f"healthy, seed {seed}", accuracy, accuracy)
    assert accuracy > 0.9
    assert report.pathologies == []


def test_half_of_a_layer_is_dead_from_a_bias(spiking):
    sick, well = spiking.network(), spiking.network()
    set_bias(sick.body.fc2, -50.0, slice(0, 40))  # no weights that this training can reach lift them over it
    accuracy_before, before = spiking.train(sick)
    accuracy, after = spiking.train(well)
    tell("dead_neurons", accuracy_before, accuracy)
    assert ("dead_neurons", "body.lif2") in found(before) and before.has_critical
    assert ("dead_neurons", "body.lif1") not in found(before)
    assert before.layer_stats["body.lif2"].dead_neuron_count >= 40
    assert not found(after) and accuracy > 0.9


def test_a_network_is_silent_under_a_high_threshold(spiking):
    accuracy_before, before = spiking.train(spiking.network(threshold=50.0), epochs=2)
    accuracy, after = spiking.train(spiking.network(threshold=1.0))
    tell("silent_network", accuracy_before, accuracy)
    assert ("silent_network", "network") in found(before) and before.has_critical
    assert not found(after) and accuracy > accuracy_before + 0.5
    silent = next(p for p in before.pathologies if p.category == "silent_network")
    assert "try its weights times" in silent.suggestion


def test_a_layer_saturates_under_a_bias_and_a_higher_threshold_heals_it(spiking):
    sick, well = spiking.network(), spiking.network()
    set_bias(sick.body.fc1, 5.0)
    set_bias(well.body.fc1, 5.0)
    accuracy_before, before = spiking.train(sick)
    accuracy, after = spiking.train(threshold(well, "lif1", 10.0))
    tell("saturated_neurons", accuracy_before, accuracy)
    assert ("saturated_neurons", "body.lif1") in found(before)
    assert ("saturated_neurons", "body.lif2") not in found(before)
    assert "saturated_neurons" not in {category for category, _ in found(after)}
    assert after.layer_stats["body.lif1"].saturated_neuron_count == 0


def test_membranes_collapse_where_a_current_is_clipped_away(spiking):
    sick, well = spiking.network(), spiking.network()
    for network, bias in ((sick, -5.0), (well, 0.0)):
        set_bias(network.body.fc2, bias)
        network.body.fc2 = spiking.nn.Sequential(network.body.fc2, spiking.nn.ReLU())
    accuracy_before, before = spiking.train(sick, epochs=3)
    accuracy, after = spiking.train(well)
    tell("voltage_collapse", accuracy_before, accuracy)
    assert ("voltage_collapse", "body.lif2") in found(before)
    assert ("voltage_collapse", "body.lif1") not in found(before)
    assert not found(after) and accuracy > accuracy_before + 0.5


def test_a_loss_that_grows_ten_thousandfold_explodes_the_gradient(spiking):
    accuracy_before, before = spiking.train(spiking.network(slope=1.0), blow=(100, 1e4))
    accuracy, after = spiking.train(spiking.network(slope=1.0))
    tell("gradient_explosion", accuracy_before, accuracy)
    explosions = [p for p in before.pathologies if p.category == "gradient_explosion"]
    assert {p.layer for p in explosions} == {"body.lif1", "body.lif2"}
    assert {p.first_step for p in explosions} == {100}
    assert all(p.value > p.threshold == 100 for p in explosions)
    assert "gradient_explosion" not in {category for category, _ in found(after)}


def test_gradients_vanish_behind_a_narrow_surrogate(spiking):
    accuracy_before, before = spiking.train(spiking.network(depth=5, slope=100.0), epochs=3)
    accuracy, after = spiking.train(spiking.network(depth=5, slope=2.0))
    tell("gradient_vanishing", accuracy_before, accuracy)
    vanished = [p for p in before.pathologies if p.category == "gradient_vanishing"]
    assert [p.layer for p in vanished] == ["body.lif4"], "lif5 is nearest the loss; its surrogate loses lif4's gradient"
    assert not found(after) and accuracy > accuracy_before + 0.5


def test_gradients_grow_under_a_flat_surrogate_without_clipping(spiking):
    deep = {"depth": 5, "slope": 0.5}
    accuracy_before, before = spiking.train(spiking.network(**deep), lr=0.1, optimiser=spiking.torch.optim.SGD)
    accuracy, after = spiking.train(spiking.network(**deep), lr=2e-3, clip=1.0)
    tell("gradient_growth", accuracy_before, accuracy)
    assert ("gradient_growth", "body.lif1") in found(before)
    assert ("gradient_growth", "body.lif5") not in found(before)
    assert not found(after) and accuracy > accuracy_before + 0.2


def test_a_square_root_at_zero_makes_nan(spiking):
    def penalty(offset):
        return lambda rates: 0.01 * sum(spiking.torch.sqrt(rate + offset).mean() for rate in rates.values())

    accuracy_before, before = spiking.train(spiking.network(), penalty=penalty(0.0), epochs=3)
    accuracy, after = spiking.train(spiking.network(), penalty=penalty(1e-3))
    tell("non_finite", accuracy_before, accuracy)
    assert {("non_finite", "body.lif1"), ("non_finite", "body.lif2")} <= found(before) and before.has_critical
    assert "NaN" in next(p for p in before.pathologies if p.category == "non_finite").message
    assert "non_finite" not in {category for category, _ in found(after)}
    assert accuracy > accuracy_before + 0.5


def test_a_surrogate_is_inactive_where_it_is_narrow(spiking):
    sick, well = spiking.network(), spiking.network()
    sick.body.lif2.slope = 300.0
    accuracy_before, before = spiking.train(sick)
    accuracy, after = spiking.train(well)
    tell("surrogate_inactive", accuracy_before, accuracy)
    assert ("surrogate_inactive", "body.lif2") in found(before)
    assert ("surrogate_inactive", "body.lif1") not in found(before)
    assert not found(after)
    # The layer before it learns through this surrogate: what heals is the gradient that reaches it.
    behind, healed = (report.layer_stats["body.lif1"].gradient_norm_mean for report in (before, after))
    assert healed > 5 * behind


def test_a_rate_drifts_under_a_penalty_and_a_target_holds_it(spiking):
    sick, well = spiking.network(), spiking.network()
    for network in (sick, well):
        set_bias(network.body.fc1, 0.5)
    accuracy_before, before = spiking.train(sick, lr=5e-4, epochs=10, penalty=lambda rates: rates["lif1"].mean())
    accuracy, after = spiking.train(
        well, lr=1e-3, epochs=10, penalty=lambda rates: (rates["lif1"] - 0.3).square().mean()
    )
    tell("rate_drift", accuracy_before, accuracy)
    assert ("rate_drift", "body.lif1") in found(before)
    assert not found(after) and accuracy > accuracy_before


def test_a_batch_spikes_together_where_the_input_is_normalised_twice(spiking):
    sick, well = spiking.network(), spiking.network()
    for network in (sick, well):
        set_bias(network.body.fc1, 0.5)
    accuracy_before, before = spiking.train(sick, scale=1 / 255)
    accuracy, after = spiking.train(well, scale=1.0)
    tell("batch_synchronous", accuracy_before, accuracy)
    assert ("batch_synchronous", "body.lif1") in found(before)
    assert not found(after) and accuracy > accuracy_before + 0.5
