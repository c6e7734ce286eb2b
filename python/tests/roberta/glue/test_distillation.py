import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoTokenizer, RobertaForSequenceClassification

from spikeport.roberta import QuantisedRobertaForSequenceClassification, RobertaError, run_glue
from spikeport.roberta.evaluation.evaluate import pad
from spikeport.roberta.evaluation.tasks import TASKS
from spikeport.roberta.glue.arguments import parse_arguments
from spikeport.roberta.glue.distillation import distillation_loss, load_teacher

pytestmark = pytest.mark.filterwarnings(
    # torch's own scheduler order check misfires on accelerate's wrapped optimiser
    "ignore:Detected call of `lr_scheduler.step\\(\\)` before:UserWarning"
)


@pytest.fixture
def program(tiny_model, sentences, tmp_path):
    """A function (flags, model folder) that trains the tiny network's quantised twin on wrong labels."""
    lines = (sentences / "train.txt").read_text().splitlines()
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("\n".join(f"{1 - int(line[0])}{line[1:]}" for line in lines) + "\n")

    def run(*flags, model=tiny_model, out="out"):
        words = ["--model_name_or_path", model, "--task_name", "sst2", "--train_file", wrong, "--do_train"]
        words += ["--validation_file", sentences / "dev.txt", "--do_eval", "--num_train_epochs", "2", "--use_cpu"]
        words += ["--learning_rate", "1e-3", "--per_device_train_batch_size", "16", "--output_dir", tmp_path / out]
        return run_glue.main([*map(str, words), "--disable_tqdm", "True", *flags])

    return run


@pytest.fixture
def distance(tiny_model, sentences):
    """A function (model, teacher) -> the mean squared difference of their logits on sentences not trained on."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    lines = (sentences / "dev.txt").read_text().splitlines()
    inputs = pad([{"input_ids": tokenizer(line[2:])["input_ids"]} for line in lines], 1)

    def between(model, teacher):
        with torch.no_grad():
            return float(distillation_loss(model, teacher, inputs))

    return between


def test_distillation_moves_the_quantised_network_to_the_float_one_whatever_the_labels_say(
    program, tiny_model, tmp_path, distance
):
    teacher = RobertaForSequenceClassification.from_pretrained(tiny_model).eval()
    coarse = tmp_path / "coarse.yaml"  # with so few levels that calibration leaves something to be learnt
    text = Path(run_glue.__file__).with_name("network").joinpath("transform_cfg.yaml").read_text()
    coarse.write_text(text.replace("level: 32", "level: 6"))
    common = ("--transform_config", str(coarse))
    program(*common, "--max_steps", "1", "--learning_rate", "1e-9", out="before")
    after = program(*common, "--distillation", out="after")
    mislead = program(*common, out="mislead")
    kind = QuantisedRobertaForSequenceClassification
    apart = {name: distance(kind.from_pretrained(tmp_path / name), teacher) for name in ("before", "after", "mislead")}
    assert apart["after"] < apart["before"] / 2 < apart["mislead"]
    assert after["eval_accuracy"] == 1.0
    assert mislead["eval_loss"] > 10 * after["eval_loss"]
    assert after["eval_loss"] < 0.1, "evaluation is on the labels"
    assert "trained on the float network's logits" in (tmp_path / "after" / "README.md").read_text()


def test_a_gelu_network_teaches_its_relu_twin_with_its_own_activation(program, tiny_model, tmp_path):
    gelu = tmp_path / "gelu"
    shutil.copytree(tiny_model, gelu)
    text = (gelu / "config.json").read_text()
    (gelu / "config.json").write_text(text.replace('"hidden_act": "relu"', '"hidden_act": "gelu"'))
    words = ["--model_name_or_path", str(gelu), "--task_name", "sst2", "--transform_config", "default", "--use_cpu"]
    arguments, _, _ = parse_arguments([*words, "--relufy", "--distillation", "--do_train"])
    assert load_teacher(arguments, TASKS["sst2"]).config.hidden_act == "gelu"
    program("--transform_config", "default", "--relufy", "--distillation", model=gelu, out="relufied")
    assert AutoConfig.from_pretrained(tmp_path / "relufied").hidden_act == "relu"


def test_distillation_without_a_float_network_or_a_training_is_refused(program, tmp_path):
    with pytest.raises(RobertaError, match="--do_train and --transform_config"):
        program("--distillation")
    program("--transform_config", "default", "--max_steps", "1", out="quantised")
    with pytest.raises(RobertaError, match="quantised already"):
        program("--transform_config", "default", "--distillation", model=tmp_path / "quantised")
    assert not (tmp_path / "out").exists()


def test_distillation_needs_no_labels(program, sentences, tmp_path):
    text = (sentences / "train.txt").read_text().splitlines()
    (tmp_path / "unlabelled.tsv").write_text("\n".join(["sentence", *(line[2:] for line in text)]) + "\n")
    unlabelled = ("--train_file", str(tmp_path / "unlabelled.tsv"), "--transform_config", "default")
    figures = [program("--transform_config", "default", "--distillation", out="wrong")]
    figures.append(program(*unlabelled, "--distillation", out="none"))
    assert figures[0]["eval_loss"] == pytest.approx(figures[1]["eval_loss"], rel=1e-6)
    with pytest.raises(RobertaError, match="have none"):
        program(*unlabelled, out="labels")
