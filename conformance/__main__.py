"""``python -m conformance``: run the cases in every language, or make the vectors, or prove the harness.

Needs the Python of the environment (3.11 or newer for ``tomllib``) and is run from the root of a checkout.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
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
    parser.add_argument(
        "--random",
        type=int,
        metavar="COUNT",
        help="draw so many calls and compare every language with the reference; --case and --show know each by its id, "
        "such as random.7.123",
    )
    parser.add_argument("--seed", type=int, default=0, help="of --random (default: %(default)s)")
    parser.add_argument("--block", type=int, default=5000, help="calls of --random that a runner is given at once")
    parser.add_argument(
        "--built", action="store_true", help="with --random: take the runners as they were built before"
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
            _show(options.kernel, options.show)
            return 0
        if not options.timeout > 0:
            raise ValueError(f"--timeout must be above 0 seconds, not {options.timeout:g}")
        if options.random is not None:
            return _random(options)
        with _stopped_whole(), tempfile.TemporaryDirectory() as drawn:
            cases = _cases(options.kernel, options.case, Path(drawn))
            columns = harness.run(cases, options.language, timeout=options.timeout)
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


def _cases(kernels: list[str], ids: list[str], folder: Path) -> list[Case]:
    """Return the cases named: those of the vectors, and drawn ones, whose files are put into ``folder``."""
    from conformance.random.draw import named

    found = {name: named(name, folder) for name in ids}
    drawn = [case for case in found.values() if case]
    if drawn and len(drawn) == len(ids):
        return drawn
    return [*harness.select(kernels, [name for name in ids if not found[name]]), *drawn]


def _random(options: argparse.Namespace) -> int:
    from conformance.random import stream

    if min(options.random, options.block) < 1 or options.seed < 0:
        raise ValueError("--random and --block want at least 1, --seed at least 0")
    with _stopped_whole():
        tally = stream.run(
            options.random, options.seed, options.language, options.block, timeout=options.timeout, built=options.built
        )
    stream.print_tally(tally, options.seed)
    return 0 if tally.ok else 1


def _show(kernels: list[str], ids: list[str]) -> None:
    """Print the lines of the cases; the folder that some of them name, to be read or written, stays, and is named."""
    scratch = Path(tempfile.mkdtemp(prefix="conformance-"))
    lines: list[str] = []
    try:
        lines = harness.lines_of(_cases(kernels, ids, scratch), scratch)
        print("\n".join(lines))
    finally:
        if any(str(scratch) in line for line in lines):
            print(f"conformance: these lines name files in {scratch}, which stays", file=sys.stderr)
        else:
            shutil.rmtree(scratch)


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
