"""Pairs damaged as a seed and a number say: the same ones at any time, on any machine."""

from __future__ import annotations

import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np

from conformance.fuzz.difference import Differ, Readers
from conformance.fuzz.seeds import LARGEST, pairs
from conformance.in_process import checkpoint_of
from conformance.random.damage import damaged
from conformance.random.draw_content import content
from conformance.random.values import Draw
from spikeport.report.progress import bar
from spikeport.transfer import CheckpointError
from spikeport.transfer.saving import checkpoint_bytes

Pair = tuple[bytes, bytes]
DRAWN: Final = 300
NOWHERE: Final = Path("nowhere")


def pool(seed: int) -> list[Pair]:
    """Return good pairs: those of the vectors, and some that hold what ``seed`` draws."""
    good = [(archive, sidecar) for which, archive, sidecar in pairs() if which and len(archive) < LARGEST]
    number = 0
    while len(good) < DRAWN:
        draw = Draw(np.random.default_rng([seed, number]), NOWHERE)
        number += 1
        try:
            with np.errstate(over="ignore"):
                good.append(checkpoint_bytes(checkpoint_of(content(draw))))
        except CheckpointError:
            continue
    return good


def drawn(good: list[Pair], seed: int, number: int) -> Pair:
    """Return a pair of ``good`` damaged; now and then beside a file of another."""
    draw = Draw(np.random.default_rng([seed, number, 1]), NOWHERE)
    archive, sidecar = draw.pick(good)
    if draw.chance(0.02):
        archive = draw.pick(good)[0]
    return damaged(draw, archive, sidecar)


def run(folder: Path, seed: int, count: int, seconds: float) -> Counter[str]:
    """Compare so many pairs, or as many as there is time for; return how often each code was said.

    Raises `Differ`, which names the pair by its number and leaves its files in ``folder``.
    """
    good, readers, counts = pool(seed), Readers(folder), Counter[str]()
    until = time.monotonic() + seconds
    with bar("pairs", count) as advance:
        for number in range(count):
            archive, sidecar = drawn(good, seed, number)
            try:
                counts[readers.compare(archive, sidecar) or "read"] += 1
            except (Differ, ArithmeticError, LookupError, TypeError, ValueError, zipfile.BadZipFile) as error:
                raise Differ(f"pair {number} of seed {seed}: {type(error).__name__}: {error}") from error
            if number % 100 == 99:
                advance(100)
                if time.monotonic() > until:
                    break
    return counts
