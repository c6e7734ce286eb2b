import csv
import json

import pytest
import torch
from transformers import AutoTokenizer, RobertaConfig, RobertaForSequenceClassification

from spikeport.roberta import RobertaError, run_glue
from spikeport.roberta.glue.data import read_rows
from spikeport.roberta.glue.own_task import read_own_task

pytestmark = pytest.mark.filterwarnings(
    "ignore:Detected call of `lr_scheduler.step\\(\\)` before:UserWarning"  # accelerate's wrapped optimiser
)

TWO = RobertaConfig(num_labels=2)
NAMED = RobertaConfig(id2label={0: "bad", 1: "good", 2: "neither"}, label2id={"bad": 0, "good": 1, "neither": 2})
SCORE = RobertaConfig(num_labels=1)
WORDS = ("good", "bad", "warm", "dull", "great", "flat")


def rows(labels, *columns):
    names = columns or ("sentence",)
    return [{**{name: f"{name} {i}" for name in names}, "label": label} for i, label in enumerate(labels)]


def labels_of(examples):
    return [row["label"] for row in examples]


@pytest.fixture
def own(tiny_model, tmp_path):
    """A function (number of classes) -> folder of a small ReLU RoBERTa with a new head; 1 is regression."""

    def build(classes):
        config = RobertaConfig.from_pretrained(tiny_model)
        config.problem_type, config.num_labels = None, classes
        torch.manual_seed(0)
        folder = tmp_path / f"model{classes}"
        RobertaForSequenceClassification(config).save_pretrained(folder)
        AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
        return folder

    return build


def write(path, labels, columns=("sentence",)):
    """Write a sentence for each label, or for each None one without, in the format that the name asks for."""
    examples = [
        {**dict.fromkeys(columns, f"the film is {WORDS[i % 6]}, {i}"), "label": labels[i]} for i in range(len(labels))
    ]
    with path.open("w", newline="") as stream:
        if path.suffix == ".json":
            stream.write("\n".join(map(json.dumps, examples)))
            return
        writer = csv.writer(stream, delimiter="\t") if path.suffix == ".tsv" else csv.writer(stream)
        writer.writerow(examples[0])
        writer.writerows(row.values() for row in examples)


def run(model, folder, *flags):
    common = ["--model_name_or_path", model, "--output_dir", folder / "out", "--disable_tqdm", "True"]
    return run_glue.main([str(word) for word in (*common, *flags)])


def files(folder, suffix, *splits):
    return [word for split in splits for word in (f"--{split}_file", folder / f"{split}{suffix}")]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".json"])
def test_files_of_three_classes_train_evaluate_convert_and_predict_without_a_task(own, tmp_path, suffix, capsys):
    write(tmp_path / f"train{suffix}", ["up", "down", "Same"] * 8)
    write(tmp_path / f"validation{suffix}", ["down", "Same", "up"] * 3)
    write(tmp_path / f"test{suffix}", [None] * 5)
    flags = ("--do_train", "--do_eval", "--do_predict", "--convert_to_snn", "--transform_config", "default")
    figures = run(own(3), tmp_path, *files(tmp_path, suffix, "train", "validation", "test"), *flags, "--max_steps", "3")
    assert figures["snn_accuracy"] == figures["eval_accuracy"]
    assert figures["snn_agreement"] == 1.0
    assert "taken as classification of 'sentence', 3 classes, Same, down, up" in capsys.readouterr().err
    saved = json.loads((tmp_path / "out/snn/config.json").read_text())
    assert saved["id2label"] == {"0": "Same", "1": "down", "2": "up"}
    lines = (tmp_path / "out/predict_results_classification.txt").read_text().splitlines()
    assert len(lines) == 1 + 5
    assert {line.split("\t")[1] for line in lines[1:]} <= {"Same", "down", "up"}
    again = run(tmp_path / "out", tmp_path, *files(tmp_path, suffix, "validation"), "--do_eval")
    assert again["eval_accuracy"] == figures["eval_accuracy"], "the classes were numbered otherwise without training"


def test_a_column_of_numbers_with_fractions_is_regression_on_pairs_of_sentences(own, tmp_path):
    for split in ("train", "validation"):
        write(tmp_path / f"{split}.csv", [0.5, -1, 3] * 4, ("sentence1", "sentence2"))
    write(tmp_path / "test.csv", [""] * 3, ("sentence1", "sentence2"))
    data = files(tmp_path, ".csv", "train", "validation", "test")
    figures = run(
        own(1), tmp_path, *data, "--do_eval", "--do_predict", "--convert_to_snn", "--transform_config", "default"
    )
    assert figures["eval_mse"] == pytest.approx(figures["eval_loss"], rel=1e-4)
    assert figures["snn_mse"] == pytest.approx(figures["eval_mse"], rel=1e-4), "-1 is a score like any other"
    lines = (tmp_path / "out/predict_results_regression.txt").read_text().splitlines()[1:]
    assert len([float(line.split("\t")[1]) for line in lines]) == 3


def test_a_network_without_a_head_takes_the_classes_of_the_data(own, tmp_path, capsys):
    folder = own(3)
    RobertaForSequenceClassification.from_pretrained(folder).roberta.save_pretrained(folder)
    write(tmp_path / "train.csv", ["a", "b", "c", "d"] * 2)
    write(tmp_path / "validation.csv", ["d", "a"])
    figures = run(folder, tmp_path, *files(tmp_path, ".csv", "train", "validation"), "--do_eval")
    assert figures["eval_samples"] == 2
    assert "has no classifier for this task: it begins at random" in capsys.readouterr().err
    with pytest.raises(RobertaError, match="has 3 classes, and classification 4"):
        run(own(3), tmp_path, *files(tmp_path, ".csv", "train", "validation"), "--do_eval")


@pytest.mark.parametrize(
    "columns, expected",
    [
        (("sentence",), ("sentence",)),
        (("id", "sentence"), ("sentence",)),
        (("other", "sentence2", "sentence1"), ("sentence1", "sentence2")),
        (("question", "passage", "source"), ("question", "passage")),
        (("review",), ("review",)),
    ],
)
def test_sentences_are_found_by_name_or_else_are_the_first_columns(columns, expected):
    task, splits = read_own_task({"train": rows([0, 1], *columns)}, TWO)
    assert task.sentences == expected
    assert splits["train"][1] == {**{name: f"{name} 1" for name in expected}, "label": 1}


@pytest.mark.parametrize(
    "labels, classes, numbers",
    [
        ([10, 9, 10, 2], ("2", "9", "10"), [2, 1, 2, 0]),  # by value and not by spelling
        (["10", "9", "10", "2"], ("2", "9", "10"), [2, 1, 2, 0]),
        (["b", "a", "10", "b"], ("10", "a", "b"), [2, 1, 0, 2]),
        ([-1, 1], ("-1", "1"), [0, 1]),
        ([True, False], ("False", "True"), [1, 0]),
        (["no", "No"], ("No", "no"), [1, 0]),
        (["0.5", "2"], (), [0.5, 2.0]),
        ([1.0, 2], (), [1.0, 2.0]),
        (["1e-1", "-.5"], (), [0.1, -0.5]),
    ],
)
def test_classes_come_from_the_training_labels_and_fractions_make_a_score(labels, classes, numbers):
    task, splits = read_own_task({"train": rows(labels)}, TWO)
    assert task.labels == classes
    assert labels_of(splits["train"]) == numbers


@pytest.mark.parametrize(
    "config, labels, classes, numbers",
    [
        (NAMED, ["good", "bad"], ("bad", "good", "neither"), [1, 0]),
        (NAMED, ["Good", "BAD"], ("bad", "good", "neither"), [1, 0]),
        (NAMED, [2, 0, -1, None], ("bad", "good", "neither"), [2, 0, -1, -1]),
        (NAMED, [None, None], ("bad", "good", "neither"), [-1, -1]),
        (NAMED, ["x", "good"], ("good", "x"), [1, 0]),
        (TWO, ["1", "1"], ("0", "1"), [1, 1]),
        (SCORE, [3, 5], (), [3.0, 5.0]),
    ],
)
def test_without_training_the_models_own_classes_count_where_the_labels_are_among_them(
    config, labels, classes, numbers
):
    task, splits = read_own_task({"validation": rows(labels)}, config)
    assert task.labels == classes
    assert labels_of(splits["validation"]) == numbers


@pytest.mark.parametrize(
    "splits, message",
    [
        ({"train": [{"label": 1}]}, "no column beside 'label'"),
        ({"train": rows(["a", "a"])}, "every label is 'a': a classifier needs two"),
        ({"train": rows([0, 1]), "validation": rows([2])}, "validation example 1: label 2 is not one of 0, 1: give"),
        ({"train": rows([0, 1]), "test": rows([None], "text")}, "test example 1 has no 'sentence'"),
        ({"train": rows([[0], [1]])}, r"train label \[0\] is not one number or name"),
        ({"train": rows([0.5, 1]), "validation": rows(["high"])}, "label 'high' is not a finite number"),
        ({"train": rows([0.5, float("nan")])}, "label nan is not a finite number"),
        ({"train": rows(["a", "b"]), "validation": rows([1])}, "label 1 is not one of a, b"),
    ],
)
def test_data_that_tell_no_task_are_refused_by_split_and_example(splits, message):
    with pytest.raises(RobertaError, match=message) as caught:
        read_own_task(splits, TWO)
    assert caught.value.code == "data"


def test_label_text_lines_need_no_task_and_a_file_without_labels_no_training(tmp_path):
    (tmp_path / "a.txt").write_text("1 a film\n0 a plot\n")
    task, splits = read_own_task({"train": read_rows(tmp_path / "a.txt")}, TWO)
    assert (task.sentences, task.labels) == (("sentence",), ("0", "1"))
    assert splits["train"][0] == {"sentence": "a film", "label": 1}
    (tmp_path / "b.tsv").write_text("review\na film\n")
    task, splits = read_own_task({"test": read_rows(tmp_path / "b.tsv")}, NAMED)
    assert splits["test"] == [{"review": "a film", "label": -1}]
    assert task.labels == ("bad", "good", "neither")
