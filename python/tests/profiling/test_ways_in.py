"""The ways in and out: trainers' callbacks, files, scripts, the command line, the page."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from browser import open_page
from peers import run_with_peers

from spikeport.profiling import ProfilingError, SpikeProfiler, schema
from spikeport.profiling.recordings import profile_recordings
from spikeport.profiling.script import profile_script
from spikeport.profiling.stored import load_report

ROOT = Path(__file__).resolve().parents[3]


def spikes(rate, shape, seed=0):
    return (np.random.default_rng(seed).random(shape) < rate).astype(np.float32)


def spikeport(*arguments, folder, code=0, traceback=False):
    ran = subprocess.run(
        [sys.executable, "-m", "spikeport", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "python"), "OMP_NUM_THREADS": "1"},
        timeout=600,
    )
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert traceback or "Traceback" not in ran.stderr
    return ran


@pytest.fixture
def recordings(tmp_path):
    """A file in which the layer ``hidden`` has 6 dead neurons of 10, and ``output`` is well."""
    hidden = spikes(0.3, (100, 8, 10))
    hidden[..., :6] = 0
    np.savez(
        tmp_path / "run.npz",
        **{
            "hidden": hidden,
            "hidden.voltages": np.random.default_rng(0).normal(0.2, 0.1, hidden.shape),
            "hidden.threshold": 1.0,
            "hidden.gradients": np.ones((20, 4)),
            "output.spikes": spikes(0.2, (100, 8, 4), 1),
            "output.gradients": np.full((20, 4), 2.0),
        },
    )
    return tmp_path / "run.npz"


SCRIPT = """
import sys
import torch
from spikeport.profiling import LIF
torch.manual_seed(0)
torch.set_num_threads(1)
scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
net = torch.nn.Sequential(torch.nn.Linear(16, 20), LIF(), torch.nn.Linear(20, 4))
net[0].bias.data[:8] = -50.0  # eight neurons that nothing wakes
optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
for step in range(40):
    x = 2 * scale * torch.rand(32, 16)
    loss = torch.nn.functional.cross_entropy(net(x.expand(8, *x.shape)).mean(0), torch.randint(0, 4, (32,)))
    optimiser.zero_grad(); loss.backward(); optimiser.step()
print("trained", __name__)
sys.exit(0)
"""


def test_recordings_in_a_file(recordings):
    profiler = profile_recordings(recordings)
    report = profiler.report()
    assert list(report.layer_stats) == ["hidden", "output"]
    hidden = report.layer_stats["hidden"]
    assert hidden.n_observations == 800 and hidden.gradient_norm_mean == 2 and hidden.membrane_threshold == 1
    assert [(p.category, p.layer) for p in report.pathologies] == [("dead_neurons", "hidden")]
    assert "the threshold is" in report.pathologies[0].suggestion


def test_a_file_that_holds_no_recordings_is_refused(tmp_path):
    (tmp_path / "text.npz").write_text("no")
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    np.savez(tmp_path / "none.npz")
    np.savez(tmp_path / "half.npz", **{"a.voltages": np.zeros(3)})
    np.savez(tmp_path / "objects.npz", a=np.array([None], dtype=object))
    for name in ("text", "one", "none", "half", "objects"):
        with pytest.raises(ProfilingError) as caught:
            profile_recordings(tmp_path / f"{name}.npz")
        assert caught.value.code == "file"
    with pytest.raises(OSError):
        profile_recordings(tmp_path / "absent.npz")


def test_arrays_that_are_no_spikes_are_refused(tmp_path):
    for name, array in {"weight": np.eye(3) / 3, "x": np.full((5, 4), 0.5), "label": np.array(["a", "b"])}.items():
        np.savez(tmp_path / "other.npz", **{name: array})
        with pytest.raises(ProfilingError, match=f"^{name} .*spikes") as caught:
            profile_recordings(tmp_path / "other.npz")
        assert caught.value.code == "file"
    np.savez(tmp_path / "spikes.npz", counts=np.array([[0.0, 3.0], [1.0, -1.0]]), broken=np.array([[0.0, np.nan]]))
    assert profile_recordings(tmp_path / "spikes.npz").report().pathologies[0].category == "non_finite"


def test_a_script_is_profiled_as_it_stands(tmp_path, capsys, torch):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    before = list(sys.argv), list(sys.path)
    report = profile_script(script, ["0.01"], every=1).report()
    assert (sys.argv, sys.path) == before and "trained __main__" in capsys.readouterr().out
    stats = report.layer_stats["1"]
    assert stats.n_records == 40 and stats.has_gradients and stats.has_voltages
    assert ("dead_neurons", "1") in {(p.category, p.layer) for p in report.pathologies}


def test_a_script_that_fails_or_has_no_neurons(tmp_path, torch):
    (tmp_path / "fails.py").write_text("raise KeyError('mine')")
    with pytest.raises(KeyError, match="mine"):
        profile_script(tmp_path / "fails.py")
    (tmp_path / "exits.py").write_text("raise SystemExit(3)")
    with pytest.raises(SystemExit):
        profile_script(tmp_path / "exits.py")
    (tmp_path / "plain.py").write_text("import torch; torch.nn.Linear(2, 2)(torch.ones(1, 2))")
    with pytest.raises(ProfilingError, match="no model with spiking neurons"):
        profile_script(tmp_path / "plain.py")
    with pytest.raises(OSError):
        profile_script(tmp_path / "absent.py")


def test_the_command_on_a_file(recordings, tmp_path):
    shown = spikeport("profile", recordings.name, "--html", "report.html", folder=tmp_path).stdout
    assert "dead_neurons @ hidden" in shown and "Fix:" in shown and "Wrote report.html" in shown
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    data = json.loads(spikeport("profile", recordings.name, "--json", folder=tmp_path).stdout)
    pytest.importorskip("jsonschema").validate(data, schema())
    assert data["has_critical"]
    spikeport("profile", recordings.name, "--strict", folder=tmp_path, code=1)


def test_a_report_that_was_kept_is_shown_again_and_says_the_same(recordings, tmp_path):
    kept = spikeport("profile", recordings.name, "--json", folder=tmp_path).stdout
    (tmp_path / "kept.json").write_text(kept, "utf-8")
    shown = spikeport("profile", recordings.name, folder=tmp_path).stdout
    assert spikeport("profile", "kept.json", folder=tmp_path).stdout == shown
    assert json.loads(spikeport("profile", "kept.json", "--json", folder=tmp_path).stdout) == json.loads(kept)
    spikeport("profile", "kept.json", "--strict", folder=tmp_path, code=1)
    assert "holds no curves" in spikeport("profile", "kept.json", "--html", "a.html", folder=tmp_path, code=2).stderr
    assert "takes no further" in spikeport("profile", "kept.json", "more", folder=tmp_path, code=2).stderr
    for other in ("[]", "{", '{"format": "spikeport.profile/1"}', '{"format": "spikeport-checkpoint"}'):
        (tmp_path / "other.json").write_text(other)
        assert "no report that spikeport profile" in spikeport("profile", "other.json", folder=tmp_path, code=2).stderr


def test_a_kept_report_of_everything_that_can_be_recorded_says_the_same(tmp_path):
    report = sick_report()
    report.to_json(tmp_path / "kept.json")
    again = load_report(tmp_path / "kept.json")
    assert again.summary() == report.summary() and again.to_dict() == report.to_dict()
    with pytest.raises(ProfilingError, match="no curves"):
        again.save_html(tmp_path / "page.html")


def test_the_command_on_a_script(tmp_path, torch):
    (tmp_path / "train.py").write_text(SCRIPT)
    ran = spikeport("profile", "train.py", "0.01", "--every", "4", "--json", folder=tmp_path)
    assert json.loads(ran.stdout)["layers"]["1"]["n_records"] == 10 and "trained" in ran.stderr


FAILURES = {
    "raise KeyError('mine')": (1, "KeyError: 'mine'"),
    "open('no/such/file')": (1, "FileNotFoundError"),
    "raise SystemExit('diverged')": (1, "diverged"),
    "raise SystemExit(3)": (3, ""),
    "raise KeyboardInterrupt": (130, "KeyboardInterrupt"),
}


@pytest.mark.parametrize("ending", FAILURES)
def test_a_script_that_fails_is_reported_up_to_there(ending, tmp_path, torch):
    code, words = FAILURES[ending]
    (tmp_path / "train.py").write_text(SCRIPT.replace("sys.exit(0)", ending))
    ran = spikeport("profile", "train.py", "0.01", folder=tmp_path, code=code, traceback=True)
    assert "dead_neurons" in ran.stdout and words in ran.stderr
    assert "runpy" not in ran.stderr and "spikeport" not in ran.stderr, "the traceback is that of the script alone"


def test_a_script_that_fails_before_any_model_has_its_own_error_alone(tmp_path, torch):
    (tmp_path / "train.py").write_text("x = (")
    ran = spikeport("profile", "train.py", folder=tmp_path, code=1, traceback=True)
    assert "SyntaxError" in ran.stderr and "error:" not in ran.stderr and not ran.stdout


def test_a_scripts_own_options_reach_it(tmp_path, torch):
    options = "import argparse\nparser = argparse.ArgumentParser()\n"
    options += "".join(f"parser.add_argument('{name}')\n" for name in ("--json", "--every", "--epochs", "data"))
    (tmp_path / "train.py").write_text(options + "print(parser.parse_args())\n" + SCRIPT.replace("sys.argv[1]", "1.0"))
    arguments = ["--epochs", "2", "--", "--json", "yes", "--every", "5", "digits"]
    ran = spikeport("profile", "--every", "10", "train.py", *arguments, folder=tmp_path)
    assert "Namespace(json='yes', every='5', epochs='2', data='digits')" in ran.stdout


def test_a_page_that_cannot_be_written_is_refused_before_the_script_runs(tmp_path, torch):
    (tmp_path / "train.py").write_text("open('ran', 'w').close()\n" + SCRIPT)
    for page in ("no/folder/page.html", "."):
        spikeport("profile", "train.py", "--html", page, folder=tmp_path, code=2)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("arguments", [["absent.npz"], ["absent.py"], ["notes.txt"], ["run.npz", "extra"]])
def test_a_mistake_ends_in_a_message(arguments, recordings, tmp_path):
    assert "error:" in spikeport("profile", *arguments, folder=tmp_path, code=2).stderr


def sick_report(output="output"):
    profiler, rng = SpikeProfiler(), np.random.default_rng(0)
    for step in range(300):
        hidden = spikes(0.3, (8, 40), step)
        hidden[:, : 30 * (step > 150)] = 0
        gradient = rng.normal(size=40) * (1e4 if step == 200 else 1)
        profiler.record_step("<hidden> & co", hidden, rng.normal(size=(8, 40)), gradient, threshold=1.0)
        profiler.record_step(output, spikes(0.98, (8, 10), step), rng.normal(size=(8, 10)), rng.normal(size=10))
    return profiler.report()


def test_the_page_opens_without_an_error_and_holds_what_it_should(tmp_path):
    report = sick_report()
    path = report.save_html(tmp_path / "profile.html", "A profile")
    opened = open_page(path)
    assert not opened.errors
    headings = [section["id"] for section in opened.elements("section")]
    assert headings[:3] == ["diagnosis", "layers", "timeline"]
    assert {"activity", "spikes", "membranes", "gradients", "inter-spike-intervals"} <= set(headings)
    assert len(opened.elements("svg")) >= 10 and len(opened.elements("image")) >= 2
    for p in report.pathologies:
        assert p.category.replace("_", " ") in opened.dom
    assert "&lt;hidden&gt; &amp; co" in opened.dom and "<hidden>" not in opened.dom
    assert "Lower the threshold of" in opened.dom
    sources = [e.get("src") or e.get("href") or "" for tag in ("script", "link", "img") for e in opened.elements(tag)]
    assert all(source in ("", "data:,") for source in sources)


def test_a_page_stays_within_the_width_of_a_phone(tmp_path):
    path = sick_report("encoder.block_with_a_long_name.attention.neurons").save_html(tmp_path / "profile.html")
    measure = """
      document.body.style.width = '360px';
      document.title = String(document.querySelector('main').scrollWidth);
    """
    title = open_page(path, measure).dom.split("<title>")[1].split("</title>")[0]
    assert int(title) <= 360


@pytest.mark.parametrize("kind", ["empty", "no voltages", "one step", "nan", "constant"])
def test_a_page_can_be_made_of_anything(kind, tmp_path):
    profiler = SpikeProfiler()
    if kind == "no voltages":
        profiler.record_step("a", spikes(0.3, (4, 5)))
    elif kind == "one step":
        profiler.record_step("a", np.ones(1), np.ones(1), np.ones(1))
    elif kind == "nan":
        profiler.record_step("a", np.full((2, 2), np.nan), np.full(2, np.nan), np.full(2, np.nan))
    elif kind == "constant":
        for _ in range(3):
            profiler.record_step("a", np.ones((4, 5)), np.zeros((4, 5)), np.zeros(3), threshold=0.0)
    text = profiler.report().save_html(tmp_path / "page.html").read_text()
    assert text.count("<section") == text.count("</section") >= 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_trainer_of_transformers(spiking, tmp_path):
    pytest.importorskip("transformers")
    from transformers import Trainer, TrainingArguments

    from spikeport.profiling import TrainerProfilerCallback

    torch = spiking.torch

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = spiking.network()

        def forward(self, x, labels):
            logits = self.net(x)
            return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}

    rows = [{"x": row, "labels": label} for row, label in zip(torch.rand(64, 64), torch.arange(64) % 10, strict=True)]
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=12,
        per_device_train_batch_size=16,
        logging_steps=4,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
    )
    callback = TrainerProfilerCallback(every=2)
    model = Model()
    trainer = Trainer(model=model, args=arguments, train_dataset=rows, callbacks=[callback])
    trainer.train()
    stats = callback.profiler.report().layer_stats["net.body.lif1"]
    assert stats.n_records == 6 and stats.has_gradients
    assert any("spikes/net.body.lif1/rate" in log for log in trainer.state.log_history)
    assert not any(m._forward_hooks for m in model.modules())


def test_the_trainer_of_lightning():
    script = """
import torch, lightning
from spikeport.profiling import LIF, LightningProfilerCallback
torch.set_num_threads(1)
class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(8, 16), LIF(), torch.nn.Linear(16, 2))
    def training_step(self, batch, index):
        x, y = batch
        return torch.nn.functional.cross_entropy(self.net(x.expand(5, *x.shape)).mean(0), y)
    def validation_step(self, batch, index):
        self.training_step(batch, index)
    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())
data = torch.utils.data.DataLoader([(2 * torch.rand(8), torch.tensor(i % 2)) for i in range(64)], batch_size=8)
callback = LightningProfilerCallback(every=2)
model = Model()
options = dict(max_epochs=2, logger=False, enable_checkpointing=False, enable_progress_bar=False,
               enable_model_summary=False, accelerator="cpu")
trainer = lightning.Trainer(**options, callbacks=[callback])
trainer.fit(model, data, data)
stats = callback.profiler.report().layer_stats["net.1"]
print(stats.n_records, stats.n_observations, stats.has_gradients, sum(len(m._forward_hooks) for m in model.modules()),
      "spikes/net.1/rate" in trainer.callback_metrics)
def broken(batch, batch_idx):
    raise KeyError("mine")
model.training_step = broken
try:
    lightning.Trainer(**options, callbacks=[callback]).fit(model, data)
except KeyError:
    print("failed", sum(len(m._forward_hooks) for m in model.modules()))
"""
    assert run_with_peers("-c", script).splitlines()[-2:] == ["8 320 True 0 True", "failed 0"]
