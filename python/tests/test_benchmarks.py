"""Benchmark results keep to their schema, the pages made from them are theirs, and two results compare honestly."""

import copy
import json
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from benchmarks import page
from benchmarks.bench_conversion.judged import judged
from benchmarks.bench_speed.handed import write_mlp
from benchmarks.bench_speed.jobs import compiled
from benchmarks.bench_speed.ours import answered, currents
from benchmarks.result import RESULTS, Measurement, quartiles, write_result
from spikeport import LayerNode, SNNGraph, cli
from spikeport.backends import get_backend
from spikeport.neuron import Neuron
from spikeport.operations import Linear

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = sorted(RESULTS.glob("*.json"))


def make(folder, name="sample", measurements=(), facts=None):
    return write_result(
        name,
        title="A title with | and [brackets]",
        command=f"python -m benchmarks.bench_{name}",
        measurements=measurements,
        facts=facts,
        folder=folder,
    )


def timed(who="spikeport", seconds=(1.0, 2.0, 3.0), what="sum", **params):
    return Measurement(what, who, seconds, params=params)


@pytest.fixture(scope="module")
def schema():
    return json.loads((ROOT / "benchmarks" / "schema" / "result.schema.json").read_text("utf-8"))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.name)
def test_a_result_keeps_to_the_schema_and_claims_nothing_about_production(path, schema):
    result = json.loads(path.read_text("utf-8"))
    pytest.importorskip("jsonschema").validate(result, schema)
    assert result["production_benchmark_claim"] is False
    assert result["why_not_production"]
    assert path.name == f"bench_{result['name']}.json"
    for one in result["measurements"]:
        low, median, high = quartiles(one["samples"])
        assert (one["median"], one["quartiles"]) == (median, [low, high])


def test_the_schema_is_closed(schema, tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    result = json.loads(make(tmp_path, measurements=[timed()]).read_text("utf-8"))
    jsonschema.validate(result, schema)
    for broken in ({"production_benchmark_claim": True}, {"speed": 3}, {"why_not_production": []}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(result | broken, schema)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.name)
def test_the_page_shows_a_result_as_it_is(path):
    shown = (ROOT / "docs" / "reference" / "benchmarks.md").read_text("utf-8")
    assert page.section(json.loads(path.read_text("utf-8"))) in shown, "run: python -m benchmarks.page"


def test_pages_are_the_same_bytes_again_and_every_table_is_whole(tmp_path, capsys):
    kernels = [
        timed(who, (seconds,), kernel, size=size)
        for kernel in ("qcfs", "if.multistep")
        for who, seconds in (("rust", 1e-5), ("julia", 2e-5))
        for size in (1024, 16384)
    ]
    facts = {
        "accuracy": 0.97512,
        "cases": [{"case": "a|b", "got": 1}, {"case": "c", "new": None}],
        "deep": {"a": [[1]]},
        "net": {"layers": 3, "T=4": {"accuracy": 0.5}},
    }
    make(tmp_path, "kernels", kernels)
    make(tmp_path, "sample", [timed(n=4)], facts)
    written = []
    for folder in (tmp_path / "first", tmp_path / "second"):
        page.main(tmp_path, tmp_path / "no-report", folder)
        written.append({path.name: path.read_bytes() for path in sorted(folder.iterdir())})
    assert written[0] == written[1]
    assert list(written[0]) == ["benchmarks.md", "kernels.svg"]
    assert "conformance.md stays as it was: no report" in capsys.readouterr().out

    markdown = written[0]["benchmarks.md"].decode()
    assert "- accuracy: 0.9751" in markdown
    assert "In the file besides: deep." in markdown
    assert "**net**" in markdown and "| layers | 3 |\n| T=4 accuracy | 0.5 |" in markdown
    assert "| a\\|b | 1 |  |" in markdown
    for block in markdown.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({row.replace("\\|", "").count("|") for row in rows}) <= 1, block

    drawn = ElementTree.fromstring(written[0]["kernels.svg"])
    words = " ".join(drawn.itertext())
    assert all(word in words for word in ("rust", "julia", "qcfs (16384)", "if.multistep (16384)"))


def test_the_experiment_of_transfer_is_drawn_beside_its_section(tmp_path, capsys):
    sides = ("transfer", "its least", "its most", "from scratch", "least", "most")
    rows = [{"labels a class": count, **dict.fromkeys(sides, 50.0 + count)} for count in (5, 10)]
    facts = {"data": "images", "accuracy in %": rows}
    for name in ("transfer_mnist", "transfer_peer"):
        make(tmp_path, name, [timed("transfer", (55.0,), "right answers")], facts)
    page.main(tmp_path, tmp_path, tmp_path / "pages")
    assert sorted(path.name for path in (tmp_path / "pages").iterdir()) == ["benchmarks.md", "transfer_mnist.svg"]
    assert "(transfer_mnist.svg)" in (tmp_path / "pages" / "benchmarks.md").read_text("utf-8")
    words = " ".join(ElementTree.parse(tmp_path / "pages" / "transfer_mnist.svg").getroot().itertext())
    assert all(word in words for word in ("transfer", "from scratch", "images", "labels of each class"))


def test_without_results_there_is_a_page_that_says_so_little(tmp_path, capsys):
    page.main(tmp_path, tmp_path, tmp_path / "pages")
    assert (tmp_path / "pages" / "benchmarks.md").read_text("utf-8") == page.HEAD
    assert "no kernels.svg: there is no bench_kernels.json" in capsys.readouterr().out


def test_a_ratio_is_taken_to_our_side_of_the_same_measurement_only(tmp_path):
    measurements = [
        timed(seconds=(1.0,), n=1),
        timed(seconds=(2.0,), n=2),
        timed("peer", (8.0,), n=2, removed=5),
        timed("peer", (8.0,), n=3),
        timed("peer", (8.0,), "product"),
    ]
    markdown = page.section(json.loads(make(tmp_path, measurements=measurements).read_text("utf-8")))
    assert "| sum | n 2, removed 5 | peer | 8 (8 … 8) s | 4 (4 … 4) |" in markdown
    assert "| sum | n 3 | peer | 8 (8 … 8) s |  |" in markdown
    assert "| product |  | peer | 8 (8 … 8) s |  |" in markdown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(2.5, "2.5 (2.5 … 2.5) s"), (0.0025, "2.5 (2.5 … 2.5) ms"), (2.5e-6, "2.5 (2.5 … 2.5) µs"), (0.0, "0 (0 … 0) ns")],
)
def test_a_time_is_shown_in_its_unit(seconds, shown):
    assert page.spread(timed(seconds=(seconds,)).to_dict()) == shown


def test_a_matrix_is_taken_over_only_from_a_run_of_every_language(tmp_path):
    def report(*names):
        (tmp_path / "report.json").write_text(json.dumps({"columns": [{"name": name} for name in names]}))
        (tmp_path / "matrix.md").write_text("| kernel |\n", "utf-8")

    pages = tmp_path / "pages"
    report("reference", "rust")
    page.main(tmp_path, tmp_path, pages)
    assert not (pages / "conformance.md").exists()
    report("reference", "rust", "julia", "mojo")
    page.main(tmp_path, tmp_path, pages)
    assert (pages / "conformance.md").read_text("utf-8").startswith("# Conformance\n")


@pytest.fixture
def pair(tmp_path):
    """Two results of one benchmark as objects, and a function that compares them on the command line."""
    content = json.loads(make(tmp_path, measurements=[timed(seconds=(2.0, 2.1, 2.2), n=4)]).read_text("utf-8"))
    content["source"]["dirty"], content["machine"]["load"] = False, [0.0, 0.0, 0.0]
    before, after = copy.deepcopy(content), copy.deepcopy(content)

    def compare(capsys, *options):
        files = tmp_path / "before.json", tmp_path / "after.json"
        for file, one in zip(files, (before, after), strict=True):
            file.write_text(json.dumps(one), "utf-8")
        with pytest.raises(SystemExit) as left:
            cli.main(["bench", "compare", *map(str, files), *options])
        return left.value.code or 0, capsys.readouterr()

    return before, after, compare


@pytest.mark.parametrize(
    ("samples", "ratio", "verdict"),
    [((1.0, 1.05, 1.1), 2.0, "faster"), ((4.0, 4.2, 4.4), 0.5, "slower"), ((1.9, 2.1, 2.3), 1.0, "within the spread")],
)
def test_compare_says_the_ratio_its_spread_and_a_verdict(pair, capsys, samples, ratio, verdict):
    _, after, compare = pair
    after["measurements"] = [timed(seconds=samples, n=4).to_dict()]
    code, output = compare(capsys, "--json")
    answer = json.loads(output.out)
    assert code == 0
    assert (answer["comparable"], answer["cautions"]) == (True, [])
    (row,) = answer["ratios"]
    assert row["ratio"] == pytest.approx(ratio)
    assert row["spread"][0] <= row["ratio"] <= row["spread"][1]
    assert row["verdict"] == verdict
    code, output = compare(capsys)
    assert code == 0
    assert f"{ratio:.2f}" in output.out


def test_compare_leaves_out_what_only_one_side_measured(pair, capsys):
    _, after, compare = pair
    after["measurements"][0]["params"] = {"n": 8}
    code, output = compare(capsys, "--json")
    assert code == 0
    assert json.loads(output.out)["ratios"] == []


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [("processor", "another", "processor"), ("cores", 99, "cores"), ("threads", {"OMP_NUM_THREADS": "9"}, "threads")],
)
def test_another_machine_is_not_comparable(pair, capsys, key, value, named):
    _, after, compare = pair
    after["machine"][key] = value
    code, output = compare(capsys, "--json")
    answer = json.loads(output.out)
    assert code == 1
    assert (answer["comparable"], answer["ratios"]) == (False, [])
    assert named in answer["why_not"][0]
    code, output = compare(capsys)
    assert code == 1
    assert "not comparable" in output.out


def test_what_weakens_a_comparison_is_said(pair, capsys):
    before, after, compare = pair
    before["source"]["dirty"] = True
    after["machine"]["load"][0] = after["machine"]["cores"] + 1
    after["versions"]["numpy"] = "0.0"
    cautions = " ".join(json.loads(compare(capsys, "--json")[1].out)["cautions"])
    assert "before was measured with uncommitted changes" in cautions
    assert "after was measured under a load" in cautions
    assert "numpy" in cautions


@pytest.mark.parametrize("lacking", ["machine", "source", "measurement"])
def test_a_result_that_lacks_a_figure_is_refused_by_name(pair, capsys, lacking):
    _, after, compare = pair
    part = after["measurements"][0] if lacking == "measurement" else after[lacking]
    part.pop({"machine": "cores", "source": "dirty", "measurement": "median"}[lacking])
    code, output = compare(capsys)
    assert (code, output.out) == (2, "")
    assert "benchmarks.result" in output.err


@pytest.mark.parametrize(("content", "named"), [("{", "not JSON"), ("[]", "not a benchmark result"), ("{}", "not a")])
def test_what_is_no_result_is_refused_by_name(tmp_path, capsys, content, named):
    file = tmp_path / "other.json"
    file.write_text(content, "utf-8")
    with pytest.raises(SystemExit) as left:
        cli.main(["bench", "compare", str(file), str(file)])
    message = capsys.readouterr().err
    assert left.value.code == 2
    assert named in " ".join(message.split())
    assert "other.json" in message.replace("\n", "")


def test_a_logit_error_is_in_deviations_of_the_trained_networks_logits():
    logits = np.array([[0.0, 2.0], [2.0, 0.0]])  # of deviation 1
    shifted = judged(logits + 0.5, logits, np.array([1, 1]))
    assert shifted == {"accuracy": 0.5, "agreement": 1.0, "error": 0.5}
    assert judged(logits[::-1] * 9, logits, np.array([1, 1]), readable=False) == {
        "accuracy": 0.5,
        "agreement": 0.0,
        "error": None,
    }


def test_the_resnet_that_peers_get_answers_as_the_public_one():
    torch = pytest.importorskip("torch")
    from benchmarks.bench_conversion.networks import ResNet20
    from benchmarks.bench_networks import ResNet20 as Public

    torch.manual_seed(0)
    public, ours = Public().eval(), ResNet20().eval()
    missing, unexpected = ours.load_state_dict(public.state_dict(), strict=False)
    assert {name.split(".")[-2] for name in missing} == {"shortcut"} and not unexpected
    x = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), public(x))


@pytest.fixture(scope="module")
def limits(tmp_path_factory):
    if not shutil.which("cc"):
        pytest.skip("no C compiler")
    return compiled(tmp_path_factory.mktemp("limits"))


def checked(program, *words):
    ran = subprocess.run([program, *map(str, words)], input="\n", capture_output=True, text=True, check=True)
    return float(ran.stdout.split()[1])


def test_the_yardstick_in_c_fires_as_the_kernels_do(limits):
    backend, n = get_backend("reference"), 96
    spikes = backend.if_multistep(currents(8, n), v_init=0.0).spikes
    assert checked(limits, "if_bytes", 8, n) == checked(limits, "if_floats", 8, n) == spikes.sum()
    constant = backend.if_constant(currents(128), timesteps=8)
    assert checked(limits, "if_constant", 8, 128) == constant.counts.sum()


def test_the_yardstick_in_c_answers_as_a_network_does(limits, tmp_path):
    rng = np.random.default_rng(3)
    weights = [rng.integers(-60, 90, shape) for shape in ((70, 9), (5, 70))]

    def graph(dtype, wide):
        neuron = Neuron("IF", 64.0, 0.5)
        operations = [Linear(w.astype(dtype), np.full(len(w), 3, wide)) for w in weights]
        return SNNGraph([LayerNode.of(f"layer_{k}", one, neuron) for k, one in enumerate(operations)])

    floats, whole = graph(np.float32, np.float32), graph(np.int8, np.int32)
    x = rng.integers(0, 4, (6, 9))
    write_mlp(tmp_path / "mlp.bin", floats, whole, x.astype(np.float32), x.astype(np.int32))
    expected = answered(floats.run(x.astype(np.float32), T=12, backend="reference").counts[-1])
    assert expected > 0
    assert checked(limits, "mlp_floats", 12, tmp_path / "mlp.bin") == expected
    assert checked(limits, "mlp_whole", 12, tmp_path / "mlp.bin") == expected
