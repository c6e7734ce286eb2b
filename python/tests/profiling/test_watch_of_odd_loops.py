"""What training loops do besides training: evaluate, copy, save, fail, share modules, write in place."""

import copy
import io

import numpy as np
import pytest
from profiling.odd_models import Backwards, LoopInside, Plain, Shared, Wrapped, WritesInPlace

from spikeport.profiling import ProfilingError, SpikeProfiler


def hooks(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


@pytest.mark.parametrize("kind,steps", [(Plain, 6), (LoopInside, 5)])
def test_a_forward_pass_without_backward_and_of_another_batch_size(torch, kind, steps):
    profiler, model = SpikeProfiler(), kind()
    with profiler.watch(model, every=1):
        for _ in range(3):
            model(torch.rand(4, 8)).sum().backward()
            model(torch.rand(9, 8)).argmax(1)  # an accuracy, and no_grad forgotten
    for stats in profiler.report().layer_stats.values():
        assert stats.n_observations == 3 * steps * (4 + 9) and stats.has_gradients


def test_layers_stand_in_the_order_of_their_calls(torch):
    profiler, model = SpikeProfiler(), Backwards()
    with profiler.watch(model, every=1) as watch:
        model(torch.rand(4, 8)).sum().backward()
    assert watch.layers == ["lif2", "lif1"] and list(profiler.report().layer_stats) == ["lif1", "lif2"]


def test_one_module_that_works_as_two_layers_is_two_layers(torch):
    profiler, model = SpikeProfiler(), Shared()
    with profiler.watch(model, every=1):
        for _ in range(2):
            model(torch.rand(4, 8)).sum().backward()
    found = profiler.report().layer_stats
    assert {name: stats.shape for name, stats in found.items()} == {"lif1": (16,), "lif1 (5)": (5,)}
    assert all(stats.n_records == 2 and stats.has_gradients and stats.has_voltages for stats in found.values())


def test_gradients_are_found_behind_an_output_of_any_kind(torch):
    profiler, model = SpikeProfiler(), Wrapped()
    with profiler.watch(model, every=1) as watch:
        for _ in range(3):
            model(torch.rand(4, 8)).logits.sum().backward()
        assert watch.iteration == 2
    assert len(profiler.report().layer_stats["lif1"].gradient_curve.steps) == 3


def test_what_is_written_in_place_is_recorded_as_it_was(torch):
    profiler, model = SpikeProfiler(), WritesInPlace()
    with profiler.watch(model, every=1):
        model(torch.rand(4, 16, dtype=torch.float64))
    stats, neuron = profiler.report().layer_stats["neuron"], model.neuron
    assert stats.firing_rate == pytest.approx(float(torch.stack(neuron.spikes).mean()))
    assert stats.voltage_mean == pytest.approx(float(torch.stack(neuron.membranes).mean()))


def test_what_is_written_in_place_and_large_is_lost_once_and_never_wrong(torch, monkeypatch):
    from spikeport.profiling.watching import hooks as module

    monkeypatch.setattr(module.KeptTensors.__init__, "__defaults__", (0, None))
    profiler, model = SpikeProfiler(), WritesInPlace()
    x = torch.rand(4, 16, dtype=torch.float64)
    with profiler.watch(model, every=1):
        model(x)
        assert "neuron" not in profiler.report().layer_stats or not profiler.report().layer_stats["neuron"].n_records
        lost = len(model.neuron.spikes)
        model(x)
    stats, neuron = profiler.report().layer_stats["neuron"], model.neuron
    assert stats.firing_rate == pytest.approx(float(torch.stack(neuron.spikes[lost:]).mean()))
    assert stats.voltage_mean == pytest.approx(float(torch.stack(neuron.membranes[lost:]).mean()))


def test_a_copy_and_a_saved_model_record_nothing(torch):
    profiler, model = SpikeProfiler(), Plain()
    file = io.BytesIO()
    with profiler.watch(model, every=1):
        model(torch.rand(4, 8)).sum().backward()
        best = copy.deepcopy(model)
        torch.save(best.lif1, file)
        best(torch.rand(7, 8))
        model(torch.rand(4, 8)).sum().backward()
    best(torch.rand(7, 8))
    assert profiler.report().layer_stats["lif1"].n_observations == 2 * 6 * 4
    file.seek(0)
    again = torch.load(file, weights_only=False)
    assert again(torch.rand(6, 2, 3)).shape == (6, 2, 3)


def test_an_exception_leaves_no_hook_and_no_half_iteration(torch):
    profiler, model = SpikeProfiler(), Plain()
    model(torch.rand(4, 8)).sum().backward()
    with pytest.raises(RuntimeError, match="shapes"), profiler.watch(model, every=1):
        model(torch.rand(4, 7))
    assert hooks(model) == 0 and model.lif1.on_membrane is None
    with profiler.watch(model, every=1):
        for width in (8, 7, 8):
            try:
                model(torch.rand(4, width)).sum().backward()
            except RuntimeError:
                continue
    assert profiler.report().layer_stats["lif2"].n_records == 2


def test_hooks_go_even_where_the_last_recording_fails(torch):
    from spikeport.profiling import Recording, register_neuron
    from spikeport.profiling.watching.libraries.registry import _REGISTRY

    class Wrong(torch.nn.Module):
        def forward(self, x):
            return x

    register_neuron(Wrong, lambda module, inputs, output: Recording(output, "TB"))
    profiler, models = SpikeProfiler(), [torch.nn.Sequential(Wrong()), Plain()]
    try:
        for model in models:
            profiler.watch(model, every=1)
            model(torch.ones(8))
        with pytest.raises(ProfilingError, match="no axis of neurons"):
            profiler.close()
    finally:
        del _REGISTRY[0]
    assert [hooks(model) for model in models] == [0, 0]


def test_layers_without_samples_are_recorded(torch):
    from spikeport.profiling import LIF

    profiler, model = SpikeProfiler(), torch.nn.Sequential(LIF(threshold=0.1))
    with profiler.watch(model, every=1):
        model(torch.rand(7, 3))
    stats = profiler.report().layer_stats["0"]
    assert stats.n_observations == 7 and stats.shape == (3,)


def test_two_models_with_the_same_names_are_not_mixed(torch):
    profiler, model = SpikeProfiler(), Plain()
    first = profiler.watch(model)
    for other in (model, Plain()):
        with pytest.raises(ProfilingError, match="a profiler of its own") as caught:
            profiler.watch(other)
        assert caught.value.code == "watched" and hooks(other) == (hooks(model) if other is model else 0)
    first.remove()
    with profiler.watch(model, every=1):
        model(torch.rand(4, 8))
    assert profiler.report().layer_stats["lif1"].n_records == 1


def test_half_precision_gradients_keep_their_norm(torch):
    from spikeport.profiling import LIF

    profiler, model = SpikeProfiler(), torch.nn.Sequential(LIF(threshold=0.1))
    with profiler.watch(model, every=1):
        currents = torch.rand(6, 4, 500, dtype=torch.float16, requires_grad=True)
        (2e-4 * model(currents).float()).sum().backward()
    expected = float(np.float16(2e-4)) * np.sqrt(6 * 4 * 500)
    assert profiler.report().layer_stats["0"].gradient_norm_last == pytest.approx(expected, rel=1e-6)


def test_operations_are_counted_in_full_under_autocast(torch):
    from spikeport.profiling import LIF

    def dense(autocast, dtype):
        nn, profiler = torch.nn, SpikeProfiler()
        model = nn.Sequential(nn.Conv2d(1, 37, 3, padding=1), nn.Flatten(), nn.Linear(37 * 64, 301), LIF()).to(dtype)
        with profiler.watch(model, every=1), torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            for _ in range(2):  # the first pass is recorded when the second begins
                model(torch.ones(3, 1, 8, 8, dtype=dtype))
        return profiler.report().activity.dense

    a_step = 37 * (3 * 8 - 2) ** 2 + 37 * 64 * 301  # 22 of the 24 places of a kernel's 3 columns hit the image
    expected = 3 * a_step  # the neurons take the first axis for steps: three of one sample
    assert dense(False, torch.float32) == dense(True, torch.float32) == dense(False, torch.bfloat16) == expected


def test_operations_of_an_image_shown_at_every_step_are_those_of_its_copies(torch):
    from spikeport.profiling import LIF

    def activity(x):
        profiler, model = SpikeProfiler(), torch.nn.Sequential(torch.nn.Linear(8, 5), LIF())
        with profiler.watch(model, every=1):
            model(x)
        return profiler.report().activity

    shown = (torch.rand(4, 8) < 0.5).float().expand(6, 4, 8)
    assert activity(shown).effective_acs == activity(shown.clone()).effective_acs == float(shown.sum()) * 5 / 4
    assert activity(shown).dense == 6 * 8 * 5


def test_what_is_no_number_is_an_operation_and_no_spike(torch):
    from spikeport.profiling import LIF

    profiler, model = SpikeProfiler(), torch.nn.Sequential(torch.nn.Linear(3, 2), LIF())
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[0.0, 1.0, torch.nan], [0.0, -2.0, torch.inf]]))
    with profiler.watch(model, every=1):
        model(torch.tensor([[[1.0, torch.nan, -torch.inf]]]))
    activity = profiler.report().activity
    assert (activity.effective_acs, activity.effective_macs, activity.dense) == (0, 4, 6)
    assert activity.connection_sparsity == pytest.approx(2 / 6)
