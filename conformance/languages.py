"""The runners: built, run over the cases, each failure pinned to its case."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tomllib

from conformance.cases import Case
from conformance.compare import Outcome, compare
from conformance.in_process import written_files
from conformance.lines import Words, decode_reply, encode_line, expected_words, resolve

ROOT = Path(__file__).resolve().parents[1]
MOST_RESTARTS = 20


@dataclass(frozen=True)
class Language:
    """An entry of ``languages.toml``; ``root`` is the folder its commands run in."""

    name: str
    needs: str
    install: str
    run: str
    build: list[str] = field(default_factory=list)
    version: str = ""
    flags: str = ""
    root: Path = ROOT

    def absent(self) -> str:
        """Return "" where the toolchain is there, else what is missing and how to get it."""
        found = shutil.which(self.needs) or (self.root / self.needs).exists()
        return "" if found else f"{self.needs} is not there: {self.install}"

    def prepare(self, timeout: float = 900) -> str:
        """Build the runner; return "" or the tail of what the failing command said."""
        for command in self.build:
            try:
                done = subprocess.run(
                    shlex.split(command), cwd=self.root, capture_output=True, text=True, timeout=timeout, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                return f"build failed: {error}"
            if done.returncode:
                return f"build failed: {command}: {_tail(done.stderr or done.stdout)}"
        return ""

    def says(self) -> str:
        """Return the toolchain's own version line."""
        try:
            done = subprocess.run(shlex.split(self.version), cwd=self.root, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError, IndexError):
            return "unknown"
        return done.stdout.strip().splitlines()[0] if done.stdout.strip() else "unknown"


def load_languages(path: Path | None = None) -> list[Language]:
    """Return the languages of ``languages.toml``."""
    content = tomllib.loads((path or ROOT / "conformance" / "languages.toml").read_text("utf-8"))
    return [Language(name=name, **entry) for name, entry in content.items()]


def run_language(language: Language, cases: Sequence[Case], timeout: float = 300) -> list[Outcome]:
    """Answer ``cases`` by the language's runner; a runner that stops is started again behind the case it stopped at."""
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        waiting, restarts = list(cases), 0
        while waiting:
            done = _run_once(language, waiting, scratch, timeout)
            outcomes += done
            waiting = waiting[len(done) :]
            restarts += 1
            if waiting and restarts > MOST_RESTARTS:
                why = f"not run: the runner stopped {MOST_RESTARTS} times before"
                outcomes += [Outcome(case.kernel, case.id, "failed", why) for case in waiting]
                break
    return outcomes


def _run_once(language: Language, cases: Sequence[Case], scratch: Path, timeout: float) -> list[Outcome]:
    """Run the runner once; return an outcome for every case it reached, the one it stopped at included."""
    lines = [encode_line(number, case.kernel, resolve(case, scratch)) for number, case in enumerate(cases)]
    replies, end = converse(language, lines, scratch, timeout)
    outcomes = []
    for number, case in enumerate(cases):
        if number >= len(replies):
            outcomes.append(Outcome(case.kernel, case.id, "failed", f"no reply: {end}"))
            break
        try:
            reply = decode_reply(replies[number], number)
        except (ValueError, UnicodeDecodeError) as error:
            outcomes.append(Outcome(case.kernel, case.id, "failed", f"rubbish: {error}"))
            break
        outcomes.append(judge(case, reply, scratch))
    return outcomes


def converse(language: Language, lines: Sequence[str], scratch: Path, timeout: float) -> tuple[list[str], str]:
    """Give ``lines`` to the runner; return its replies, and how it ended where it gave too few."""
    cases = scratch / "cases.txt"
    cases.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    command = [part.replace("{cases}", str(cases)) for part in shlex.split(language.run)]
    replies = scratch / "replies.txt"
    with replies.open("wb") as out, (scratch / "errors.txt").open("wb") as err:
        try:
            code = subprocess.run(
                command,
                cwd=language.root,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                timeout=timeout,
                check=False,
            ).returncode
            said = (scratch / "errors.txt").read_text("utf-8", "replace")
            end = f"the runner ended with exit code {code}: {_tail(said)}"
        except subprocess.TimeoutExpired:
            end = f"the runner was killed after {timeout:g} s"
        except OSError as error:
            end = f"the runner does not start: {error}"
    return replies.read_text("utf-8", "replace").splitlines(), end


def judge(case: Case, reply: Words, scratch: Path) -> Outcome:
    """Hold a reply against its case; of files that were written, the bytes on disk count."""
    if "skip" in reply:
        return Outcome(case.kernel, case.id, "skipped", ",".join(reply["skip"]))
    if case.kernel == "checkpoint.write" and "error" not in reply:
        reply = written_files(scratch / case.id)
    difference = compare(expected_words(case), reply)
    return Outcome(case.kernel, case.id, "failed" if difference else "passed", difference)


def _tail(text: str) -> str:
    return " | ".join(text.strip().splitlines()[-3:])[-400:]
