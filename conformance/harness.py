"""The harness: every language and every in-process backend over the cases, and what came of it."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from conformance.cases import KERNELS, Case, load_cases
from conformance.compare import Outcome, compare
from conformance.in_process import answer, has_kernel
from conformance.languages import PATIENCE, Language, load_languages, run_language
from conformance.lines import encode_line, expected_words, resolve
from spikeport.backends import BIT_EQUAL, BackendError, get_backend
from spikeport.report.progress import bar

KNOWN = Path(__file__).parent / "known_failures"
KNOWN_FAILURE = "known failure"


@dataclass
class Column:
    """One column of the matrix: a language by its runner, or a backend in process.

    ``absent`` says why it did not run at all; ``required`` makes that a failure. ``not_built`` says why its runner
    could not be built, which always is one.
    """

    name: str
    version: str = ""
    flags: str = ""
    absent: str = ""
    not_built: str = ""
    required: bool = False
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing failed, and nothing that is required is absent."""
        missing = self.not_built or (self.absent and self.required)
        return not missing and all(o.status != "failed" for o in self.outcomes)

    def passes(self, kernel: str) -> bool:
        """Whether the column ran this kernel and every case of it passed."""
        mine = [o for o in self.outcomes if o.kernel == kernel]
        return bool(mine) and all(o.status == "passed" for o in mine)


def select(kernels: Sequence[str] = (), ids: Sequence[str] = ()) -> list[Case]:
    """Return the cases of the kernels and ids named (all where none is); `ValueError` for a name that is nothing.

    An id that no case has names all cases that begin with it, or that it matches as a pattern (``*``, ``?``, ``[ab]``).
    """
    unknown = sorted(set(kernels) - set(KERNELS))
    if unknown:
        raise ValueError(f"no kernel is called {', '.join(unknown)}: there are {', '.join(KERNELS)}")
    cases = list(load_cases(tuple(k for k in KERNELS if not kernels or k in kernels)))
    if not ids:
        return cases
    named = {name: {case.id for case in cases if case.id == name} or _like(name, cases) for name in ids}
    missing = sorted(name for name in named if not named[name])
    if missing:
        among = f" among those of {', '.join(kernels)}" if kernels else ""
        raise ValueError(f"no case is called {', '.join(missing)}, or begins so, or matches{among}")
    return [case for case in cases if any(case.id in found for found in named.values())]


def _like(name: str, cases: Sequence[Case]) -> set[str]:
    return {case.id for case in cases if case.id.startswith(name) or fnmatchcase(case.id, name)}


def lines_of(cases: Sequence[Case], scratch: Path) -> list[str]:
    """Return the lines that a runner is given for the cases; files that they need or write are in ``scratch``."""
    return [encode_line(number, case.kernel, resolve(case, scratch)) for number, case in enumerate(cases)]


def run(
    cases: Sequence[Case],
    columns: Sequence[str] = (),
    languages: Sequence[Language] | None = None,
    timeout: float = PATIENCE,
) -> list[Column]:
    """Run the cases in every column, or in those named: a language, or ``<backend>-in-process``."""
    required = required_languages()
    entries = load_languages() if languages is None else languages
    names = column_names(entries)
    unknown = sorted(set(columns) - {"reference", *names})
    if unknown:
        raise ValueError(f"no column is called {', '.join(unknown)}: there are reference, {', '.join(names)}")

    def wanted(name: str) -> bool:
        return not columns or name in columns

    result = [run_backend("reference", cases)] if wanted("reference") else []
    for language in entries:
        if wanted(language.name):
            result.append(run_runner(language, cases, language.name in required, timeout))
    for name in BIT_EQUAL:
        if name != "reference" and wanted(f"{name}-in-process"):
            result.append(run_backend(name, cases, name in required and name != "julia", timeout))
    return result


def column_names(languages: Sequence[Language]) -> list[str]:
    """Return the names of all columns but the reference's: each language, and each backend in process."""
    return [language.name for language in languages] + [
        f"{name}-in-process" for name in BIT_EQUAL if name != "reference"
    ]


def required_languages() -> set[str]:
    """Return the languages of ``SPIKEPORT_REQUIRE``, whose absence is a failure."""
    return {name.strip() for name in os.environ.get("SPIKEPORT_REQUIRE", "").split(",") if name.strip()}


def run_runner(language: Language, cases: Sequence[Case], required: bool = False, timeout: float = PATIENCE) -> Column:
    """Build and run one language's runner."""
    column = Column(language.name, language.says(), language.flags, language.absent(), required=required)
    if column.absent:
        return column
    column.not_built = language.prepare()
    if column.not_built:
        return column
    with bar(language.name, len(cases)) as advance:
        column.outcomes = with_known_failures(language.name, run_language(language, cases, timeout, advance))
    if required:
        column.outcomes = [_not_skipped(outcome) for outcome in column.outcomes]
    return column


def _not_skipped(outcome: Outcome) -> Outcome:
    """Return a kernel that a required language does not have as failed; a known failure stays one."""
    if outcome.status != "skipped" or outcome.detail.startswith(KNOWN_FAILURE):
        return outcome
    return replace(outcome, status="failed", detail=f"skipped ({outcome.detail}), but the language is required")


def run_backend(name: str, cases: Iterable[Case], required: bool = False, timeout: float = PATIENCE) -> Column:
    """Call one backend: the reference in this process, compiled code in one of its own."""
    column = Column(name if name == "reference" else f"{name}-in-process", "in process", required=required)
    try:
        backend = get_backend(name)
    except BackendError as error:
        column.absent = str(error)
        return column
    if name != "reference":
        command = f"{shlex.quote(sys.executable)} -m conformance.backend_runner {name} {{cases}}"
        mine = [case for case in cases if has_kernel(name, case.kernel)]
        with bar(column.name, len(mine)) as advance:
            column.outcomes = run_language(Language(column.name, sys.executable, "", command), mine, timeout, advance)
        return column
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            try:
                reply = answer(backend, case.kernel, resolve(case, Path(folder)))
            except Exception as error:  # a crash is an outcome here, pinned to its case
                detail = f"{type(error).__name__}: {error}"
                column.outcomes.append(Outcome(case.kernel, case.id, "failed", detail))
                continue
            if reply is not None:
                difference = compare(expected_words(case), reply)
                column.outcomes.append(Outcome(case.kernel, case.id, "failed" if difference else "passed", difference))
    return column


def with_known_failures(language: str, outcomes: list[Outcome]) -> list[Outcome]:
    """Return the outcomes with listed failures as skipped, and a listed case that passes as failed."""
    known = known_failures(language)
    result = []
    for outcome in outcomes:
        if outcome.case in known and outcome.status == "passed":
            outcome = replace(outcome, status="failed", detail="listed as a known failure, but it passes: unlist it")
        elif outcome.case in known and outcome.status == "failed":
            outcome = replace(outcome, status="skipped", detail=f"{KNOWN_FAILURE}: {known[outcome.case]}")
        result.append(outcome)
    return result


def known_failures(language: str) -> dict[str, str]:
    """Return the listed failures of a language, id and reason; `ValueError` for a line that lists none."""
    path = KNOWN / f"{language}.txt"
    if not path.exists():
        return {}
    listed = {}
    for line in path.read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition(" ")
            if not reason.strip():
                raise ValueError(f"{path.name}: {line!r} is not a case's id and the reason why it fails")
            listed[name] = reason.strip()
    strange = sorted(set(listed) - {case.id for case in load_cases()})
    if strange:
        raise ValueError(f"{path.name}: no case is called {', '.join(strange)}")
    return listed
