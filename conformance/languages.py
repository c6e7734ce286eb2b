"""The runners: built, run over the cases, each failure pinned to its case."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import tomllib

from conformance.cases import Case
from conformance.compare import Outcome, compare
from conformance.in_process import written_files
from conformance.lines import Words, decode_reply, encode_line, expected_words, resolve

ROOT = Path(__file__).resolve().parents[1]
MOST_RESTARTS = 20
MOST_BYTES = 2**28
PATIENCE = 300.0
"""Seconds that a runner may take for a reply."""
Advance = Callable[[int], None]


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
    quick: str = ""
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
                return str(error)
            if done.returncode:
                return f"{command}: {_tail(done.stderr or done.stdout)}"
        return ""

    def says(self) -> str:
        """Return the toolchain's own version line."""
        try:
            done = subprocess.run(
                shlex.split(self.version), cwd=self.root, capture_output=True, text=True, check=True, timeout=60
            )
        except (OSError, subprocess.SubprocessError, IndexError):
            return "unknown"
        return done.stdout.strip().splitlines()[0] if done.stdout.strip() else "unknown"


def load_languages(path: Path | None = None) -> list[Language]:
    """Return the languages of ``languages.toml``."""
    content = tomllib.loads((path or ROOT / "conformance" / "languages.toml").read_text("utf-8"))
    return [Language(name=name, **entry) for name, entry in content.items()]


def run_language(
    language: Language, cases: Sequence[Case], timeout: float = PATIENCE, advance: Advance = lambda _: None
) -> list[Outcome]:
    """Answer ``cases`` by the language's runner; a runner that stops is started again behind the case it stopped at.

    ``advance`` is told of further replies as they come, and called with 0 while none does.
    """
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        waiting, restarts = list(cases), 0
        while waiting:
            done = _run_once(language, waiting, scratch, timeout, advance)
            outcomes += done
            waiting = waiting[len(done) :]
            restarts += 1
            if waiting and restarts > MOST_RESTARTS:
                why = f"not run: the runner stopped {MOST_RESTARTS} times before"
                outcomes += [Outcome(case.kernel, case.id, "failed", why) for case in waiting]
                break
    return outcomes


def _run_once(
    language: Language, cases: Sequence[Case], scratch: Path, timeout: float, advance: Advance
) -> list[Outcome]:
    """Run the runner once; return an outcome for every case it reached, the one it stopped at included."""
    lines = [encode_line(number, case.kernel, resolve(case, scratch)) for number, case in enumerate(cases)]
    replies, end = converse(language, lines, scratch, timeout, advance)
    outcomes: list[Outcome] = []
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
    else:
        if end:  # a crash behind the last reply is one, too
            outcomes[-1] = replace(outcomes[-1], status="failed", detail=f"behind the last reply: {end}")
    return outcomes


def converse(
    language: Language,
    lines: Sequence[str],
    scratch: Path,
    timeout: float,
    advance: Advance = lambda _: None,
) -> tuple[list[str], str]:
    """Give ``lines`` to the runner; return its replies, and "" or what is wrong with how it ended.

    A runner that gives no reply for ``timeout`` seconds is killed, with all that it started. A last line without its
    end was cut short by a crash: it is no reply.
    """
    cases, replies, errors = (scratch / name for name in ("cases.txt", "replies.txt", "errors.txt"))
    cases.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    command = [part.replace("{cases}", str(cases)) for part in shlex.split(language.run)]
    with replies.open("wb") as out, errors.open("wb") as err:
        try:
            process = subprocess.Popen(
                command, cwd=language.root, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )
        except OSError as error:
            return [], f"the runner does not start: {error}"
        try:
            end = _wait(process, replies, timeout, advance)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    *whole, cut = replies.read_bytes().decode("utf-8", "replace").split("\n")
    said = _tail(errors.read_text("utf-8", "replace"))
    if not end and (process.returncode or cut or len(whole) < len(lines)):
        end = f"the runner ended with exit code {process.returncode}: {said}"
    if cut:
        end += f" (it was cut short in {cut[:60]!r})"
    if len(whole) > len(lines):
        end = end or f"lines that nobody asked for, the first {whole[len(lines)][:60]!r}"
    return whole[: len(lines)], end


def _wait(process: subprocess.Popen[bytes], replies: Path, timeout: float, advance: Advance) -> str:
    """Wait for the runner while it gives replies; return "" where it ended by itself, else why it must not go on."""
    size, patience = 0, time.monotonic() + timeout
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.5)
            advance(_lines(replies, size, replies.stat().st_size))
            return ""
        now, before = replies.stat().st_size, size
        advance(_lines(replies, before, now))
        if now > MOST_BYTES:
            return f"the runner was killed after {now >> 20} MiB of replies"
        if now > before:
            size, patience = now, time.monotonic() + timeout
        elif time.monotonic() > patience:
            return f"the runner was killed after {timeout:g} s without a reply"


def _lines(replies: Path, start: int, end: int) -> int:
    with replies.open("rb") as file:
        file.seek(start)
        return file.read(end - start).count(b"\n")


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
