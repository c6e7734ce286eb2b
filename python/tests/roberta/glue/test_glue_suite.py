import json

import pytest

from spikeport.roberta import RobertaError
from spikeport.roberta.glue.suite import STATE, SuiteRun, best_runs, run_suite


def test_a_suite_goes_on_after_a_failure_and_does_not_repeat_what_is_done(tmp_path, monkeypatch):
    started, seen = [], []

    def start(task, rate, score, folder, words):
        started.append((task, rate))
        if task == "rte":
            return SuiteRun(task, rate, "failed", error="no data", flags=words)
        return SuiteRun(task, rate, "done", 10 * rate, {f"eval_{score}": 10 * rate}, 1.0, flags=words)

    monkeypatch.setattr("spikeport.roberta.glue.suite._run", start)

    def suite(flags=("--do_eval",)):
        started.clear()
        seen.clear()
        return run_suite(
            ["rte", "sst2"],
            [0.01, 0.02],
            tmp_path,
            model="relu-{task}",
            flags=flags,
            report=lambda run, there: seen.append(there),
        )

    runs = suite()
    assert started == [("rte", 0.01), ("rte", 0.02), ("sst2", 0.01), ("sst2", 0.02)]
    assert [run.state for run in runs] == ["failed", "failed", "done", "done"]
    assert runs[2].flags[:2] == ["--model_name_or_path", "relu-sst2"]
    results = json.loads((tmp_path / "suite_results.json").read_text())
    assert results["best"] == {"sst2": {"learning_rate": 0.02, "score": 0.2}}

    again = suite()
    assert started == [("rte", 0.01), ("rte", 0.02)], "what failed is tried again, what is done is not"
    assert seen == [False, False, True, True]
    assert again[2:] == runs[2:]
    (tmp_path / "sst2/lr-0.02" / STATE).write_text("{cut off")
    suite()
    assert started == [("rte", 0.01), ("rte", 0.02), ("sst2", 0.02)]
    suite(("--do_eval", "--seed", "7"))
    assert len(started) == 4, "other flags are another run"


def test_a_learning_rate_reaches_its_run_as_it_was_given(tmp_path, monkeypatch):
    given = []

    def start(task, rate, score, folder, words):
        given.append((words[words.index("--learning_rate") + 1], folder.name))
        return SuiteRun(task, rate, "done", flags=words)

    monkeypatch.setattr("spikeport.roberta.glue.suite._run", start)
    run_suite(["sst2"], [2e-5, 1.23456789e-5], tmp_path, model="m")
    assert given == [("2e-05", "lr-2e-05"), ("1.23456789e-05", "lr-1.23456789e-05")]


def test_a_data_folder_is_of_a_task_in_any_spelling_and_no_other(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(
        "spikeport.roberta.glue.suite._run", lambda *run: given.append(run[-1]) or SuiteRun(run[0], run[1], "done")
    )
    run_suite(["sst2"], [1e-5], tmp_path, model="m", data_dirs={"SST-2": "reviews"})
    assert given[0][given[0].index("--data_dir") + 1] == "reviews"
    with pytest.raises(RobertaError, match="a data folder for rte"):
        run_suite(["sst2"], [1e-5], tmp_path, model="m", data_dirs={"rte": "pairs"})


def test_the_best_run_is_the_one_with_the_highest_score_of_its_task():
    runs = [
        SuiteRun("mrpc", 1e-5, "done", 0.7),
        SuiteRun("mrpc", 2e-5, "done", 0.8),
        SuiteRun("mrpc", 3e-5, "failed"),
        SuiteRun("rte", 1e-5, "failed"),
    ]
    assert best_runs(runs) == {"mrpc": {"learning_rate": 2e-5, "score": 0.8}}


@pytest.mark.parametrize(
    "tasks, rates, flags, message",
    [
        ([], [1e-3], [], "at least one task"),
        (["sst2"], [], [], "at least one task and one learning rate"),
        (["sst2"], [0.0], [], "not a finite number above 0"),
        (["sst2"], [float("inf")], [], "not a finite number above 0"),
        (["sst-3"], [1e-3], [], "did you mean 'sst2'"),
        (["sst2"], [1e-3], ["--output_dir=x"], "set by the suite"),
    ],
)
def test_a_suite_that_cannot_be_is_refused(tmp_path, tasks, rates, flags, message):
    with pytest.raises(RobertaError, match=message):
        run_suite(tasks, rates, tmp_path, model="m", flags=flags)
    assert not list(tmp_path.iterdir())
