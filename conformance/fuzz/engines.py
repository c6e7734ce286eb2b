"""The targets in Rust: libFuzzer, built with the stable compiler's own coverage, and what it says of a run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from conformance.fuzz.difference import fast_folder
from conformance.fuzz.seeds import TARGETS

ROOT: Final = Path(__file__).parents[2]
ENGINES: Final = ("archive", "sidecar", "json", "pair", "disk")
COVERAGE: Final = (
    "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 "
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table "
    "-Cllvm-args=-sanitizer-coverage-trace-compares"
)
"""What `cargo fuzz` gives the compiler, but for the sanitizers, which want a nightly one: nothing here is unsafe."""
LIMITS: Final = ("-max_len=8000", "-timeout=10", "-rss_limit_mb=2048", "-malloc_limit_mb=256", "-print_final_stats=1")


class Run(NamedTuple):
    """What came of a target's run: how many executions there were, and what it found where it found something."""

    executions: int
    fault: str


def absent() -> str:
    """Return why the targets cannot be built here, or nothing."""
    needed = {"cargo": "install Rust from rustup.rs", "c++": "install a C++ compiler: libFuzzer is compiled with it"}
    return "; ".join(f"no {name}: {how}" for name, how in needed.items() if not shutil.which(name))


def build() -> Path:
    """Build all targets and return the folder of their programs; raise `subprocess.CalledProcessError`."""
    host = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    triple = host.split("host: ")[1].split()[0]
    folder = ROOT / "rust" / "target" / "fuzz"
    # With a target named, build scripts and their crates are compiled without these flags.
    command = ["cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", str(TARGETS / "Cargo.toml")]
    command += ["--target", triple, "--target-dir", str(folder)]
    subprocess.run(command, check=True, env=os.environ | {"RUSTFLAGS": COVERAGE})
    return folder / triple / "release"


def fuzz(program: Path, corpus: Path, seeds: Path, count: int, seconds: float, seed: int) -> Run:
    """Run one target on ``corpus``, which grows, and on ``seeds``, for at most so many executions and seconds."""
    corpus.mkdir(parents=True, exist_ok=True)
    found = corpus.parent / f"{corpus.name}-found-"
    command = [str(program), f"-runs={count}", f"-max_total_time={max(1, round(seconds))}", f"-seed={seed}", *LIMITS]
    command += [f"-dict={TARGETS / 'json.dict'}", f"-artifact_prefix={found}", str(corpus), str(seeds)]
    fast = fast_folder()
    environment = os.environ | ({"TMPDIR": fast} if fast else {})
    done = subprocess.run(command, check=False, stderr=subprocess.PIPE, env=environment)
    said = done.stderr.decode(errors="replace")
    executions = re.search(r"stat::number_of_executed_units:\s*(\d+)", said)
    return Run(int(executions[1]) if executions else 0, said[-3000:] if done.returncode or not executions else "")
