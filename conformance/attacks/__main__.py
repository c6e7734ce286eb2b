"""``python -m conformance.attacks``: make every attack, and show by which code each language refuses it."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from conformance.attacks import measured
from conformance.attacks.catalogue import ATTACKS
from conformance.in_process import answer
from conformance.languages import PATIENCE, Language, converse, load_languages
from conformance.lines import decode_reply, encode_line
from spikeport.backends import BackendError, get_backend

IN_PROCESS = {"python": "reference", "rust in process": "rust"}


def write(folder: Path) -> None:
    """Write the files of every attack into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, attack in ATTACKS.items():
        attack.write(folder / name)


def refusals(backend: str, folder: Path) -> tuple[dict[str, str], str]:
    """Return the codes by which a backend refuses the files, and how long it took; raise `BackendError`."""
    started, codes = time.perf_counter(), {}
    kernels = get_backend(backend)
    for name in ATTACKS:
        words = answer(kernels, "checkpoint.reject", {"path": str(folder / name)})
        codes[name] = (words or {}).get("error", ["read!"])[0]
    return codes, f"{time.perf_counter() - started:.2f} s"


def refusals_of_runner(language: Language, folder: Path) -> tuple[dict[str, str], str]:
    """Return the codes of a language's runner, and how long it took with how much memory; raise `ValueError`."""
    lines = [encode_line(k, "checkpoint.reject", {"path": str(folder / name)}) for k, name in enumerate(ATTACKS)]
    with tempfile.TemporaryDirectory() as scratch:
        cost = Path(scratch) / "cost"
        watched = replace(language, run=f"{sys.executable} {measured.__file__} {cost} {language.run}")
        replies, end = converse(watched, lines, Path(scratch), PATIENCE)
        if end:
            raise ValueError(end)
        seconds, peak = cost.read_text("utf-8").split()
    words = [decode_reply(reply, k) for k, reply in enumerate(replies)]
    codes = {name: said.get("error", ["read!"])[0] for name, said in zip(ATTACKS, words, strict=True)}
    return codes, f"{float(seconds):.2f} s, {int(peak) >> 10} MiB at most"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make them, print the table, and return the exit status: 1 where a language does not refuse as it must."""
    parser = argparse.ArgumentParser(prog="conformance.attacks", description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep the files there; by default they go to a temporary folder")
    parser.add_argument("--language", action="append", default=[], help="one only; may be repeated")
    given = parser.parse_args(arguments)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="attacks-"))
    write(folder)
    columns: dict[str, dict[str, str]] = {}
    for name in given.language or [*IN_PROCESS, *(language.name for language in load_languages())]:
        try:
            columns[name], cost = _asked(name, folder)
        except (BackendError, ValueError) as error:
            print(f"{name}: {error}")
            continue
        print(f"{name}: {len(ATTACKS)} attacks, {cost}")
    wrong = 0
    for name, attack in ATTACKS.items():
        others = {column: codes[name] for column, codes in columns.items() if codes[name] != attack.code}
        wrong += len(others)
        print(f"{name:24} {attack.code:18} {attack.tries}" + (f"  BUT {others}" if others else ""))
    print(f"{len(ATTACKS)} attacks, {len(columns)} readers ({', '.join(columns)}): {wrong} not refused as they must be")
    if given.folder is None:
        shutil.rmtree(folder)
    return 1 if wrong or not columns else 0


def _asked(name: str, folder: Path) -> tuple[dict[str, str], str]:
    if name in IN_PROCESS:
        return refusals(IN_PROCESS[name], folder)
    language = {language.name: language for language in load_languages()}[name]
    if why := language.absent() or language.prepare():
        raise ValueError(why)
    return refusals_of_runner(language, folder)


if __name__ == "__main__":
    sys.exit(main())
