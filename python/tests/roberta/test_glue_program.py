import json
import shlex
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, RobertaConfig, RobertaForSequenceClassification

from spikeport.roberta import (
    QuantisedRobertaForSequenceClassification,
    RobertaError,
    SpikingRobertaForSequenceClassification,
    run_glue,
)
from spikeport.roberta.evaluation.evaluate import pad
from spikeport.roberta.evaluation.tasks import TASKS
from spikeport.roberta.glue.arguments import _known_names, parse_arguments
from spikeport.roberta.glue.data import read_examples
from spikeport.roberta.glue.spellings import IGNORED, OLDER_SPELLINGS, OPTIONAL_VALUE, SWITCHES
from spikeport.roberta.glue.spiking_stage import FOLDER
from spikeport.roberta.network import calibration

pytestmark = pytest.mark.filterwarnings(
    # torch's own scheduler order check misfires on accelerate's wrapped optimiser
    "ignore:Detected call of `lr_scheduler.step\\(\\)` before:UserWarning"
)

SINGLE_TASK = """
--model_name_or_path ${MODEL_NAME} --task_name ${TASK_NAME} --do_train --do_eval --max_seq_length 128
--per_device_train_batch_size ${BATCH_SIZE} --learning_rate ${LEARNING_RATE} --num_train_epochs ${NUM_EPOCHS}
--output_dir ./output/${TASK_NAME}_snn --overwrite_output_dir --transform_config ${TRANSFORM_CONFIG}
--evaluation_strategy epoch --save_strategy epoch --logging_steps 50 --seed 42
"""
EVALUATION_ONLY = """
--model_name_or_path ${MODEL_NAME} --task_name ${TASK_NAME} --do_eval --max_seq_length 128
--per_device_eval_batch_size ${BATCH_SIZE} --output_dir ./output/${TASK_NAME}_eval
--transform_config ${TRANSFORM_CONFIG} --overwrite_output_dir
"""
FINE_TUNED_WEIGHTS = EVALUATION_ONLY + "--model_weights_path ./output/${TASK_NAME}_snn"
FULL_SPIKING = EVALUATION_ONLY + "--convert_to_snn"
EVALUATE = "--model_name_or_path ${MODEL_NAME} --task_name sst2 --do_eval "
BASELINE = """
--model_name_or_path ${MODEL_NAME} --task_name ${TASK_NAME} --do_train --do_eval --max_seq_length 128
--per_device_train_batch_size ${BATCH_SIZE} --learning_rate ${LEARNING_RATE} --num_train_epochs ${NUM_EPOCHS}
--output_dir ./output/${TASK_NAME}_baseline --overwrite_output_dir --evaluation_strategy epoch --save_strategy epoch
"""


@pytest.fixture
def program(tiny_model, sentences, tmp_path, monkeypatch):
    """A function that runs a documented command, with a local model and files in place of the hub's."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(run_glue.__file__.replace("run_glue.py", "network/transform_cfg.yaml"), tmp_path)
    values = {
        "MODEL_NAME": str(tiny_model),
        "TASK_NAME": "sst2",
        "BATCH_SIZE": "16",
        "LEARNING_RATE": "1e-3",
        "NUM_EPOCHS": "1",
        "TRANSFORM_CONFIG": "./transform_cfg.yaml",
    }
    files = f" --train_file {sentences}/train.txt --validation_file {sentences}/dev.txt --disable_tqdm True"

    def run(command, more=files):
        words = shlex.split(more + " " + command.replace("\n", " "))
        for name, value in values.items():
            words = [word.replace("${" + name + "}", value) for word in words]
        return run_glue.main(words)

    return run


def read(path):
    return json.loads(path.read_text())


def test_every_documented_command_runs_in_its_order(program, tmp_path):
    trained = program(SINGLE_TASK)
    assert trained["train_loss"] > 0
    assert read(tmp_path / "output/sst2_snn/all_results.json") == pytest.approx(trained)
    card = tmp_path / "output/sst2_snn/README.md"
    assert "calibrated on 160 train sentences, then trained\n" in card.read_text()
    assert 'QuantisedRobertaForSequenceClassification.from_pretrained(".")' in card.read_text()
    plain = program(EVALUATION_ONLY)
    card = tmp_path / "output/sst2_eval/README.md"
    assert "calibrated on 160 train sentences\n" in card.read_text()
    assert "from_pretrained" not in card.read_text(), "an evaluation saves no weights"
    tuned = program(FINE_TUNED_WEIGHTS)
    assert "those of `./output/sst2_snn`\n" in card.read_text()
    assert tuned["eval_accuracy"] == trained["eval_accuracy"]
    assert tuned["eval_loss"] == pytest.approx(trained["eval_loss"])
    assert tuned["eval_loss"] != plain["eval_loss"]
    spiking = program(FULL_SPIKING)
    assert spiking["snn_accuracy"] == spiking["eval_accuracy"] == plain["eval_accuracy"]
    assert spiking["snn_agreement"] == 1.0
    assert spiking["snn_unsettled"] == 0
    baseline = program(BASELINE)
    assert baseline["eval_accuracy"] >= 0.5
    assert "spikeport_transform" not in read(tmp_path / "output/sst2_baseline/config.json")
    card = (tmp_path / "output/sst2_baseline/README.md").read_text()
    assert "none (baseline)" in card
    assert "Scales" not in card


def test_the_spiking_stage_leaves_results_a_report_and_a_network_that_loads(program, tmp_path, sentences):
    summary = program(FULL_SPIKING)
    out = tmp_path / "output/sst2_eval"
    results = read(out / "snn_results.json")
    assert results["metrics"]["accuracy"] == summary["snn_accuracy"]
    assert len(results["per_timestep"]) == results["timesteps"] == summary["snn_timesteps"]
    assert results["per_timestep"][0]["accuracy"] != results["per_timestep"][-1]["accuracy"]
    assert results["certificate"]["level"] == "measured"
    assert len(results["layers"]) == 2 * 8 + 1
    assert all(layer["synaptic_operations"] >= layer["spikes"] > 0 for layer in results["layers"])
    assert "Horowitz" in results["energy"]["assumptions"]
    assert "<svg" in (out / "snn_report.html").read_text()
    assert (out / "snn_accuracy.svg").read_text().startswith("<svg")
    card = (out / "README.md").read_text()
    assert f"| snn_accuracy | {summary['snn_accuracy']:.4g} |" in card
    assert 'SpikingRobertaForSequenceClassification.from_pretrained(".")' in (out / FOLDER / "README.md").read_text()

    loaded = SpikingRobertaForSequenceClassification.from_pretrained(out / FOLDER)
    tokenizer = AutoTokenizer.from_pretrained(out / FOLDER)
    rows = read_examples(sentences / "dev.txt", TASKS["sst2"])
    ids = tokenizer([row["sentence"] for row in rows], truncation=True, max_length=32)["input_ids"]
    with torch.inference_mode():
        logits = loaded(**pad([{"input_ids": i} for i in ids], 1)).logits
    accuracy = np.mean(logits.argmax(1).numpy() == [row["label"] for row in rows])
    assert accuracy == summary["snn_accuracy"]


def test_scales_stay_at_one_without_calibration_as_documented(program, tmp_path):
    calibrated = program(SINGLE_TASK.replace("--num_train_epochs ${NUM_EPOCHS}", "--max_steps 1 --learning_rate 1e-9"))
    assert calibrated["calibrated_scales"] == 17
    folder = tmp_path / "output/sst2_snn"
    model = QuantisedRobertaForSequenceClassification.from_pretrained(folder)
    assert all(q.scale.item() != 1.0 for q in model.quantisers().values())
    program(SINGLE_TASK.replace("${NUM_EPOCHS}", "1 --max_steps 1 --learning_rate 1e-9 --no_calibrate"))
    model = QuantisedRobertaForSequenceClassification.from_pretrained(folder)
    assert all(q.scale.item() == pytest.approx(1.0, abs=1e-6) for q in model.quantisers().values())


def test_a_fine_tuned_folder_is_a_model_of_its_own(program, tmp_path):
    trained = program(SINGLE_TASK)
    again = program(
        "--model_name_or_path ./output/sst2_snn --task_name sst2 --do_eval --output_dir ./again --convert_to_snn"
    )
    assert again["eval_accuracy"] == trained["eval_accuracy"] == again["snn_accuracy"]
    assert again["eval_loss"] == pytest.approx(trained["eval_loss"]), "its scales were calibrated away"
    with_transform = program(FULL_SPIKING.replace("${MODEL_NAME}", "./output/sst2_snn"))
    assert with_transform["eval_loss"] == pytest.approx(trained["eval_loss"]), "its scales were calibrated away"
    with pytest.raises(RobertaError, match="is a spiking network already"):
        program("--model_name_or_path ./again/snn --task_name sst2 --do_eval --output_dir ./more")


def test_arguments_come_from_a_json_file_with_older_names_too(program, tmp_path, tiny_model, sentences):
    arguments = {
        "model_name_or_path": str(tiny_model),
        "task_name": "sst2",
        "train_file": str(sentences / "train.txt"),
        "validation_file": str(sentences / "dev.txt"),
        "do_eval": True,
        "transform_config": "default",
        "output_dir": str(tmp_path / "from_json"),
        "evaluation_strategy": "no",
        "no_cuda": True,
        "disable_tqdm": True,
    }
    (tmp_path / "arguments.json").write_text(json.dumps(arguments))
    from_json = run_glue.main([str(tmp_path / "arguments.json")])
    assert from_json["eval_accuracy"] == program(EVALUATION_ONLY)["eval_accuracy"]
    (tmp_path / "arguments.json").write_text(json.dumps({**arguments, "no_calibrate": True}))
    uncalibrated = run_glue.main([str(tmp_path / "arguments.json")])
    assert "calibrated_scales" not in uncalibrated
    assert uncalibrated["eval_loss"] != from_json["eval_loss"]


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("evaluation_strateg", "no", "no argument 'evaluation_strateg'; did you mean 'eval_strategy'"),
        ("snn_dtype", "float16", "one of float32, float64, not float16"),
        ("do_eval", False, "nothing to do"),
    ],
)
def test_a_wrong_name_or_value_in_a_json_file_is_named(tmp_path, name, value, message):
    arguments = {"model_name_or_path": "m", "task_name": "sst2", "do_eval": True, name: value}
    (tmp_path / "arguments.json").write_text(json.dumps(arguments))
    with pytest.raises(RobertaError, match=message):
        parse_arguments([str(tmp_path / "arguments.json")])


def test_training_goes_on_from_the_last_checkpoint(program, tmp_path):
    rest = "--transform_config default --do_train --do_eval --output_dir ./r --learning_rate 1e-3 --save_steps 2 "
    rest += "--lr_scheduler_type constant "
    whole = program(EVALUATE + rest.replace("./r", "./whole") + "--max_steps 4")
    program(EVALUATE + rest + "--max_steps 2")
    resumed = program(EVALUATE + rest + "--max_steps 4 --resume_from_checkpoint True")
    assert (tmp_path / "r/checkpoint-4").is_dir()
    assert resumed["eval_loss"] == pytest.approx(whole["eval_loss"], rel=1e-5)


def test_old_and_new_spellings_of_flags_mean_the_same():
    common = ["--model_name_or_path", "m", "--task_name", "sst2", "--do_train"]
    old = [*common, "--evaluation_strategy", "epoch", "--per_gpu_train_batch_size=7", "--no_cuda", "--relu-fy"]
    new = [*common, "--eval_strategy", "epoch", "--per_device_train_batch_size=7", "--use_cpu", "--relufy"]
    for words in (old, new):
        model, _, training = parse_arguments(words)
        assert (training.eval_strategy, training.per_device_train_batch_size) == ("epoch", 7)
        assert training.use_cpu
        assert model.relufy


def test_predictions_are_written_by_class_name(program, tmp_path, sentences):
    program(
        "--model_name_or_path ${MODEL_NAME} --task_name sst2 --do_predict --transform_config default --output_dir ./p",
        f" --train_file {sentences}/train.txt --test_file {sentences}/test.txt --disable_tqdm True",
    )
    lines = (tmp_path / "p/predict_results_sst2.txt").read_text().splitlines()
    assert lines[0] == "index\tprediction"
    assert len(lines) == 1 + 24
    assert {line.split("\t")[1] for line in lines[1:]} == {"negative", "positive"}


def test_samples_and_steps_of_the_spiking_evaluation_are_limited(program, tmp_path):
    summary = program(FULL_SPIKING + " --snn_eval_samples 5 --snn_timesteps 6 --snn_dtype float64")
    assert (summary["snn_samples"], summary["snn_timesteps"], summary["snn_unsettled"]) == (5, 6, 5)
    results = read(tmp_path / "output/sst2_eval/snn_results.json")
    assert "still moving after 6 steps" in results["certificate"]["reason"]
    assert read(tmp_path / "output/sst2_eval/snn/config.json")["snn_timesteps"] == 6


def test_which_sentences_gave_the_scales_is_said(program, tmp_path, sentences, capsys, monkeypatch):
    command = "--model_name_or_path ${MODEL_NAME} --task_name sst2 --do_eval --transform_config default --output_dir o"
    program(command, f"--validation_file {sentences}/dev.txt --disable_tqdm True")
    assert "calibrated on 40 validation sentences, which are the evaluation's own: give" in capsys.readouterr().err
    assert (
        "calibrated on 40 validation sentences, which are the evaluation's own\n"
        in (tmp_path / "o/README.md").read_text()
    )
    program(command + " --calibration_batches 2")
    assert "calibrated on 16 train sentences\n" in capsys.readouterr().err
    monkeypatch.setattr(calibration, "MOST_VALUES", 1)
    program(command)
    assert "calibrated on 1 of 160 train sentences, as many as are run at once\n" in capsys.readouterr().err


@pytest.mark.parametrize("precision", ["--bf16 --do_train --max_steps 1 --learning_rate 1e-9", "--bf16_full_eval"])
def test_both_networks_are_compared_and_saved_in_single_precision_whatever_the_training_computed_in(
    program, tmp_path, precision
):
    summary = program(FULL_SPIKING + f" --use_cpu {precision}")
    assert summary["snn_agreement"] == 1.0
    assert summary["snn_largest_difference"] < 1e-4
    saved = load_file(tmp_path / "output/sst2_eval/snn/model.safetensors")
    assert {value.dtype for value in saved.values()} == {torch.float32}
    weight = saved["classifier.dense.weight"]
    assert not torch.equal(weight, weight.bfloat16().float()), "rounded on the way"


def test_what_a_run_does_of_its_own_accord_is_said_aloud(program, tmp_path, tiny_model, sentences, capsys):
    program(EVALUATE + "--output_dir ./o --max_seq_length 300")
    quiet = capsys.readouterr().err
    assert "note:" not in quiet
    assert "at most 32 tokens" in (tmp_path / "o/README.md").read_text(), "the model has no positions for more"
    program(EVALUATE + "--output_dir ./o --max_seq_length 5")
    assert "of 40 validation examples are longer than 5 tokens, and are cut" in capsys.readouterr().err
    deep = (tmp_path / "transform_cfg.yaml").read_text().replace("level: 32", "level: 256")
    (tmp_path / "deep.yaml").write_text(deep)
    program(EVALUATE + "--transform_config ./deep.yaml")
    said = capsys.readouterr().err
    assert "level 256 quantises hardly at all" in said
    assert "written into the folder trainer_output" in said


def test_a_random_head_and_classes_of_other_names_are_said_aloud(program, tmp_path, tiny_model, capsys):
    for name in ("headless", "named"):
        AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path / name)
    RobertaForSequenceClassification.from_pretrained(tiny_model).roberta.save_pretrained(tmp_path / "headless")
    program(EVALUATE.replace("${MODEL_NAME}", "./headless") + "--output_dir ./o")
    assert "./headless has no classifier for this task: it begins at random" in capsys.readouterr().err
    model = RobertaForSequenceClassification.from_pretrained(tiny_model)
    model.config.id2label, model.config.label2id = {0: "up", 1: "down"}, {"up": 0, "down": 1}
    model.save_pretrained(tmp_path / "named")
    program(EVALUATE.replace("${MODEL_NAME}", "./named") + "--output_dir ./o")
    said = capsys.readouterr().err
    assert "calls its classes up, down, and sst2 negative, positive: taken by their numbers" in said
    assert "at random" not in said


def test_a_file_of_weights_is_as_good_as_its_folder(program, tmp_path):
    trained = program(SINGLE_TASK)
    folder = tmp_path / "output/sst2_snn"
    torch.save(load_file(folder / "model.safetensors"), tmp_path / "pytorch_model.bin")
    for file in ("./output/sst2_snn/model.safetensors", "./pytorch_model.bin"):
        tuned = program(EVALUATION_ONLY + f" --model_weights_path {file}")
        assert tuned["eval_loss"] == pytest.approx(trained["eval_loss"]), file


def test_the_spiking_stage_runs_without_an_evaluation_of_the_quantised_network(program, tmp_path):
    figures = program(FULL_SPIKING.replace("--do_eval", ""))
    assert figures["snn_agreement"] == 1.0
    assert "eval_loss" not in figures


def test_flags_that_change_nothing_here_are_taken_with_a_word_from_the_line_and_from_a_file(tmp_path, capsys):
    common = {"model_name_or_path": "m", "task_name": "sst2", "do_eval": True}
    ignored = {"fp16_backend": "apex", "use_fast_tokenizer": True, "overwrite_cache": True, "jit_mode_eval": False}
    words = ["--fp16_backend", "apex", "--no-use-fast-tokenizer", "--overwrite_cache", "--jit_mode_eval=False"]
    _, data, training = parse_arguments([*words, "--model_name_or_path", "m", "--task_name", "sst2", "--do_eval"])
    assert (data.task_name, training.do_eval) == ("sst2", True)
    said = capsys.readouterr().err
    assert said.count("is ignored") == 4
    (tmp_path / "arguments.json").write_text(json.dumps(common | ignored))
    _, data, training = parse_arguments([str(tmp_path / "arguments.json")])
    assert (data.task_name, training.do_eval) == ("sst2", True)
    assert capsys.readouterr().err.count("is ignored") == 4


def test_neither_a_task_nor_data_is_an_error_that_names_both():
    with pytest.raises(RobertaError, match=r"--task_name is missing: .* or --dataset_name or files of your own"):
        parse_arguments(["--model_name_or_path", "m", "--do_eval"])


def test_no_flag_that_means_something_is_ignored():
    assert not IGNORED.keys() & _known_names()


def test_every_spelling_of_today_is_one_that_transformers_knows():
    today = {*OLDER_SPELLINGS.values(), *OPTIONAL_VALUE.values(), *(argument for argument, _ in SWITCHES.values())}
    assert today <= _known_names()


def pair_files(folder, task, labels):
    for split in ("train", "dev", "dev_mismatched"):
        header = "\t".join([*task.sentences, "label"])
        rows = [f'the film is good {i}\ta film, and "good" {i}\t{labels[i % len(labels)]}' for i in range(12)]
        if len(task.sentences) == 1:
            rows = [f"the film is good {i}\t{labels[i % len(labels)]}" for i in range(12)]
        (folder / f"{split}.tsv").write_text("\n".join([header, *rows]) + "\n")


@pytest.mark.parametrize("name", sorted(TASKS))
def test_each_of_the_nine_tasks_gives_its_metrics_for_both_networks(name, tiny_model, tmp_path):
    task = TASKS[name]
    config = RobertaConfig.from_pretrained(tiny_model)
    config.problem_type = None
    config.id2label = dict(enumerate(task.labels)) or {0: "score"}
    config.label2id = {value: key for key, value in config.id2label.items()}
    torch.manual_seed(0)
    RobertaForSequenceClassification(config).save_pretrained(tmp_path / "model")
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path / "model")
    pair_files(tmp_path, task, ["0.5", "4.5", "2"] if task.is_regression else task.labels)
    words = f"--model_name_or_path {tmp_path}/model --task_name {name} --data_dir {tmp_path} --do_eval --convert_to_snn"
    figures = run_glue.main(
        [
            *words.split(),
            "--output_dir",
            str(tmp_path / "out"),
            "--transform_config",
            "default",
            "--disable_tqdm",
            "True",
        ]
    )
    suffixes = ("", "_mm") if name == "mnli" else ("",)
    for suffix in suffixes:
        for metric in (*task.metrics, task.score):
            assert figures[f"snn_{metric}{suffix}"] == pytest.approx(figures[f"eval_{metric}{suffix}"], abs=1e-6)
        assert figures[f"snn_agreement{suffix}"] == 1.0


def test_a_gelu_checkpoint_is_refused_and_relufy_with_training_is_the_way_out(program, tiny_model, tmp_path):
    shutil.copytree(tiny_model, tmp_path / "gelu")
    config = read(tmp_path / "gelu/config.json")
    (tmp_path / "gelu/config.json").write_text(json.dumps({**config, "hidden_act": "gelu"}))
    command = "--model_name_or_path ./gelu --task_name sst2 --transform_config default --output_dir ./o "
    with pytest.raises(RobertaError, match=r"'gelu'.*--relufy"):
        program(command + "--do_eval")
    with pytest.raises(RobertaError, match="add --do_train"):
        program(command + "--do_eval --relufy")
    figures = program(command + "--do_train --do_eval --relufy --max_steps 2")
    assert figures["calibrated_scales"] == 17
    assert read(tmp_path / "o/config.json")["hidden_act"].startswith("relu")


@pytest.mark.parametrize(
    "flags, code, message",
    [
        ("--task_name sst2 --do_eval", "arguments", "--model_name_or_path is missing"),
        ("--model_name_or_path ${MODEL_NAME} --task_name sst2", "arguments", "nothing to do"),
        ("--model_name_or_path ${MODEL_NAME} --task_name sst-3 --do_eval", "task", "did you mean 'sst2'"),
        ("--model_name_or_path ./nowhere --task_name sst2 --do_eval", "model", "cannot load './nowhere'"),
        ("--model_name_or_path ${MODEL_NAME} --task_name mnli --do_eval", "model", "has 2 classes, and mnli 3"),
        (
            "--model_name_or_path ${MODEL_NAME} --task_name sst2 --do_eval --convert_to_snn",
            "arguments",
            "needs --transf",
        ),
        ("--model_name_or_path ${MODEL_NAME} --task_name sst2 --do_predict", "data", "needs test examples"),
        (
            "--model_name_or_path ${MODEL_NAME} --task_name sst2 --do_eval --transform_config none.yaml",
            "transform",
            "none.yaml is not a file",
        ),
        (
            "--model_name_or_path ${MODEL_NAME} --task_name sst2 --do_eval --transform_config default "
            "--model_weights_path ./missing",
            "weights",
            "missing holds no model.safetensors",
        ),
        (
            "--model_name_or_path ${MODEL_NAME} --task_name sst2 --do_eval --transform_config default "
            "--model_weights_path ${MODEL_NAME}",
            "weights",
            "has no quantiser scales",
        ),
        (EVALUATE + "--transform_config ./elsewhere/transform_cfg.yaml", "transform", "give 'default'"),
        (EVALUATE + "--max_eval 3", "arguments", "did you mean 'max_eval_samples'"),
        (EVALUATE + "--model_weights_path ./latin.yaml", "weights", "latin.yaml cannot be read"),
        (EVALUATE + "--snn_timesteps 0", "arguments", "at least 1"),
        (EVALUATE + "--calibrate_batches 3", "arguments", "did you mean 'calibration_batches'"),
        (EVALUATE + "--max_eval_samples -1", "arguments", "at least 1, not -1"),
        (EVALUATE + "--per_device_eval_batch_size 0", "arguments", "at least 1"),
        (EVALUATE + "--max_seq_length 2", "arguments", "leave no room for words"),
        (EVALUATE + "--fsdp", "arguments", "start them with torchrun"),
        (EVALUATE + "--load_best_model_at_end --eval_strategy epoch", "arguments", "save and eval strategy"),
        (EVALUATE + "--resume_from_checkpoint True", "output", "holds no checkpoint"),
        (EVALUATE + "--resume_from_checkpoint ./nowhere", "output", "nowhere is not a checkpoint"),
        (EVALUATE + "--validation_file ./unlabelled.tsv", "data", "2 of 2 validation examples have none"),
        (EVALUATE + "--do_train --train_file ./unlabelled.tsv", "data", "2 of 2 train examples have none"),
        (EVALUATE.replace("${MODEL_NAME}", "./wordless"), "model", "wordless holds no tokenizer"),
        (EVALUATE.replace("${MODEL_NAME}", "./damaged"), "model", "cannot load './damaged'"),
        (EVALUATE.replace("${MODEL_NAME}", "./poisoned"), "weights", "numbers of classifier.out_proj.bias are not fi"),
        (EVALUATE + "--transform_config ./half.yaml --convert_to_snn", "transform", "would not spike"),
        (EVALUATE + "--transform_config ./latin.yaml", "transform", "latin.yaml is not UTF-8"),
        (EVALUATE + "--validation_file ./latin.yaml", "data", "latin.yaml is not UTF-8"),
        (EVALUATE + "--tokenizer_name ./many_words", "model", "301 tokens, and the model 300"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(program, tiny_model, tmp_path, flags, code, message):
    (tmp_path / "unlabelled.tsv").write_text("index\tsentence\n0\tgood\n1\tbad\n")
    for folder in ("wordless", "damaged"):
        shutil.copytree(tiny_model, tmp_path / folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "wordless" / name).unlink()
    (tmp_path / "damaged/model.safetensors").write_bytes(b"\x00" * 64)
    poisoned = RobertaForSequenceClassification.from_pretrained(tiny_model)
    with torch.no_grad():
        poisoned.classifier.out_proj.bias[0] = float("nan")
    poisoned.save_pretrained(tmp_path / "poisoned")
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path / "poisoned")
    first_half = (tmp_path / "transform_cfg.yaml").read_text().partition("snn_transformer_config_attn")[0]
    (tmp_path / "half.yaml").write_text(first_half)
    (tmp_path / "latin.yaml").write_bytes(b"\xe9t\xe9: 1")
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.add_tokens(["antidisestablishmentarianism"])
    tokenizer.save_pretrained(tmp_path / "many_words")
    with pytest.raises(RobertaError, match=message) as caught:
        program(flags + " --output_dir ./o")
    assert caught.value.code == code
    assert not (tmp_path / "o").exists()


def test_training_into_a_folder_with_something_in_it_needs_leave(program, tmp_path):
    (tmp_path / "o").mkdir()
    (tmp_path / "o/notes.txt").write_text("mine")
    with pytest.raises(RobertaError, match="--overwrite_output_dir"):
        program("--model_name_or_path ${MODEL_NAME} --task_name sst2 --do_train --output_dir ./o")
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["notes.txt"]


def test_damaged_weights_are_refused(program, tmp_path):
    (tmp_path / "w").mkdir()
    (tmp_path / "w/model.safetensors").write_bytes(b"\x00" * 64)
    with pytest.raises(RobertaError, match="cannot be read"):
        program(EVALUATION_ONLY + " --model_weights_path ./w")


def test_a_checkpoint_of_the_source_documents_own_program_is_refused_by_the_names_in_it(program, tiny_model, tmp_path):
    weights = load_file(tiny_model / "model.safetensors")
    for layer in range(2):
        weights[f"roberta.encoder.layer.{layer}.attention.self.query_quan.s"] = torch.ones(())
    torch.save(weights, tmp_path / "pytorch_model.bin")
    with pytest.raises(RobertaError, match=r"does not fit the model: missing .*, unknown .*query_quan\.s") as caught:
        program(EVALUATION_ONLY + " --model_weights_path ./pytorch_model.bin")
    assert caught.value.code == "weights"


def test_a_checkpoint_folder_is_named_where_the_weights_folder_has_none(program, tmp_path):
    (tmp_path / "w/checkpoint-10").mkdir(parents=True)
    (tmp_path / "w/checkpoint-10/model.safetensors").write_bytes(b"")
    with pytest.raises(RobertaError, match="did you mean w/checkpoint-10"):
        program(EVALUATION_ONLY + " --model_weights_path ./w")


def test_a_model_that_numbers_its_classes_otherwise_is_measured_right(program, tiny_model, tmp_path):
    shutil.copytree(tiny_model, tmp_path / "turned")
    model = RobertaForSequenceClassification.from_pretrained(tiny_model)
    with torch.no_grad():
        for parameter in (model.classifier.out_proj.weight, model.classifier.out_proj.bias):
            parameter.copy_(parameter.flip(0))
    model.config.id2label = {0: "positive", 1: "negative"}
    model.config.label2id = {"positive": 0, "negative": 1}
    model.save_pretrained(tmp_path / "turned")
    straight = program("--model_name_or_path ${MODEL_NAME} --task_name sst2 --do_eval --output_dir ./a")
    turned = program("--model_name_or_path ./turned --task_name sst2 --do_eval --output_dir ./b")
    assert turned["eval_accuracy"] == straight["eval_accuracy"] > 0.6
