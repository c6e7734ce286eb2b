"""The program under ``torchrun`` with two gloo processes gives the metrics of one process."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from spikeport.roberta import RobertaError
from spikeport.roberta.glue.sharding import check_sharding, evaluate_in_single

LAUNCHERS = {
    "torchrun": ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"],
    "accelerate": ["-m", "accelerate.commands.accelerate_cli", "launch", "--cpu", "--num_processes", "2"],
}


# A user's own program: one run is refused, the next is not, and each process notes whether it leaves a group open.
REFUSED_THEN_RUN = """
import atexit, os, sys
from pathlib import Path
import torch.distributed
from spikeport.roberta import RobertaError, run_glue

note = Path(__file__).with_name("process" + os.environ["RANK"])
atexit.register(lambda: note.write_text(note.read_text() + f"at exit {torch.distributed.is_initialized()}"))
try:
    run_glue.main([*sys.argv[1:], "--transform_config", "nowhere.yaml"])
except RobertaError as error:
    note.write_text(f"refused {torch.distributed.is_initialized()}, ")
run_glue.main(sys.argv[1:])
"""

# accelerate shards over GPUs only, and is told here that its gloo processes hold some.
SHARDED = """
import sys
from accelerate.state import PartialState
from accelerate.utils import DistributedType
from spikeport.roberta import run_glue

begin = PartialState.__init__

def begin_as_if_on_gpus(self, *arguments, **options):
    begin(self, *arguments, **options)
    if self.distributed_type == DistributedType.MULTI_CPU:
        self.distributed_type = DistributedType.MULTI_GPU

PartialState.__init__ = begin_as_if_on_gpus
run_glue.main(sys.argv[1:])
"""
HALVES = ("--do_train", "--max_steps", "3", "--per_device_train_batch_size", "8", "--convert_to_snn")


def run(launcher, folder, model, sentences, *flags):
    start(launcher, ["-m", "spikeport.roberta.run_glue"], folder, model, sentences, *flags)
    return json.loads((folder / "all_results.json").read_text())


def start(launcher, program, folder, model, sentences, *flags):
    """Start ``program`` with the flags of an evaluation and see that it ends well."""
    words = ["--model_name_or_path", model, "--task_name", "sst2", "--transform_config", "default", "--use_cpu"]
    words += ["--train_file", sentences / "train.txt", "--validation_file", sentences / "dev.txt"]
    words += ["--output_dir", folder, "--disable_tqdm", "True", "--do_eval", "--seed", "3", *flags]
    if launcher == "accelerate":
        program = [
            "--main_process_port",
            "0",
            "--num_machines",
            "1",
            "--mixed_precision",
            "no",
            "--dynamo_backend",
            "no",
            *program,
        ]
    command = [sys.executable, *LAUNCHERS.get(launcher, []), *program, *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "ACCELERATE_USE_CPU": "true"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def alone(tiny_model, sentences, tmp_path_factory):
    """One process, batch 16: fine-tuned for three steps, evaluated, converted."""
    folder = tmp_path_factory.mktemp("alone")
    flags = ("--do_train", "--max_steps", "3", "--per_device_train_batch_size", "16", "--convert_to_snn")
    return folder, run("python", folder, tiny_model, sentences, *flags)


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_evaluation_by_two_processes_equals_one(alone, tiny_model, sentences, tmp_path, launcher):
    weights, expected = alone
    flags = ("--model_weights_path", weights, "--convert_to_snn")
    figures = run(launcher, tmp_path, tiny_model, sentences, *flags)
    for name in ("eval_accuracy", "snn_accuracy", "snn_agreement", "snn_timesteps", "snn_samples", "snn_unsettled"):
        assert figures[name] == expected[name], name
    assert figures["eval_loss"] == pytest.approx(expected["eval_loss"], abs=1e-6)
    one, two = (json.loads((folder / "snn_results.json").read_text()) for folder in (weights, tmp_path))
    for name in ("per_timestep", "agreement", "settling", "layers", "energy"):
        assert two[name] == one[name], name


@pytest.fixture(scope="module")
def data_parallel(tiny_model, sentences, tmp_path_factory):
    """Two processes, batch 8 each: as `alone`."""
    folder = tmp_path_factory.mktemp("data_parallel")
    return folder, run("torchrun", folder, tiny_model, sentences, *HALVES)


def test_training_by_two_processes_on_half_the_batch_each_learns_the_same(alone, data_parallel):
    (_, expected), (_, figures) = alone, data_parallel
    assert figures["train_samples"] == expected["train_samples"]
    assert figures["eval_accuracy"] == pytest.approx(expected["eval_accuracy"], abs=0.05)
    assert figures["train_loss"] == pytest.approx(expected["train_loss"], abs=0.05)


def test_training_sharded_over_two_processes_learns_and_converts_the_same(
    data_parallel, tiny_model, sentences, tmp_path
):
    folder, whole = data_parallel
    (tmp_path / "sharded.py").write_text(SHARDED)
    flags = (*HALVES, "--fsdp", "--bf16_full_eval")  # a full evaluation in half precision ends in an error of torch
    start("torchrun", [tmp_path / "sharded.py"], tmp_path / "out", tiny_model, sentences, *flags)
    assert (tmp_path / "out/checkpoint-3/pytorch_model_fsdp.bin").is_file(), "it was not sharded"
    for name in ("model.safetensors", "snn/model.safetensors"):
        expected, weights = load_file(folder / name), load_file(tmp_path / "out" / name)
        assert weights.keys() == expected.keys()
        for tensor in weights:
            torch.testing.assert_close(weights[tensor], expected[tensor], rtol=0, atol=1e-6, msg=tensor)
    figures = json.loads((tmp_path / "out/all_results.json").read_text())
    assert figures["eval_loss"] == pytest.approx(whole["eval_loss"], abs=1e-5)
    one, two = (json.loads((path / "snn_results.json").read_text()) for path in (folder, tmp_path / "out"))
    assert two["metrics"] == one["metrics"]
    assert two["agreement"]["within_tolerance"] == 1.0


@pytest.mark.parametrize("flag", ["bf16_full_eval", "fp16_full_eval"])
def test_what_cannot_be_cast_in_shards_is_evaluated_as_it_was_trained_and_it_is_said(flag, capsys):
    for enabled in (False, True):
        args = SimpleNamespace(**{"fp16_full_eval": False, "bf16_full_eval": False, flag: True})
        evaluate_in_single(SimpleNamespace(is_fsdp_enabled=enabled, args=args))
        said = capsys.readouterr().err
        assert getattr(args, flag) is not enabled
        assert (f"note: --{flag} is for networks in one piece" in said) is enabled


@pytest.mark.parametrize(
    "enabled, trains, message", [(False, True, "accelerate sees none"), (True, False, "to evaluate")]
)
def test_sharding_that_would_be_something_else_is_refused(enabled, trains, message):
    args = SimpleNamespace(fsdp=True, do_train=trains)
    trainer = SimpleNamespace(is_fsdp_enabled=enabled, args=args)
    with pytest.raises(RobertaError, match=message):
        check_sharding(trainer)


def test_a_run_ends_the_process_group_it_began_since_an_open_one_may_end_the_process(tiny_model, sentences, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(REFUSED_THEN_RUN)
    start("torchrun", [str(program)], tmp_path / "out", tiny_model, sentences)
    notes = [(tmp_path / f"process{rank}").read_text() for rank in (0, 1)]
    assert notes == ["refused True, at exit False"] * 2
