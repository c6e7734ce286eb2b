"""The program under ``torchrun`` with two gloo processes gives the metrics of one process."""

import json
import os
import subprocess
import sys

import pytest

LAUNCHERS = {
    "torchrun": ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"],
    "accelerate": ["-m", "accelerate.commands.accelerate_cli", "launch", "--cpu", "--num_processes", "2"],
}


def run(launcher, folder, model, sentences, *flags):
    words = ["--model_name_or_path", model, "--task_name", "sst2", "--transform_config", "default", "--use_cpu"]
    words += ["--train_file", sentences / "train.txt", "--validation_file", sentences / "dev.txt"]
    words += ["--output_dir", folder, "--disable_tqdm", "True", "--do_eval", "--seed", "3", *flags]
    program = ["-m", "spikeport.roberta.run_glue"]
    if launcher == "accelerate":
        program = ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", *program]
    command = [sys.executable, *LAUNCHERS.get(launcher, []), *program, *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "ACCELERATE_USE_CPU": "true"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "all_results.json").read_text())


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


def test_training_by_two_processes_on_half_the_batch_each_learns_the_same(alone, tiny_model, sentences, tmp_path):
    _, expected = alone
    flags = ("--do_train", "--max_steps", "3", "--per_device_train_batch_size", "8")
    figures = run("torchrun", tmp_path, tiny_model, sentences, *flags)
    assert figures["train_samples"] == expected["train_samples"]
    assert figures["eval_accuracy"] == pytest.approx(expected["eval_accuracy"], abs=0.05)
    assert figures["train_loss"] == pytest.approx(expected["train_loss"], abs=0.05)
