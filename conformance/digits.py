"""The demonstration's network in every language, from its files alone: equal spike counts for every test digit.

``python -m conformance.digits [demo]`` after ``spikeport demo``, which leaves ``digits_snn`` and ``digits_test.npz``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from conformance.languages import converse, load_languages
from conformance.lines import array_words, decode_reply, encode_line
from spikeport.transfer import load_checkpoint

ENCODINGS = ("current", "poisson")


def compare(folder: Path, timesteps: int = 16) -> dict[str, str]:
    """Return, for every language that is there, "" where it gives the reference's answer, else the first difference."""
    with np.load(folder / "digits_test.npz") as data:
        x = data["x"].astype(np.float64)
    graph = load_checkpoint(folder / "digits_snn").to_graph()
    want = []
    lines = []
    for number, encoding in enumerate(ENCODINGS):
        run = graph.run(x, T=timesteps, encoding=encoding, seed=1, backend="reference")
        words = {"drive": array_words(run.drive)}
        for k, (counts, membrane) in enumerate(zip(run.counts, run.membrane, strict=True)):
            words |= {f"counts.{k}": array_words(counts), f"v.{k}": array_words(membrane)}
        want.append(words)
        arguments = {
            "checkpoint": str((folder / "digits_snn").absolute()),
            "shape": list(x.shape),
            "inputs": x.ravel().tolist(),
            "timesteps": timesteps,
            "encoding": encoding,
            "seed": 1,
        }
        lines.append(encode_line(number, "network.run", arguments))
    answers = {}
    for language in load_languages():
        if language.absent():
            continue
        answers[language.name] = language.prepare()
        if answers[language.name]:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            replies, end = converse(language, lines, Path(scratch), timeout=600)
        if end:
            answers[language.name] = end
            continue
        got = [decode_reply(reply, number) for number, reply in enumerate(replies)]
        differing = [
            f"{encoding}: {output}"
            for encoding, a, b in zip(ENCODINGS, want, got, strict=True)
            for output in a
            if a[output] != b.get(output)
        ]
        answers[language.name] = ", ".join(differing)
    return answers


def main(folder: str = "demo") -> int:
    """Print one line per language and return 0 where all agree."""
    answers = compare(Path(folder))
    for name, difference in answers.items():
        print(f"{name:8} {difference or 'equal spikes, membranes and drives for every digit, both encodings'}")
    return 1 if any(answers.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
