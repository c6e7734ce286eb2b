"""``python -m benchmarks.page``: the pages of ``docs/reference`` that are made from results, never written by hand.

- ``benchmarks.md``: a section for every ``results/bench_<name>.json``
- ``kernels.svg``: kernels × languages, where ``bench_kernels.json`` is there
- ``speed.svg``: seconds over steps and samples, where ``bench_speed.json`` has them
- ``transfer_<data>.svg``: accuracy over labels, for each ``bench_transfer_<data>.json`` of the experiment
- ``conformance.md``: the matrix of the last full run of ``python -m conformance --report conformance/report``

The same results give the same bytes. What is missing is said, and what was there before stays.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bench_speed.shown import SWEEPS, sweeps_plot
from benchmarks.bench_transfer.plot import accuracy_plot
from benchmarks.result import RESULTS, ROOT, ratio
from conformance.languages import load_languages

PAGES = ROOT / "docs" / "reference"
REPORT = ROOT / "conformance" / "report"
HEAD = """# Figures

Made by `python -m benchmarks.page` from `benchmarks/results/`. Regression evidence for this repository, and the ratio
of two sides in one run on one machine; never a claim about production: `production_benchmark_claim` is false in every
file, with the reasons. Raw samples are in the files; `spikeport bench compare A.json B.json` holds two of them against
each other.

A cell shows the median and, behind it, the first and third quartile. A ratio is that of medians, with what the
quartiles allow in brackets; above 1, spikeport takes less.
"""
CONFORMANCE = """# Conformance

The golden vectors of `conformance/vectors` in every language and every backend, as `make conformance` found them; the
contract is [SPEC.md](../../conformance/SPEC.md).

"""
KERNELS = """![Kernels by language](kernels.svg)

Only what passed all its vectors is timed. Columns of a language's name are its runner, which times itself, with the
arguments that the contract's section on timing fixes; the others are calls from Python. `network.run` is a small
checkpoint in the runners and three layers of 256 neurons in process, so their sizes do not meet.
"""
STYLE = "<style>svg{color:#1f2328}@media(prefers-color-scheme:dark){svg{color:#e6edf3}}</style>"
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (0.0, "ns"))
OWN = "spikeport"
TRANSFERRED = ("transfer_mnist", "transfer_digits")
"""Results of `benchmarks.bench_transfer.experiment`."""


def main(results: Path = RESULTS, report: Path = REPORT, pages: Path = PAGES) -> int:
    """Write the pages and say which; return 0."""
    pages.mkdir(parents=True, exist_ok=True)
    found = load(results)
    kernels = next((one for one in found if one["name"] == "kernels"), None)
    (pages / "benchmarks.md").write_text(benchmarks_page(found), "utf-8")
    print(f"benchmarks.md: {len(found)} results")
    if kernels:
        (pages / "kernels.svg").write_text(kernels_plot(kernels), "utf-8")
    print("kernels.svg" if kernels else "no kernels.svg: there is no bench_kernels.json")
    speed = next((one for one in found if one["name"] == "speed"), None)
    sweeps = sweeps_plot(speed) if speed else None
    if sweeps:
        (pages / "speed.svg").write_text(alone(sweeps), "utf-8")
        print("speed.svg")
    for one in found:
        if one["name"] in TRANSFERRED:
            (pages / f"{one['name']}.svg").write_text(alone(accuracy_plot(one)), "utf-8")
            print(f"{one['name']}.svg")
    why_not = partial(report)
    if why_not:
        print(f"conformance.md stays as it was: {why_not}")
    else:
        (pages / "conformance.md").write_text(CONFORMANCE + (report / "matrix.md").read_text("utf-8"), "utf-8")
        print("conformance.md")
    return 0


def load(results: Path) -> list[dict[str, Any]]:
    """Return all results, by name."""
    return [json.loads(path.read_text("utf-8")) for path in sorted(results.glob("bench_*.json"))]


def partial(report: Path) -> str:
    """Return "" where the matrix has a column for every language, else what is missing."""
    if not (report / "matrix.md").exists() or not (report / "report.json").exists():
        return "no report, run make conformance"
    columns = {column["name"] for column in json.loads((report / "report.json").read_text("utf-8"))["columns"]}
    missing = [language.name for language in load_languages() if language.name not in columns]
    return f"the last report has no column for {', '.join(missing)}, run make conformance" if missing else ""


def benchmarks_page(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the Markdown of all results."""
    return "\n".join([HEAD, *(section(one) for one in found)])


def section(result: Mapping[str, Any]) -> str:
    """Return the section of one result."""
    machine, source = result["machine"], result["source"]
    where = f"{machine['processor']}, {machine['cores']} cores, load {machine['load'][0]:g}"
    commit = (source["commit"] or "no commit")[:12] + (" with uncommitted changes" if source["dirty"] else "")
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    lines = [f"## {text(result['title'])}", "", f"`{result['command']}` · {text(where)} · {commit}", ""]
    lines += [text(versions), ""]
    if result["name"] == "kernels":
        lines += [KERNELS, *kernels_table(result["measurements"])]
    elif result["name"] == "speed":
        is_drawn = any(one["what"] == SWEEPS[0][0] for one in result["measurements"])
        lines += ["![Seconds over steps and over samples](speed.svg)", ""] if is_drawn else []
        lines += measurements_table(result["measurements"])
    elif result["name"] in TRANSFERRED:
        lines += [f"![Accuracy over the labels of a class]({result['name']}.svg)", ""]
        lines += measurements_table(result["measurements"])
    elif result["measurements"]:
        lines += measurements_table(result["measurements"])
    return "\n".join(lines + facts(result["facts"]))


def measurements_table(measurements: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return one row per measurement, with its ratio to our side where there is one."""
    rows = []
    for one in measurements:
        own = counterpart(one, measurements)
        params = ", ".join(f"{name} {value}" for name, value in one["params"].items())
        rows.append([one["what"], params, one["who"], spread(one), times(one, own) if own else ""])
    return table(["measured", "with", "by", "median (quartiles)", "ratio to spikeport"], rows)


def counterpart(one: Mapping[str, Any], measurements: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return our own side of the same measurement: equal in all params that both have."""
    if one["who"] == OWN:
        return None
    for other in measurements:
        if (other["who"], other["what"], other["unit"]) == (OWN, one["what"], one["unit"]) and all(
            one["params"][name] == other["params"][name] for name in one["params"].keys() & other["params"].keys()
        ):
            return other
    return None


def times(slow: Mapping[str, Any], fast: Mapping[str, Any]) -> str:
    """Return the ratio of two measurements with its spread."""
    if not all([fast["median"], *fast["quartiles"]]):
        return ""
    middle, low, high = ratio(slow, fast)
    return f"{middle:.3g} ({low:.3g} … {high:.3g})"


def columns_of(measurements: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return who was measured, in order of first appearance."""
    return list(dict.fromkeys(one["who"] for one in measurements))


def kernels_table(measurements: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return kernels × languages: medians, one row for each kernel and size."""
    columns = columns_of(measurements)
    cells: dict[tuple[str, Any], dict[str, str]] = {}
    for one in measurements:
        cells.setdefault((one["what"], one["params"].get("size")), {})[one["who"]] = spread(one)
    rows = [[kernel, size, *(row.get(who, "") for who in columns)] for (kernel, size), row in sorted(cells.items())]
    return table(["kernel", "size", *columns], rows)


def kernels_plot(result: Mapping[str, Any]) -> str:
    """Return the SVG of the medians: a row for each kernel, a mark for each language, time on a log scale."""
    from spikeport.report.plots import INK, new_figure, svg

    measurements = result["measurements"]
    sizes = {kernel: common_size(kernel, measurements) for kernel in dict.fromkeys(one["what"] for one in measurements)}
    kernels = list(sizes)[::-1]
    fig, ax = new_figure(7.2, 0.8 + 0.42 * len(kernels))
    for place, who in enumerate(columns_of(measurements)):
        mine = [one for one in measurements if one["who"] == who and one["params"].get("size") == sizes[one["what"]]]
        ax.scatter(
            [one["median"] for one in mine],
            [kernels.index(one["what"]) for one in mine],
            marker="osD^vP*X"[place % 8],
            s=34,
            label=who,
        )
    ax.set_xscale("log")
    ax.set_yticks(range(len(kernels)), [f"{kernel} ({sizes[kernel]})" for kernel in kernels])
    ax.set_xlabel("seconds a call, median, one thread")
    ax.grid(True, axis="both", color=INK, alpha=0.12, linewidth=0.7)
    fig.legend(loc="outside right upper", frameon=False, labelcolor=INK, fontsize=9)
    return alone(svg(fig))


def alone(drawing: str) -> str:
    """Return an SVG as a file of its own, with the colours of the page that shows it, light or dark."""
    opening, rest = drawing.split(">", 1)
    return f"{opening}>{STYLE}{rest}\n"


def common_size(kernel: str, measurements: Sequence[Mapping[str, Any]]) -> Any:
    """Return the size that most were timed at; of two such, the larger."""
    seen = Counter(one["params"].get("size", 0) for one in measurements if one["what"] == kernel)
    return max(seen, key=lambda size: (seen[size], size))


def facts(found: Mapping[str, Any]) -> list[str]:
    """Return figures that are no timings: plain ones in a list, rows of plain ones as a table each."""
    plain = [f"- {text(name)}: {text(one)}" for name, one in found.items() if not isinstance(one, (list, dict))]
    lines = [*plain, ""] if plain else []
    deeper = []
    for name, value in tables_of(found):
        if value is None:
            deeper.append(text(name))
        else:
            lines += [f"**{text(name)}**", "", *value]
    return lines + ([f"In the file besides: {'; '.join(deeper)}.", ""] if deeper else [])


def tables_of(found: Mapping[str, Any]) -> Iterator[tuple[str, list[str] | None]]:
    """Yield name and table of every fact that is not plain; None where it is nested too deep for a table."""
    for name, value in found.items():
        if isinstance(value, dict) and value and all(is_rows(one) for one in value.values()):
            yield from tables_of({f"{name}: {key}": rows for key, rows in value.items()})
        elif is_rows(value):
            heads = list(dict.fromkeys(key for one in value for key in one))
            yield name, table(heads, [[one.get(key) for key in heads] for one in value])
        elif is_row(value):
            yield name, table(["", ""], list(value.items()))
        elif isinstance(value, dict) and all(
            is_row(one) or not isinstance(one, (list, dict)) for one in value.values()
        ):
            rows = {key: one if isinstance(one, dict) else {"": one} for key, one in value.items()}
            flat = [(f"{key} {part}".strip(), one) for key, row in rows.items() for part, one in row.items()]
            yield name, table(["", ""], flat)
        elif isinstance(value, (list, dict)):
            yield name, None


def is_rows(value: Any) -> bool:
    """Return whether a value is a list of objects of plain values."""
    return isinstance(value, list) and bool(value) and all(is_row(one) for one in value)


def is_row(value: Any) -> bool:
    """Return whether a value is an object of plain values."""
    return isinstance(value, dict) and not any(isinstance(one, (list, dict)) for one in value.values())


def table(heads: Sequence[Any], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Return a Markdown table and an empty line."""
    lines = [heads, ["---"] * len(heads), *rows]
    return [*("| " + " | ".join(text(one) for one in line) + " |" for line in lines), ""]


def text(value: Any) -> str:
    """Return a value as it stands in a line of Markdown; floats with four digits."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    escaped = str(value).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("_", "\\_")
    return " ".join(escaped.replace("[", "\\[").replace("*", "\\*").split())


def spread(one: Mapping[str, Any]) -> str:
    """Return median and quartiles with their unit."""
    low, high = one["quartiles"]
    if one["unit"] != "s":
        return f"{one['median']:.4g} ({low:.4g} … {high:.4g}) {one['unit']}"
    size, unit = next((size or 1e-9, unit) for size, unit in UNITS if abs(one["median"]) >= size)
    return f"{one['median'] / size:.3g} ({low / size:.3g} … {high / size:.3g}) {unit}"


if __name__ == "__main__":
    raise SystemExit(main())
