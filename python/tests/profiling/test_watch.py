"""Hooks: what they record is what one would record by hand; training is not touched; they go away."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from peers import run_with_peers

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("library", ["snntorch", "spikingjelly", "norse", "sinabs"])
def test_a_librarys_neurons_are_recorded_as_by_hand(library):
    results = json.loads(run_with_peers(str(Path(__file__).with_name("peer_watch.py")), library).splitlines()[-1])
    assert results and all(0 < result["rate"] for result in results.values())


def test_synaptic_operations_are_those_of_neurobench():
    found = run_with_peers("-c", "import importlib.util as u; print(u.find_spec('neurobench') is not None)")
    if found.strip() != "True":
        pytest.skip("no neurobench in the peers' interpreter: pip install --no-deps neurobench")
    result = json.loads(run_with_peers(str(Path(__file__).with_name("peer_neurobench.py"))).splitlines()[-1])
    ours, theirs = result["ours"], result["theirs"]
    operations = theirs["SynapticOperations"]
    assert ours["effective_acs"] == pytest.approx(operations["Effective_ACs"]) and ours["effective_acs"] > 0
    assert ours["effective_macs"] == operations["Effective_MACs"] == 0
    assert ours["dense"] == operations["Dense"]
    assert ours["activation_sparsity"] == pytest.approx(theirs["ActivationSparsity"])
    assert ours["connection_sparsity"] == pytest.approx(theirs["ConnectionSparsity"], abs=5e-4)  # rounded there


def test_scalars_reach_a_real_tensorboard_file(tmp_path):
    script = f"""
import numpy as np
from torch.utils.tensorboard import SummaryWriter
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from spikeport.profiling import SpikeProfiler
profiler = SpikeProfiler()
profiler.record_step("hidden", np.ones((2, 4)))
writer = SummaryWriter({str(tmp_path)!r})
profiler.log_scalars(writer, 3)
writer.close()
events = EventAccumulator({str(tmp_path)!r}).Reload()
print([(e.step, e.value) for e in events.Scalars("spikes/hidden/rate")])
"""
    assert run_with_peers("-c", script).splitlines()[-1] == "[(3, 1.0)]"


def steps(spiking, model, number=6, **kwargs):
    """Train some steps and return the weights."""
    torch = spiking.torch
    torch.manual_seed(1)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(number):
        x, y = torch.rand(16, 64), torch.randint(0, 10, (16,))
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return [parameter.detach().clone() for parameter in model.parameters()]


def test_watching_does_not_change_the_training(spiking):
    from spikeport.profiling import SpikeProfiler

    alone = steps(spiking, spiking.network())
    watched = spiking.network()
    with SpikeProfiler().watch(watched, every=1):
        results = steps(spiking, watched)
    assert all(spiking.torch.equal(a, b) for a, b in zip(alone, results, strict=True))


def test_one_iteration_in_every_is_recorded(spiking):
    from spikeport.profiling import SpikeProfiler

    profiler, model = SpikeProfiler(), spiking.network(T=8)
    with profiler.watch(model, every=4) as watch:
        steps(spiking, model, 10)
        assert watch.iteration == 9 and watch.layers == ["body.lif1", "body.lif2"]
    stats = profiler.report().layer_stats["body.lif1"]
    assert stats.n_records == 3 and stats.n_observations == 3 * 8 * 16
    assert stats.rate_curve.steps == [0, 4, 8] and stats.gradient_curve.steps == [0, 4, 8]


def test_the_profiler_as_a_context_removes_its_hooks(spiking):
    from spikeport.profiling import SpikeProfiler

    model = spiking.network()
    before = [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()]
    with SpikeProfiler() as profiler:
        watch = profiler.watch(model)
        steps(spiking, model, 1)
        assert model.body.lif1.on_membrane is not None
    assert [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()] == before
    assert model.body.lif1.on_membrane is None
    watch.remove()


def test_a_loop_over_time_outside_the_model_is_one_iteration(spiking):
    from spikeport.profiling import LIF, SpikeProfiler

    torch = spiking.torch

    class Step(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.lif = torch.nn.Linear(8, 8), LIF()

        def forward(self, x):
            return self.lif(self.fc(x)[None])[0]

    model, profiler = Step(), SpikeProfiler()
    with profiler.watch(model, every=2) as watch:
        for _ in range(4):
            total = sum(model(torch.rand(5, 8)) for _ in range(7))
            total.sum().backward()
        assert watch.iteration == 3
    stats = profiler.report().layer_stats["lif"]
    assert stats.n_observations == 2 * 7 * 5 and stats.gradient_curve.steps == [0, 2]


def test_a_layer_that_no_gradient_reaches_has_a_gradient_of_nought(spiking):
    from spikeport.profiling import LIF, SpikeProfiler

    torch = spiking.torch

    class Cut(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.lif1 = torch.nn.Linear(8, 8), LIF()
            self.fc2, self.lif2 = torch.nn.Linear(8, 8), LIF()

        def forward(self, x):
            return self.lif2(self.fc2(self.lif1(self.fc1(x)).detach()))

    profiler, model = SpikeProfiler(), Cut()
    with profiler.watch(model, every=1):
        model(5 * torch.rand(4, 3, 8)).sum().backward()
    report = profiler.report()
    assert report.layer_stats["lif1"].gradient_norm_last == 0 < report.layer_stats["lif2"].gradient_norm_last
    found = {(p.category, p.layer) for p in report.pathologies}
    assert ("no_gradient", "lif1") in found and ("gradient_vanishing", "lif1") not in found


def test_evaluation_is_recorded_without_gradients(spiking):
    from spikeport.profiling import SpikeProfiler

    for guard in (spiking.torch.no_grad, spiking.torch.inference_mode):
        profiler, model = SpikeProfiler(), spiking.network()
        with profiler.watch(model, every=1), guard():
            for _ in range(3):
                model(spiking.torch.rand(4, 64))
        stats = profiler.report().layer_stats["body.lif1"]
        assert stats.n_records == 3 and not stats.has_gradients and stats.has_voltages


def test_a_neuron_of_ones_own_is_registered(spiking):
    from spikeport.profiling import Recording, SpikeProfiler, register_neuron
    from spikeport.profiling.watching.libraries.registry import _REGISTRY

    torch = spiking.torch

    class Mine(torch.nn.Module):
        def forward(self, x):
            self.v = x
            return (x > 0.5).to(x.dtype), "state"

    model, profiler = torch.nn.Sequential(Mine()), SpikeProfiler()
    with pytest.raises(TypeError, match="register_neuron"):
        register_neuron(Mine)
    register_neuron(Mine, lambda module, inputs, output: Recording(output[0], "B", module.v))
    try:
        with profiler.watch(model, every=1):
            x = torch.rand(5, 3, 4, dtype=torch.float64)
            model(x)
    finally:
        del _REGISTRY[0]
    stats = profiler.report().layer_stats["0"]
    np.testing.assert_allclose(stats.firing_rates, (x > 0.5).double().mean(0).flatten())
    assert stats.voltage_mean == pytest.approx(float(x.mean())) and stats.shape == (3, 4)


@pytest.mark.parametrize("layout", ["BN", "N", "TBN", "", "tb"])
def test_a_layout_that_a_recording_does_not_know_is_refused(spiking, layout):
    from spikeport.profiling import ProfilingError, Recording

    with pytest.raises(ProfilingError, match="one of B, TB, BT") as caught:
        Recording(spiking.torch.ones(6, 5), layout)
    assert caught.value.code == "layout"


def test_the_surrogate_that_spikeport_describes_is_the_one_it_trains_with(spiking):
    from spikeport.profiling import LIF

    torch = spiking.torch
    lif = LIF(beta=0.0, threshold=0.7, slope=3.0)
    v = torch.linspace(-2, 2, 41, dtype=torch.float64, requires_grad=True)
    lif(v[None]).sum().backward()
    torch.testing.assert_close(v.grad, lif.surrogate_derivative(v.detach()))
    assert "slope=3.0" in repr(lif)


def test_the_neuron_of_the_tutorial_is_the_kernel_of_the_house(spiking):
    from spikeport.kernels import if_multistep
    from spikeport.profiling import LIF

    currents = np.random.default_rng(0).normal(0.3, 0.5, (20, 4, 6))
    ours = if_multistep(currents, threshold=0.8, v_init=0.0, beta=0.9).spikes
    theirs = LIF(beta=0.9, threshold=0.8)(spiking.torch.from_numpy(currents))
    np.testing.assert_array_equal(ours, theirs.numpy())


def test_synaptic_operations_are_a_direct_count(spiking):
    from spikeport.profiling import LIF, SpikeProfiler

    torch = spiking.torch
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2)
    with torch.no_grad():
        conv.weight[conv.weight.abs() < 0.1] = 0
    fc = torch.nn.Linear(4 * 3 * 3, 7)
    T, B = 5, 3

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc, self.lif = conv, fc, LIF()

        def forward(self, x):
            hidden = torch.stack([self.conv(step) for step in x]).relu()
            return self.lif(self.fc((hidden > 0.2).float().flatten(2)))

    x = (torch.rand(T, B, 2, 6, 6) < 0.3).float()
    profiler = SpikeProfiler()
    with profiler.watch(Net(), every=1):
        Net()(x)  # the layers are shared, but this is not the model that is watched
    assert profiler.report().activity.effective_acs is None
    net = Net()
    with profiler.watch(net, every=1):
        net(x)
    activity = profiler.report().activity
    ones = torch.nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2, bias=False)
    with torch.no_grad():
        ones.weight.copy_((conv.weight != 0).float())
        into_conv = sum(float(ones((step != 0).float()).sum()) for step in x) / B
        hidden = torch.stack([conv(step) for step in x]).relu()
        into_fc = float((hidden > 0.2).sum()) * 7 / B
    assert activity.layers == pytest.approx({"conv": into_conv, "fc": into_fc})
    assert activity.effective_acs == pytest.approx(into_conv + into_fc) and activity.effective_macs == 0
    assert activity.connection_sparsity == pytest.approx(
        float((conv.weight == 0).sum()) / (conv.weight.numel() + fc.weight.numel())
    )


@pytest.mark.parametrize("options", [{"every": 0}, {"every": True}, {"max_overhead": 2.0}])
def test_options_that_make_no_sense_are_refused(spiking, options):
    from spikeport.profiling import ProfilingError, SpikeProfiler

    with pytest.raises(ProfilingError):
        SpikeProfiler().watch(spiking.network(), **options)


def test_the_live_view_follows_a_training_and_a_report_in_its_midst(spiking):
    import io

    from rich.console import Console

    from spikeport.profiling import SpikeProfiler
    from spikeport.profiling.shown.live import LiveView

    torch, model, profiler = spiking.torch, spiking.network(), SpikeProfiler()
    screen = Console(file=io.StringIO(), force_terminal=True, width=110)
    with (
        profiler.watch(model, every=1),
        LiveView(profiler.report, profiler.listeners, refresh_per_second=1e6, console=screen),
    ):
        steps(spiking, model, 3)
        loss = model(torch.rand(16, 64)).sum()
        assert profiler.report().layer_stats["body.lif1"].n_records == 4
        loss.backward()
    stats = profiler.report().layer_stats["body.lif1"]
    assert stats.n_records == 4 and len(stats.gradient_curve.steps) == 4
    assert "body.lif2" in screen.file.getvalue()


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


def recorded_at(every, max_overhead, cost, iterations=100):
    """The iterations that are recorded where each takes a second and recording one takes ``cost`` seconds more."""
    from spikeport.profiling.watching.pace import Pace

    clock, recorded = Clock(), []
    pace = Pace(every, max_overhead, clock)
    for iteration in range(iterations):
        if pace.next():
            recorded.append(iteration)
            with pace.recording():
                clock.seconds += cost
        clock.seconds += 1
    return recorded


def test_the_interval_grows_to_keep_a_bound_on_the_overhead(torch):
    assert recorded_at(every=1, max_overhead=0.125, cost=2.0) == [0, 16, 32, 48, 64, 80, 96]
    assert recorded_at(every=1, max_overhead=None, cost=2.0) == list(range(100))


def test_the_interval_never_falls_below_the_one_given(torch):
    assert recorded_at(every=30, max_overhead=0.125, cost=2.0) == [0, 30, 60, 90]
    assert recorded_at(every=30, max_overhead=0.125, cost=0.0) == [0, 30, 60, 90]


def test_a_watch_keeps_the_bound(spiking):
    import itertools

    from spikeport.profiling.pathology import Thresholds
    from spikeport.profiling.recording.ledger import Ledger
    from spikeport.profiling.watching.watch import Watch

    ledger, model = Ledger(Thresholds()), spiking.network()
    clock = itertools.count().__next__  # every look takes a second: two for a recording, one for a bound
    with Watch(ledger, model, every=1, max_overhead=0.125, clock=clock) as watch:
        steps(spiking, model, 8)
        assert watch.every == 10
    assert ledger.layer_stats()["body.lif1"].rate_curve.steps == [0, 4]


def test_without_torch_the_extra_is_named():
    code = """
import sys
sys.modules["torch"] = None
import spikeport.profiling as p
from spikeport.errors import MissingExtra
for name in ("LIF", "Watch", "register_neuron"):
    try:
        getattr(p, name)
    except MissingExtra as error:
        assert "spikeport[torch]" in str(error)
    else:
        raise AssertionError(name)
"""
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": str(ROOT / "python")})
