"""Kernels × languages: each runner times itself (``bench`` of the protocol), each backend is timed in this process.

What fails a kernel's vectors is not timed on it. One thread everywhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("RAYON_NUM_THREADS", "1")

from benchmarks.result import ROOT, Measurement, write_result
from conformance import harness
from conformance.cases import FILES
from conformance.harness import Column
from conformance.languages import Language, converse, load_languages
from conformance.report import cell

SIZES = (1024, 16384)
REPEATS = 7
TIMED = (
    "if.multistep",
    "if.constant",
    "st_bif.multistep",
    "layer.forward",
    "network.run",
    "encode.poisson",
    "qcfs",
    "finetune.step",
    "checkpoint.read",
)


def main() -> None:
    columns = {column.name: column for column in harness.run(harness.select())}
    measurements, versions = [], {}
    for language in load_languages():
        column = columns[language.name]
        versions[language.name] = f"{column.version} {column.flags}".strip()
        measurements += [] if column.absent else time_language(language, column)
    measurements += time_backends(columns)
    path = write_result(
        "kernels",
        title="Kernels by language (timed inside the runner) and by backend (timed in Python)",
        command="python -m benchmarks.bench_kernels",
        measurements=measurements,
        versions=versions,
    )
    for one in measurements:
        print(f"{one.what:20} {one.who:22} {one.params} {one.to_dict()['median'] * 1e6:12.1f} µs")
    print(path.name)


def time_language(language: Language, column: Column) -> list[Measurement]:
    """Return what the language's runner says of itself, kernel by kernel and size by size."""
    asked = []
    for kernel in TIMED:
        if not column.passes(kernel):
            continue
        for size in (256,) if kernel == "layer.forward" else (64,) if kernel == "network.run" else SIZES:
            asked.append((kernel, size))
    needs_file = f" checkpoint={FILES / 'networks' / 'ordinary'}"
    lines = [
        f"{number} bench kernel={kernel} size={size} repeats={REPEATS}"
        + (needs_file if kernel in ("network.run", "checkpoint.read") else "")
        for number, (kernel, size) in enumerate(asked)
    ]
    with tempfile.TemporaryDirectory() as folder:
        replies, end = converse(language, lines, Path(folder), timeout=300)
    if len(replies) < len(lines):
        raise RuntimeError(f"{language.name} stopped at {lines[len(replies)]!r}: {end}")
    result = []
    for (kernel, size), reply in zip(asked, replies, strict=True):
        words = dict(word.split("=", 1) for word in reply.split(" ")[1:])
        if "seconds" not in words:
            raise RuntimeError(f"{language.name} does not time {kernel}: {reply}")
        taken = [float(value) for value in words["seconds"].split(",")]
        params = {"size": size, "check": words.get("check", "")}
        result.append(Measurement(kernel, language.name, taken, params=params, conformance=cell(column, kernel)[0]))
    return result


def time_backends(columns: dict[str, Column]) -> list[Measurement]:
    """Return what pytest-benchmark measured of the backends in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "benchmark.json"
        command = [sys.executable, "-m", "pytest", "benchmarks/in_process/suite.py", f"--benchmark-json={data}", "-q"]
        subprocess.run([*command, "-W", "default"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        entries = json.loads(data.read_text("utf-8"))["benchmarks"]
    result = []
    for entry in entries:
        info = entry["extra_info"]
        name = "reference" if info["backend"] == "reference" else f"{info['backend']}-in-process"
        if columns[name].passes(info["kernel"]):
            checked = cell(columns[name], info["kernel"])[0]
            params = {"size": info["size"]}
            result.append(Measurement(info["kernel"], name, entry["stats"]["data"], params=params, conformance=checked))
    return result


if __name__ == "__main__":
    main()
