"""Every pathology in a real training: provoked, found at the right layer, gone after the fix.

A pathology is there by construction, and so is its absence: nothing here hangs on how chance trains a network.
``pytest -s`` prints the accuracy before and after each fix: the table of docs/guide/profiling.md.
"""


def found(report):
    return {(p.category, p.layer) for p in report.pathologies}


def layers_with(report, category):
    return [p.layer for p in report.pathologies if p.category == category]


def tell(category, before, after):
    print(f"\n{category:20} {before:6.1%} -> {after:6.1%}")


def set_bias(layer, value, rows=slice(None)):
    layer.bias.data[rows] = value


def threshold(network, layer, value):
    getattr(network.body, layer).threshold = value
    return network


def test_healthy_trainings_raise_nothing(healthy):
    for seed, (accuracy, _) in enumerate(healthy):
        tell(f"healthy, seed {seed}", accuracy, accuracy)
    assert sum(report.pathologies == [] and accuracy > 0.8 for accuracy, report in healthy) >= 4


def test_half_of_a_layer_is_dead_from_a_bias(spiking, healthy):
    sick = spiking.network()
    set_bias(sick.body.fc2, -50.0, slice(0, 40))  # no weights that this training can reach lift them over it
    accuracy_before, before = spiking.train(sick)
    accuracy, after = healthy[0]
    tell("dead_neurons", accuracy_before, accuracy)
    assert ("dead_neurons", "body.lif2") in found(before) and before.has_critical
    assert before.layer_stats["body.lif2"].dead_neuron_count >= 40 > after.layer_stats["body.lif2"].dead_neuron_count


def test_a_network_is_silent_under_a_high_threshold(spiking, healthy):
    sick = spiking.network(threshold=50.0)
    sick.body.fc1.weight.data.abs_()  # so membranes rise, to less than 35 whatever two epochs do to the weights
    accuracy_before, before = spiking.train(sick, epochs=2)
    accuracy, after = healthy[0]
    tell("silent_network", accuracy_before, accuracy)
    assert ("silent_network", "network") in found(before) and before.has_critical
    assert not layers_with(after, "silent_network") and accuracy > accuracy_before + 0.5
    silent = next(p for p in before.pathologies if p.category == "silent_network")
    assert "the threshold is" in silent.suggestion and "Lower the thresholds: body.lif1 to " in silent.suggestion


def test_an_input_or_a_learning_rate_that_is_far_too_large_is_named_first(spiking, healthy):
    accuracy, after = healthy[0]
    for cause, given in {"input_scale": {"scale": 2550.0}, "learning_rate": {"lr": 50.0}}.items():
        accuracy_before, before = spiking.train(
            spiking.network(), epochs=1, **given
        )  # Adam moves a weight by lr a step
        tell(cause, accuracy_before, accuracy)
        first = before.pathologies[0]
        assert (first.category, first.layer) == (cause, "body.lif1") and first.suggestion in before.start_here
        assert layers_with(before, "exploding_membrane") == ["body.lif1"]
        assert not layers_with(after, cause)
    assert not layers_with(after, "exploding_membrane")


def test_a_layer_saturates_under_a_bias_and_a_higher_threshold_heals_it(spiking):
    sick, well = spiking.network(), spiking.network()
    set_bias(sick.body.fc1, 5.0)
    set_bias(well.body.fc1, 5.0)
    accuracy_before, before = spiking.train(sick, lr=1e-4, epochs=2)  # which moves a current by less than 0.3
    accuracy, after = spiking.train(threshold(well, "lif1", 10.0), epochs=4)
    tell("saturated_neurons", accuracy_before, accuracy)
    assert layers_with(before, "saturated_neurons") == ["body.lif1"]
    assert "body.lif1" not in layers_with(after, "saturated_neurons")


def test_membranes_collapse_where_a_current_is_clipped_away(spiking):
    sick, well = spiking.network(), spiking.network()
    for network, bias in ((sick, -5.0), (well, 0.0)):  # all weights of a row that are positive add up to about 2
        set_bias(network.body.fc2, bias)
        network.body.fc2 = spiking.nn.Sequential(network.body.fc2, spiking.nn.ReLU())
    accuracy_before, before = spiking.train(sick, epochs=2)
    accuracy, after = spiking.train(well, epochs=4)
    tell("voltage_collapse", accuracy_before, accuracy)
    assert layers_with(before, "voltage_collapse") == ["body.lif2"]
    assert not layers_with(after, "voltage_collapse") and accuracy > accuracy_before + 0.4


def test_a_loss_that_grows_ten_thousandfold_explodes_the_gradient(spiking, healthy):
    accuracy_before, before = spiking.train(spiking.network(), weight=lambda step: 1e4 if step >= 100 else 1)
    accuracy, after = healthy[0]
    tell("gradient_explosion", accuracy_before, accuracy)
    explosions = [p for p in before.pathologies if p.category == "gradient_explosion"]
    assert {p.layer for p in explosions} == {"body.lif1", "body.lif2"}
    assert {p.first_step for p in explosions} == {100}
    assert all(p.value > p.threshold == 100 for p in explosions)
    assert not layers_with(after, "gradient_explosion")


def test_gradients_vanish_behind_a_surrogate_like_a_needle(spiking):
    # Only a membrane within a millionth of the threshold passes a gradient; a batch shows 32,768 membranes, so there is
    # hardly ever one. With a slope of 0.5 each layer passes about all that it receives.
    accuracy_before, before = spiking.train(spiking.network(depth=5, slope=1e6), epochs=2)
    accuracy, after = spiking.train(spiking.network(depth=5, slope=0.5), epochs=8)
    tell("gradient_vanishing", accuracy_before, accuracy)
    vanished = layers_with(before, "gradient_vanishing")
    assert vanished == ["body.lif4"], "lif5 is nearest the loss; its surrogate loses lif4's gradient"
    assert not layers_with(after, "gradient_vanishing")


def test_gradients_grow_with_a_loss_that_gains_ten_percent_at_every_step(spiking, healthy):
    accuracy_before, before = spiking.train(spiking.network(), epochs=4, weight=lambda step: 1.1**step)
    accuracy, after = healthy[0]
    tell("gradient_growth", accuracy_before, accuracy)
    assert layers_with(before, "gradient_growth") == ["body.lif1", "body.lif2"]
    assert not layers_with(before, "gradient_explosion") and not layers_with(after, "gradient_growth")


def test_a_square_root_at_zero_makes_nan(spiking):
    def penalty(offset):
        return lambda rates: 0.01 * sum(spiking.torch.sqrt(rate + offset).mean() for rate in rates.values())

    sick, well = spiking.network(), spiking.network()
    for network in (sick, well):
        set_bias(network.body.fc1, -50.0, 0)  # one neuron of each layer has a rate of 0
        set_bias(network.body.fc2, -50.0, 0)
    accuracy_before, before = spiking.train(sick, penalty=penalty(0.0), epochs=1)
    accuracy, after = spiking.train(well, penalty=penalty(1e-3), epochs=4)
    tell("non_finite", accuracy_before, accuracy)
    assert layers_with(before, "non_finite") == ["body.lif1", "body.lif2"] and before.has_critical
    assert "NaN" in next(p for p in before.pathologies if p.category == "non_finite").message
    assert not layers_with(after, "non_finite") and accuracy > accuracy_before + 0.4


def test_a_surrogate_is_inactive_where_it_is_narrow(spiking, healthy):
    sick = spiking.network()
    sick.body.lif2.slope = 3e4  # below a hundredth of its peak from 0.0003 beside the threshold on
    accuracy_before, before = spiking.train(sick)
    accuracy, after = healthy[0]
    tell("surrogate_inactive", accuracy_before, accuracy)
    assert layers_with(before, "surrogate_inactive") == ["body.lif2"]
    assert not layers_with(after, "surrogate_inactive")
    # The layer before it learns through this surrogate: what heals is the gradient that reaches it.
    behind, healed = (report.layer_stats["body.lif1"].gradient_norm_mean for report in (before, after))
    assert healed > 5 * behind


def test_a_rate_drifts_under_a_penalty_and_a_target_holds_it(spiking):
    sick, well = spiking.network(), spiking.network()
    set_bias(sick.body.fc1, 1.3)
    set_bias(well.body.fc1, 0.5)
    # Plain gradient descent: the biases fall by 0.01 at every step, to -0.5. The loss itself moves them far less.
    descent = {"lr": 0.01, "optimiser": spiking.torch.optim.SGD}
    accuracy_before, before = spiking.train(sick, penalty=lambda rates: sick.body.fc1.bias.sum(), **descent)
    accuracy, after = spiking.train(well, penalty=lambda rates: (well.body.fc1.bias - 0.5).square().sum(), epochs=4)
    tell("rate_drift", accuracy_before, accuracy)
    assert ("rate_drift", "body.lif1") in found(before)
    assert "body.lif1" not in layers_with(after, "rate_drift")


def test_a_batch_spikes_together_where_the_input_is_normalised_twice(spiking):
    sick, well = spiking.network(), spiking.network()
    for network in (sick, well):
        set_bias(network.body.fc1, 0.5)
    accuracy_before, before = spiking.train(sick, scale=1 / 255, epochs=2)  # all samples differ by less than 0.03
    accuracy, after = spiking.train(well, scale=1.0, epochs=4)
    tell("batch_synchronous", accuracy_before, accuracy)
    assert ("batch_synchronous", "body.lif1") in found(before)
    assert not layers_with(after, "batch_synchronous") and accuracy > accuracy_before + 0.4
