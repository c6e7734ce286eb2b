"""The flags of run_glue that older transformers had, or that name data and configs: obeyed, and not just accepted."""

import json
import os
import random
import sys
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock

import pytest
import torch
from safetensors.torch import load_file
from transformers import Adafactor, AutoConfig, RobertaForSequenceClassification, Trainer
from transformers.integrations import integration_utils

from spikeport.roberta import RobertaError, run_glue
from spikeport.roberta.glue import hub
from spikeport.roberta.glue.arguments import parse_arguments

pytestmark = pytest.mark.filterwarnings(
    "ignore:Detected call of `lr_scheduler.step\\(\\)` before:UserWarning"  # accelerate's wrapped optimiser
)
COMMON = ("--model_name_or_path", "m", "--task_name", "sst2", "--do_train")


def parsed(*words):
    return parse_arguments([*COMMON, *words])


def run(model, folder, *flags):
    common = ["--model_name_or_path", model, "--output_dir", folder / "out", "--disable_tqdm", "True"]
    return run_glue.main([str(word) for word in (*common, *flags)])


@pytest.mark.parametrize(
    "words, optimiser, sampling",
    [
        (["--adafactor", "--group_by_length"], "adafactor", "group_by_length"),
        (["--adafactor", "True", "--group-by-length=true"], "adafactor", "group_by_length"),
        (["--adafactor", "False", "--group_by_length=False", "--seed", "3"], "adamw_torch_fused", "random"),
        (["--no_adafactor"], "adamw_torch_fused", "random"),
        (["--optim", "sgd", "--adafactor"], "adafactor", "random"),
    ],
)
def test_switches_of_older_transformers_reach_the_training(tmp_path, words, optimiser, sampling):
    _, _, training = parsed(*words)
    assert (training.optim, training.train_sampling_strategy) == (optimiser, sampling)
    assert training.seed == (3 if "3" in words else 42), "the words behind a switch were lost"


def test_switches_of_older_transformers_reach_the_training_from_a_json_file_too(tmp_path):
    data = {"model_name_or_path": "m", "task_name": "sst2", "do_train": True, "optim": "sgd"}
    for switched in (True, False):
        (tmp_path / "a.json").write_text(json.dumps({**data, "adafactor": switched, "group_by_length": switched}))
        _, _, training = parse_arguments([str(tmp_path / "a.json")])
        assert training.optim == ("adafactor" if switched else "sgd")
        assert training.train_sampling_strategy == ("group_by_length" if switched else "random")


def test_a_token_is_kept_from_the_output_and_an_older_name_of_one_means_the_hubs(capsys):
    model, _, training = parsed("--token", "secret", "--push_to_hub_token=other")
    assert (model.token, training.hub_token) == ("secret", "other")
    assert "secret" not in "".join(capsys.readouterr())


def test_grouping_by_length_changes_the_training_and_not_the_order_of_the_predictions(tiny_model, sentences, tmp_path):
    data = ["--task_name", "sst2", "--train_file", sentences / "train.txt", "--test_file", sentences / "test.txt"]
    data += ["--do_predict", "--per_device_eval_batch_size", "3", "--per_device_train_batch_size", "8"]
    run(tiny_model, tmp_path / "plain", *data)
    run(tiny_model, tmp_path / "grouped", *data, "--group_by_length")
    plain, grouped = ((tmp_path / f"{name}/out/predict_results_sst2.txt").read_text() for name in ("plain", "grouped"))
    assert len(set(plain.split())) > 2 + 24, "both classes are predicted, so an order can be told"
    assert grouped == plain


def test_adafactor_is_the_optimiser_that_trains(tiny_model, sentences, tmp_path, monkeypatch):
    made = []
    create = Trainer.create_optimizer

    def note(self, *arguments):
        made.append(create(self, *arguments))
        return made[-1]

    monkeypatch.setattr(Trainer, "create_optimizer", note)
    data = ["--task_name", "sst2", "--train_file", sentences / "train.txt", "--do_train", "--max_steps", "1"]
    run(tiny_model, tmp_path, *data, "--adafactor")
    assert [type(optimiser) for optimiser in made] == [Adafactor]


@pytest.mark.parametrize(
    "words, in_a_file, token",
    [
        (["--use_auth_token"], True, True),
        (["--use_auth_token", "--seed", "3"], True, True),
        (["--use-auth-token", "True"], "true", True),
        (["--use_auth_token=False"], False, False),
        (["--use_auth_token", "secret"], "secret", "secret"),
        (["--token", "secret"], "secret", "secret"),
        ([], None, None),
    ],
)
def test_an_auth_token_is_the_hubs_whether_a_switch_or_a_token(tmp_path, capsys, words, in_a_file, token):
    model, _, training = parsed(*words)
    assert model.hub_token == token
    assert training.seed == (3 if "3" in words else 42)
    data = {"model_name_or_path": "m", "task_name": "sst2", "do_train": True, "use_auth_token": in_a_file}
    (tmp_path / "a.json").write_text(json.dumps(data))
    assert parse_arguments([str(tmp_path / "a.json")])[0].hub_token == token
    assert capsys.readouterr().err == ""


def test_the_token_is_asked_with_where_the_hub_is_and_not_needed_in_a_folder(
    tiny_model, sentences, tmp_path, monkeypatch
):
    asked = []
    load = AutoConfig.from_pretrained

    def note(source, **options):
        asked.append(options["token"])
        return load(source, **options)

    monkeypatch.setattr(AutoConfig, "from_pretrained", note)
    data = ["--task_name", "sst2", "--validation_file", sentences / "dev.txt", "--do_eval"]
    run(tiny_model, tmp_path, *data, "--use_auth_token")
    with pytest.raises(RobertaError, match="cannot load 'nobody/nothing'"):
        run("nobody/nothing", tmp_path, *data, "--use_auth_token", "secret")
    assert (asked[0], asked[-1], set(asked)) == (True, "secret", {True, "secret"})


class Notebook:
    """What TensorBoard's writer and Weights & Biases note of a run, in place of both packages."""

    def __init__(self, monkeypatch):
        self.folders, self.tags = [], []
        monkeypatch.setattr(integration_utils, "get_available_reporting_integrations", lambda: ["tensorboard", "wandb"])
        for package in ("tensorboard", "wandb"):
            monkeypatch.setattr(integration_utils, f"is_{package}_available", lambda: True)
        board, self.wandb = ModuleType("torch.utils.tensorboard"), MagicMock(init=self.begin_run)
        board.SummaryWriter = lambda log_dir: self.folders.append(log_dir) or MagicMock()
        monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", board)
        monkeypatch.setitem(sys.modules, "wandb", self.wandb)
        inside = SimpleNamespace(ConfigError=ValueError)
        for module in ("sdk", "sdk.lib", "sdk.lib.config_util"):
            monkeypatch.setitem(sys.modules, f"wandb.{module}", inside)

    def begin_run(self, **_):
        self.tags.append(os.environ.get("WANDB_TAGS"))
        self.wandb.run = MagicMock()


@pytest.mark.filterwarnings("ignore")  # of transformers' reporters, about the stand-ins
def test_reporters_are_told_where_they_write_and_what_a_run_is_tagged_with(
    tiny_model, sentences, tmp_path, monkeypatch, capsys
):
    noted = Notebook(monkeypatch)
    monkeypatch.delenv("WANDB_TAGS", raising=False)
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", "before")
    data = ["--task_name", "sst2", "--train_file", sentences / "train.txt", "--do_train", "--max_steps", "1"]
    data += ["--overwrite_output_dir", "--report_to"]
    for told in (["--logging_dir", tmp_path / "runs", "--wandb_tags", "snn", "small,quick"], []):
        noted.wandb.run = None
        run(tiny_model, tmp_path, *data, "all", *told)
    assert noted.folders == [str(tmp_path / "runs"), "before"]
    assert noted.tags == ["snn,small,quick", None]
    assert (os.environ["TENSORBOARD_LOGGING_DIR"], os.environ.get("WANDB_TAGS")) == ("before", None)
    assert "does nothing" not in capsys.readouterr().err


def test_what_is_said_to_a_reporter_that_is_not_asked_for_is_said_to_do_nothing(tmp_path, capsys):
    given = {"logging_dir": "runs", "wandb_tags": ["snn"]}
    data = {"model_name_or_path": "m", "task_name": "sst2", "do_train": True, **given}
    (tmp_path / "a.json").write_text(json.dumps(data))
    for words in ([*COMMON, "--logging_dir=runs", "--wandb_tags", "snn"], [str(tmp_path / "a.json")]):
        _, told, _ = parse_arguments(words)
        assert (told.tensorboard_logging_dir, told.wandb_tags) == ("runs", ["snn"])
        said = capsys.readouterr().err
        assert "--tensorboard_logging_dir does nothing without --report_to tensorboard" in said
        assert "--wandb_tags does nothing without --report_to wandb" in said


def test_a_config_of_another_place_is_the_models(tiny_model, sentences, tmp_path):
    config = AutoConfig.from_pretrained(tiny_model)
    config.id2label, config.label2id = {0: "positive", 1: "negative"}, {"positive": 0, "negative": 1}
    config.save_pretrained(tmp_path / "turned")
    data = ["--task_name", "sst2", "--validation_file", sentences / "dev.txt", "--do_eval"]
    straight = run(tiny_model, tmp_path, *data)
    turned = run(tiny_model, tmp_path, *data, "--config_name", tmp_path / "turned")
    assert straight["eval_accuracy"] > 0.6
    assert turned["eval_accuracy"] == pytest.approx(1 - straight["eval_accuracy"]), "the config was not read"
    with pytest.raises(RobertaError, match=r"cannot load '\./nowhere'"):
        run(tiny_model, tmp_path, *data, "--config_name", "./nowhere")


@pytest.fixture
def data_set(tmp_path):
    """A folder that `datasets` reads: two splits of pairs, with a class of text."""
    folder = tmp_path / "pairs"
    folder.mkdir()
    draw = random.Random(0)
    for split, count in (("train", 12), ("validation", 6)):
        lines = [f"a film {i},the plot is {draw.choice('ab')} {i},{('same', 'other')[i % 2]}" for i in range(count)]
        (folder / f"{split}.csv").write_text("\n".join(["sentence1,sentence2,label", *lines]) + "\n")
    return folder


def test_a_data_set_in_a_folder_trains_a_task_of_its_own_and_one_of_glue(tiny_model, data_set, tmp_path, capsys):
    named = ["--dataset_name", data_set, "--dataset_config_name", "default", "--cache_dir", tmp_path / "cache"]
    figures = run(tiny_model, tmp_path, *named, "--do_train", "--do_eval", "--max_steps", "1")
    assert (figures["train_samples"], figures["eval_samples"]) == (12, 6)
    assert "of 'sentence1' and 'sentence2', 2 classes, other, same" in capsys.readouterr().err
    assert f"Data: `{data_set}`" in (tmp_path / "out/README.md").read_text()
    assert any((tmp_path / "cache").iterdir()), "it was kept elsewhere than in cache_dir"
    for path in data_set.iterdir():
        path.write_text(path.read_text().replace(",same", ",equivalent").replace(",other", ",not_equivalent"))
    figures = run(tiny_model, tmp_path, *named, "--task_name", "mrpc", "--do_eval")
    assert set(figures) >= {"eval_accuracy", "eval_f1"}


def test_classes_that_a_data_set_names_keep_its_numbers(tiny_model, tmp_path):
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features({"sentence": Value("string"), "label": ClassLabel(names=["5", "1"])})
    texts, labels = ["a film", "a plot", "a story"], [1, 0, -1]
    table = Dataset.from_dict({"sentence": texts, "label": labels}, features=features)
    (tmp_path / "stars").mkdir()
    for split in ("train", "test"):
        table.select([0, 1] if split == "train" else [0, 1, 2]).to_parquet(tmp_path / f"stars/{split}.parquet")
    data = ["--dataset_name", tmp_path / "stars", "--cache_dir", tmp_path / "cache"]
    figures = run(tiny_model, tmp_path, *data, "--do_train", "--do_predict", "--max_steps", "1")
    assert figures["train_samples"] == 2
    assert json.loads((tmp_path / "out/config.json").read_text())["id2label"] == {"0": "5", "1": "1"}
    assert len((tmp_path / "out/predict_results_classification.txt").read_text().splitlines()) == 1 + 3


@pytest.mark.parametrize(
    "words, message",
    [
        (["--dataset_name", "d", "--train_file", "t.csv"], "one of --data_dir, --dataset_name and files"),
        (["--dataset_config_name", "c", "--train_file", "t.csv"], "of --dataset_name, which is missing"),
        (["--report_to", "abacus"], "--report_to abacus: abacus is not supported"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(words, message):
    with pytest.raises(RobertaError, match=message):
        parsed(*words)


def test_a_data_set_that_is_nowhere_is_refused_with_its_name(tiny_model, tmp_path):
    with pytest.raises(RobertaError, match=r"cannot load nobody/nothing .*: give a folder") as caught:
        run(tiny_model, tmp_path, "--dataset_name", "nobody/nothing", "--do_eval")
    assert caught.value.code == "data"


def test_a_report_to_a_package_that_is_not_installed_is_refused_before_any_work(monkeypatch):
    monkeypatch.setattr("transformers.integrations.integration_utils.is_wandb_available", lambda: False)
    with pytest.raises(RobertaError, match="--report_to wandb: WandbCallback requires wandb"):
        parsed("--report_to", "wandb")


def test_half_precision_that_this_cpu_ignores_is_said_aloud(capsys):
    parsed("--use_cpu", "--fp16")
    assert "--fp16 is for accelerators: on this CPU everything is computed in single" in capsys.readouterr().err
    parsed("--use_cpu", "--bf16")
    assert "note:" not in capsys.readouterr().err


def test_a_hub_that_does_not_answer_is_asked_once_and_not_for_half_a_minute(monkeypatch, tmp_path, capsys):
    asked = []

    class Unreachable:
        def head(self, address, timeout):
            asked.append((address, timeout))
            raise OSError("no network")

    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub.huggingface_hub, "get_session", Unreachable)
    hub.hub_answers.cache_clear()
    try:
        for _ in range(2):
            with pytest.raises(RobertaError, match="cannot load 'nobody/nothing'"):
                run("nobody/nothing", tmp_path, "--task_name", "sst2", "--do_eval")
            assert hub.constants.HF_HUB_OFFLINE is False, "the rest of the process is offline too"
        assert len(asked) == 1
    finally:
        hub.hub_answers.cache_clear()
    said = capsys.readouterr().err
    assert "does not answer: nobody/nothing is looked for in the cache" in said
    assert "Retrying" not in said


def test_a_folder_needs_no_hub(monkeypatch, tmp_path):
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "hub_answers", lambda: pytest.fail("the hub was asked for what lies in a folder"))
    with hub.reached_once(str(tmp_path)):
        assert hub.constants.HF_HUB_OFFLINE is False


def test_weights_that_a_file_has_in_half_precision_are_calibrated_and_saved_in_single(tiny_model, sentences, tmp_path):
    AutoConfig.from_pretrained(tiny_model).save_pretrained(tmp_path / "half")
    model = RobertaForSequenceClassification.from_pretrained(tiny_model).bfloat16()
    model.save_pretrained(tmp_path / "half")
    flags = ["--task_name", "sst2", "--validation_file", sentences / "dev.txt", "--tokenizer_name", tiny_model]
    flags += ["--transform_config", "default", "--convert_to_snn"]
    figures = run(tmp_path / "half", tmp_path, *flags)
    assert figures["snn_largest_difference"] < 1e-4
    saved = load_file(tmp_path / "out/snn/model.safetensors")
    thresholds = torch.cat([value for name, value in saved.items() if name.endswith("threshold")])
    assert thresholds.dtype == torch.float32
    assert not torch.equal(thresholds, thresholds.bfloat16().float()), "calibrated in half precision"
