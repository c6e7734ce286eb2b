"""Processes that do the same job in turn."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from benchmarks.result import ROOT

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def in_turn(
    sides: Mapping[str, Sequence[str]], rounds: int, at_once: int = 1
) -> tuple[dict[str, list[float]], dict[str, float], dict[str, str]]:
    """Return the seconds of ``rounds`` rounds of each side, its check, and why a side did not answer.

    Parameters
    ----------
    sides : the command of each
    rounds : after one that is not counted; every second one goes the other way round
    at_once : how often a side does its job in a round; its seconds are their mean, for jobs of microseconds
    """
    environment = os.environ | ONE_THREAD | {"PYTHONPATH": f"{ROOT / 'python'}{os.pathsep}{ROOT}"}
    running = {
        who: subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        for who, command in sides.items()
    }
    seconds: dict[str, list[float]] = {who: [] for who in sides}
    checks, failed = dict[str, float](), dict[str, str]()
    for turn in range(rounds + 1):
        for who in list(sides)[:: -1 if turn % 2 else 1]:
            if who in failed:
                continue
            taken = [_once(running[who]) for _ in range(at_once)]
            if None in taken:
                failed[who] = _last_words(running[who])
                print(f"{who}: {failed[who]}", file=sys.stderr, flush=True)
                continue
            spent = [one[0] for one in taken if one]
            checks[who] = taken[-1][1] if taken[-1] else 0.0
            if turn:
                seconds[who].append(sum(spent) / at_once)
    for process in running.values():
        process.communicate()  # closes its input, which ends it
    return {who: taken for who, taken in seconds.items() if who not in failed}, checks, failed


def _once(process: subprocess.Popen[str]) -> tuple[float, float] | None:
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write("\n")
        process.stdin.flush()
    except BrokenPipeError:
        return None
    words = process.stdout.readline().split()
    return (float(words[0]), float(words[1])) if len(words) == 2 else None


def _last_words(process: subprocess.Popen[str]) -> str:
    _, said = process.communicate()
    return (said.strip().splitlines() or [f"it ended with exit code {process.returncode}"])[-1][:200]
