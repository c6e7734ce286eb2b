import json

import pytest
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from typer.testing import CliRunner

import spikeport.cli.roberta.glue
import spikeport.cli.roberta.glue_suite
import spikeport.cli.roberta.relu_roberta  # noqa: F401
from spikeport.cli.app import app
from spikeport.roberta import Recipe, RobertaError, train_relu_roberta

SMALL = {"vocabulary": 280, "hidden": 16, "heads": 2, "intermediate": 16, "epochs": 1}


def command(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_command_leaves_an_ordinary_relu_roberta_and_its_tokenizer(sentences, tmp_path):
    sizes = [word for name, value in SMALL.items() for word in (f"--{name}", value)]
    files = ["--train-file", sentences / "train.txt", "--validation-file", sentences / "dev.txt"]
    result = command("relu-roberta", *files, "--output-dir", tmp_path / "m", *sizes, "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert [epoch["epoch"] for epoch in figures["epochs"]] == [1]
    assert 0 <= figures["epochs"][0]["accuracy"] <= 1
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "m")
    assert model.config.hidden_act == "relu"
    assert model.config.label2id == {"negative": 0, "positive": 1}
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "m")
    ids = tokenizer("the film", "a plot")["input_ids"]
    words = tokenizer.convert_ids_to_tokens(ids)
    assert words[0] == "<s>"
    assert words[-1] == "</s>"
    assert words.count("</s>") == 3


def test_the_recipe_learns_what_can_be_learned(tiny_model, sentences):
    from spikeport.roberta.evaluation.tasks import TASKS
    from spikeport.roberta.glue.data import read_examples
    from spikeport.roberta.recipe import predict

    rows = read_examples(sentences / "test.txt", TASKS["sst2"])
    model = AutoModelForSequenceClassification.from_pretrained(tiny_model)
    logits = predict(model, AutoTokenizer.from_pretrained(tiny_model), rows, TASKS["sst2"], 32)
    right = sum(int(a.argmax()) == row["label"] for a, row in zip(logits, rows, strict=True))
    assert right >= 0.8 * len(rows)


def test_the_same_seed_gives_the_same_network(sentences, tmp_path):
    for name in ("a", "b"):
        train_relu_roberta(sentences / "dev.txt", tmp_path / name, recipe=Recipe(**SMALL, max_length=16))
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("a", "b")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"hidden": 30, "heads": 4}, "not a multiple"),
        ({"vocabulary": 100}, "below 261"),
        ({"epochs": 0}, "at least 1"),
        ({"dropout": 1.0}, r"not in \[0, 1\)"),
        ({"learning_rate": 0.0}, "not a finite number above 0"),
        ({"learning_rate": float("nan")}, "not a finite number above 0"),
        ({"weight_decay": -1.0}, "at least 0"),
        ({"max_length": 2}, "leave no room for words"),
    ],
)
def test_sizes_that_cannot_be_are_refused(sentences, tmp_path, change, message):
    with pytest.raises(RobertaError, match=message):
        train_relu_roberta(sentences / "dev.txt", tmp_path / "m", recipe=Recipe(**{**SMALL, **change}))
    assert not (tmp_path / "m").exists()


def test_nothing_is_trained_that_could_not_be_saved_or_measured(sentences, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RobertaError, match="is a file"):
        train_relu_roberta(sentences / "dev.txt", tmp_path / "file", recipe=Recipe(**SMALL))
    (tmp_path / "bare.tsv").write_text("sentence\nA film\n")
    for files in ((tmp_path / "bare.tsv", None), (sentences / "dev.txt", tmp_path / "bare.tsv")):
        with pytest.raises(RobertaError, match=r"bare.tsv has examples without a label"):
            train_relu_roberta(files[0], tmp_path / "m", validation_file=files[1], recipe=Recipe(**SMALL))
    assert not (tmp_path / "m").exists()


def test_explain_prints_what_becomes_what_and_json_gives_the_same(tiny_model):
    words = ["glue", "--model_name_or_path", tiny_model, "--task_name", "sst2", "--transform_config", "default"]
    shown = command(*words, "--explain")
    assert shown.exit_code == 0, shown.output
    assert "ZipTFSelfAttention" in shown.output
    rows = json.loads(command(*words, "--explain", "--json").stdout)["explain"]
    assert all(row["name"] in shown.output for row in rows)


def test_a_wrong_flag_is_answered_in_a_few_lines():
    shown = command("glue", "--task_name")
    assert shown.exit_code == 2
    assert "expected one argument" in shown.output
    assert len(shown.output.splitlines()) < 6


def test_help_lists_the_flags_of_the_transform():
    shown = command("glue", "--help")
    assert shown.exit_code == 0
    for flag in ("--transform_config", "--convert_to_snn", "--model_weights_path", "--eval_strategy"):
        assert flag in shown.output


def test_a_suite_on_the_command_line_survives_a_failure_and_ends_in_a_table(tiny_model, sentences, tmp_path):
    words = ["--learning-rates", "1e-3", "--output-dir", tmp_path, "--model", tiny_model]
    flags = ["--do_eval", "--use_cpu", "--validation_file", sentences / "dev.txt", "--disable_tqdm", "True"]
    result = command("glue-suite", "--tasks", "rte,sst2", *words, *flags)  # rte needs two sentences: no columns here
    assert result.exit_code == 0, result.output
    assert "failed" in result.stdout
    assert "done" in result.stdout
    states = {task: json.loads((tmp_path / task / "lr-0.001/suite_run.json").read_text()) for task in ("rte", "sst2")}
    assert "has no columns" in states["rte"]["error"]
    assert states["sst2"]["score"] == states["sst2"]["metrics"]["eval_accuracy"]
    bad = command("glue-suite", "--tasks", "sst2", "--learning-rates", "fast", "--output-dir", tmp_path, "--model", "m")
    assert bad.exit_code == 2
