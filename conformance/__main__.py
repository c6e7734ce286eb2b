"""``python -m conformance``: run the cases in every language, or make the vectors, or prove the harness.

Needs the Python of the environment (3.11 or newer for ``tomllib``) and is run from the root of a checkout.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from conformance import harness, report
from conformance.cases import VECTORS, Case
from conformance.languages import PATIENCE


def main(argv: list[str] | None = None) -> int:
    """Return 0 where everything passed, 1 where something failed, 2 for a wrong call."""
    parser = argparse.ArgumentParser("conformance", description="one truth, every language, to the bit")
    parser.add_argument(
        "--language", action="append", default=[], help="a column only: rust, julia, rust-in-process, …"
    )
    parser.add_argument("--kernel", action="append", default=[], help="a kernel only")
    parser.add_argument(
        "--case", action="append", default=[], help="cases only: an id, how ids begin, or a pattern such as '*.frozen*'"
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=PATIENCE,
        metavar="SECONDS",
        help="a runner that gives no reply for so long is killed (default: %(default)g)",
    )
    parser.add_argument(
        "--show",
        action="append",
        default=[],
        metavar="CASE",
        help="print the lines of cases, named as for --case, as a runner reads them, and stop",
    )
    parser.add_argument("--report", type=Path, help="folder for report.json, matrix.md, matrix.html and badge.json")
    parser.add_argument("--json", action="store_true", help="print the report as JSON instead of the matrix")
    parser.add_argument("--generate", action="store_true", help="make the vectors from the reference and stop")
    parser.add_argument(
        "--mutate", action="store_true", help="plant bugs in the reference: each must turn a vector red"
    )
    options = parser.parse_args(argv)
    if options.generate:
        from conformance import generate

        print(f"{generate.write(VECTORS)} cases written")
        return 0
    if options.mutate:
        from conformance.mutations import print_table

        return 0 if print_table() else 1
    try:
        if options.show:
            _show(harness.select(options.kernel, options.show))
            return 0
        if not options.timeout > 0:
            raise ValueError(f"--timeout must be above 0 seconds, not {options.timeout:g}")
        with _stopped_whole():
            columns = harness.run(
                harness.select(options.kernel, options.case), options.language, timeout=options.timeout
            )
    except ValueError as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 2
    if options.report:
        report.write(columns, options.report)
    if options.json:
        print(json.dumps(report.as_data(columns), indent=1, ensure_ascii=False))
    else:
        report.print_matrix(columns)
    return 0 if all(column.ok for column in columns) else 1


def _show(cases: Sequence[Case]) -> None:
    """Print the lines of the cases; the folder that some of them name, to be read or written, stays, and is named."""
    scratch = Path(tempfile.mkdtemp(prefix="conformance-"))
    lines = harness.lines_of(cases, scratch)
    print("\n".join(lines))
    if any(str(scratch) in line for line in lines):
        print(f"conformance: these lines name files in {scratch}, which stays", file=sys.stderr)
    else:
        scratch.rmdir()


@contextmanager
def _stopped_whole() -> Iterator[None]:
    """Make a signal that ends this process an exception, so that the runner is killed on the way out."""

    def stop(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    raise SystemExit(main())
