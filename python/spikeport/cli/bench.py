"""``spikeport bench compare``: two benchmark results held against each other, where they can be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from spikeport.cli.app import app, console, fail, print_json, say

bench = typer.Typer(help="Benchmark results.", no_args_is_help=True)
app.add_typer(bench, name="bench")


@bench.callback()
def _commands() -> None:
    # With a callback, typer keeps the name of a command even where there is only one.
    pass


@bench.command("compare")
def compare(
    before: Annotated[Path, typer.Argument(help="bench_<name>.json, before.")],
    after: Annotated[Path, typer.Argument(help="bench_<name>.json, after.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say whether two results can be compared, and the ratio of each median with its spread.

    A ratio above 1 means that AFTER is the faster one. Exit code 1 where the two cannot be compared.
    """
    old, new = _load(before), _load(after)
    try:
        why_not, cautions = differences(old, new)
        rows = [] if why_not else ratios(old, new)
    except (KeyError, IndexError, TypeError) as error:
        fail(f"{before} and {after} cannot both be written by benchmarks.result: {type(error).__name__} at {error}")
    if as_json:
        print_json({"comparable": not why_not, "why_not": why_not, "cautions": cautions, "ratios": rows})
    else:
        _print(why_not, cautions, rows)
    raise typer.Exit(1 if why_not else 0)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return what makes two results incomparable, and what to keep in mind where they are not."""
    why_not = [
        f"{label} differs: {a!r} and {b!r}"
        for label, a, b in (
            ("the benchmark", old["name"], new["name"]),
            ("the processor", old["machine"]["processor"], new["machine"]["processor"]),
            ("the number of cores", old["machine"]["cores"], new["machine"]["cores"]),
            ("the number of threads", old["machine"]["threads"], new["machine"]["threads"]),
        )
        if a != b
    ]
    shared = old["versions"].keys() & new["versions"].keys()
    cautions = [
        f"{name}: {old['versions'][name]} and {new['versions'][name]}"
        for name in sorted(shared)
        if old["versions"][name] != new["versions"][name]
    ]
    for label, result in (("before", old), ("after", new)):
        if result["source"]["dirty"]:
            cautions.append(f"{label} was measured with uncommitted changes")
        if result["machine"]["load"][0] > result["machine"]["cores"]:
            cautions.append(f"{label} was measured under a load of {result['machine']['load'][0]}")
    return why_not, cautions


def ratios(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return, for every measurement that both have, the ratio of medians and what the quartiles allow."""

    def key(one: Mapping[str, Any]) -> str:
        return json.dumps([one["what"], one["who"], one["unit"], one["params"]], sort_keys=True)

    others = {key(one): one for one in new["measurements"]}
    rows = []
    for one in old["measurements"]:
        other = others.get(key(one))
        if other is None or not other["median"] or not all(other["quartiles"]):
            continue
        low, high = one["quartiles"][0] / other["quartiles"][1], one["quartiles"][1] / other["quartiles"][0]
        ratio = one["median"] / other["median"]
        verdict = "faster" if low > 1 else "slower" if high < 1 else "within the spread"
        row = {"what": one["what"], "who": one["who"], "params": one["params"], "before": one["median"]}
        rows.append({**row, "after": other["median"], "ratio": ratio, "spread": [low, high], "verdict": verdict})
    return rows


def _load(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        fail(f"there is no file {path}: give a benchmarks/results/bench_<name>.json")
    try:
        content = json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        fail(f"{path} is not JSON: give a benchmarks/results/bench_<name>.json")
    if not isinstance(content, dict) or content.get("schema") != "spikeport-benchmark":
        fail(f"{path} is not a benchmark result: give a benchmarks/results/bench_<name>.json")
    needed = {"name": str, "machine": dict, "versions": dict, "source": dict, "measurements": list}
    wrong = [key for key, kind in needed.items() if not isinstance(content.get(key), kind)]
    if wrong:
        fail(f"{path} lacks {', '.join(wrong)}: it was not written by benchmarks.result")
    return cast(Mapping[str, Any], content)


def _print(why_not: list[str], cautions: list[str], rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    if why_not:
        say("not comparable: " + "; ".join(why_not))
        return
    table = Table("measurement", "by", "before", "after", "ratio", "spread", "after is")
    for row in rows:
        params = ", ".join(f"{name}={value}" for name, value in row["params"].items())
        low, high = row["spread"]
        table.add_row(
            f"{row['what']} ({params})" if params else row["what"],
            row["who"],
            f"{row['before']:.4g}",
            f"{row['after']:.4g}",
            f"{row['ratio']:.2f}",
            f"{low:.2f}…{high:.2f}",
            row["verdict"],
        )
    console.print(table)
    say("comparable: one machine, one benchmark" + "".join(f"\n  mind: {caution}" for caution in cautions))
