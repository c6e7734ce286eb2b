"""Tasks × learning rates with the GLUE program: one process per run, resumable, one table at the end.

Every run has a folder ``<task>/lr-<rate>`` and leaves ``suite_run.json`` there: its state (``done`` or ``failed``),
the flags it was given and its metrics. A run that is done with the same flags is not done again; one that fails is
noted and the next one starts.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from spikeport.roberta.errors import RobertaError
from spikeport.roberta.evaluation.tasks import get_task

STATE = "suite_run.json"
SET_BY_SUITE = ("--task_name", "--learning_rate", "--output_dir", "--model_name_or_path", "--overwrite_output_dir")


@dataclass(frozen=True)
class SuiteRun:
    """One run of the suite.

    Attributes
    ----------
    task, learning_rate : which
    state : "done" or "failed"
    score : the task's own metric on the validation examples, or None
    metrics : all figures of the run
    seconds : how long it took
    error : the last lines of what a failed run said
    flags : what the GLUE program was given
    """

    task: str
    learning_rate: float
    state: str
    score: float | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""
    flags: list[str] = field(default_factory=list)


def run_suite(
    tasks: Sequence[str],
    learning_rates: Sequence[float],
    output_dir: str | Path,
    *,
    model: str,
    flags: Sequence[str] = (),
    data_dirs: Mapping[str, str] | None = None,
    report: Callable[[SuiteRun, bool], None] | None = None,
) -> list[SuiteRun]:
    """Run the GLUE program for every task and learning rate and return all runs, in that order.

    Parameters
    ----------
    model : hub id or folder; ``{task}`` in it stands for the task's name
    flags : further flags of the GLUE program, the same for every run
    data_dirs : GLUE folder of a task, by name; others come from the hub
    report : called with every run and whether it was there already

    Raises
    ------
    RobertaError
        ``task``: an unknown task; ``arguments``: none, a rate that is not above 0, a data folder of another task, or a
        flag that the suite sets.
    """
    known = [get_task(name) for name in tasks]
    if not known or not learning_rates:
        raise RobertaError("arguments", "a suite needs at least one task and one learning rate")
    if bad := [rate for rate in learning_rates if not 0 < rate < math.inf]:
        raise RobertaError("arguments", f"learning rate {bad[0]} is not a finite number above 0")
    folders = {get_task(name).name: path for name, path in (data_dirs or {}).items()}
    if idle := folders.keys() - {task.name for task in known}:
        raise RobertaError("arguments", f"there is a data folder for {min(idle)}, which is not a task of this suite")
    if clash := [flag for flag in flags if flag.split("=")[0] in SET_BY_SUITE]:
        raise RobertaError("arguments", f"{clash[0]} is set by the suite: leave it out")
    runs = []
    for task in known:
        for rate in learning_rates:
            folder = Path(output_dir) / task.name / f"lr-{float(rate)!r}"
            words = ["--model_name_or_path", model.replace("{task}", task.name), "--task_name", task.name]
            words += ["--learning_rate", repr(float(rate)), "--output_dir", str(folder), "--overwrite_output_dir"]
            if task.name in folders:
                words += ["--data_dir", folders[task.name]]
            words += [word.replace("{task}", task.name) for word in flags]
            run = _finished(folder, words)
            there = run is not None
            if run is None:
                run = _run(task.name, rate, task.score, folder, words)
                _write(folder / STATE, asdict(run))
            runs.append(run)
            if report:
                report(run, there)
    _write(Path(output_dir) / "suite_results.json", {"runs": [asdict(r) for r in runs], "best": best_runs(runs)})
    return runs


def best_runs(runs: Sequence[SuiteRun]) -> dict[str, dict[str, Any]]:
    """Return the learning rate and score of each task's best run, tasks without a finished run left out."""
    best: dict[str, SuiteRun] = {}
    for run in runs:
        leader = best.get(run.task)
        if run.score is not None and (leader is None or leader.score is None or run.score > leader.score):
            best[run.task] = run
    return {task: {"learning_rate": run.learning_rate, "score": run.score} for task, run in best.items()}


def _finished(folder: Path, words: list[str]) -> SuiteRun | None:
    try:
        run = SuiteRun(**json.loads((folder / STATE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return run if run.state == "done" and run.flags == words else None


def _run(task: str, rate: float, score: str, folder: Path, words: list[str]) -> SuiteRun:
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    log = folder / "suite_run.log"
    with log.open("w", encoding="utf-8") as stream:
        command = [sys.executable, "-m", "spikeport.roberta.run_glue", *words]
        code = subprocess.run(command, stdout=stream, stderr=subprocess.STDOUT, env=os.environ, check=False).returncode
    seconds = time.perf_counter() - start
    if code != 0:
        tail = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
        return SuiteRun(task, rate, "failed", seconds=seconds, error="\n".join(tail), flags=words)
    metrics = json.loads((folder / "all_results.json").read_text(encoding="utf-8"))
    found = next((metrics[name] for name in (f"eval_{score}", f"snn_{score}") if name in metrics), None)
    return SuiteRun(task, rate, "done", found, metrics, seconds, flags=words)


def _write(path: Path, data: Any) -> None:
    """Write JSON so that a run that is stopped leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)
