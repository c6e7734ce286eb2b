"""The budget search with whole numbers as a choice: the function that makes them is handed in."""

import json
from functools import partial

import numpy as np
import pytest
from cli.command_line import spikeport

from spikeport import load
from spikeport.conversion import ConvertedSNN, convert
from spikeport.errors import GraphError
from spikeport.integers import IntegerNetwork, quantize
from spikeport.snn_optimizer import optimize

pytestmark = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")


@pytest.fixture(scope="module")
def snn(digits_mlp, digits):
    return convert(digits_mlp, digits[0], T=8, percentile=99.9)


@pytest.fixture(scope="module")
def searched(snn, digits):
    """What the search makes of the digits MLP, with half of the test digits to choose on and to hold it to."""
    data = digits[1], digits[3]
    return optimize(snn, max_accuracy_drop=0.02, data=data, quantise=quantize, input_range=(0, 1), verification=False)


def test_a_converted_network_comes_back_in_whole_numbers_within_the_budget(searched, snn, digits):
    smaller, report = searched
    assert isinstance(smaller, ConvertedSNN) and smaller.units.bits in (8, 16)
    assert {layer.weights.dtype.name for layer in smaller.graph} == {f"int{smaller.units.bits}"}
    held = digits[1][1::2], digits[3][1::2]
    lost = [(one.classify(held[0], encoding="current") == held[1]).mean() for one in (snn, smaller)]
    assert lost[0] - lost[1] <= 0.02
    assert report.accuracy_after == pytest.approx(lost[1]) and report.accuracy_before == pytest.approx(lost[0])


def test_the_report_says_what_whole_numbers_did_and_what_they_save(searched):
    smaller, report = searched
    (last,) = [result for result in report.pass_results if result.name == "whole_numbers"]
    assert last.options == {"bits": smaller.units.bits} and last.certificate.level in ("measured", "bounded")
    assert last.after.bytes < last.before.bytes and report.after == last.after
    assert report.certificate.level == "measured" and "whole numbers" in report.certificate.reason
    assert not any(result.name == "weight_quantization" for result in report.pass_results)
    (taken,) = [point for point in report.front if point.taken]
    assert taken.whole and taken.bits == smaller.units.bits
    assert {point.bits for point in report.front} <= {None, 16, 8} and "whole_numbers" in str(report)
    json.dumps(report.to_dict())


def test_a_bare_graph_comes_back_as_what_the_function_makes(snn, digits):
    some = digits[1][:80], digits[3][:80]
    made, _ = optimize(
        snn.graph,
        max_accuracy_drop=0.1,
        data=some,
        timesteps=8,
        quantise=partial(quantize, timesteps=16),
        verification=False,
    )
    assert isinstance(made, IntegerNetwork) and made.units.timesteps == 16


def test_what_cannot_be_made_whole_stays_as_it_is(snn, digits):
    def never(graph, bits, data):
        raise GraphError("bits", "too few")

    some = digits[1][:80], digits[3][:80]
    smaller, report = optimize(snn, max_accuracy_drop=0.02, data=some, quantise=never, verification=False)
    assert smaller.units is None and all(point.accuracy == 0 for point in report.front if point.whole)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"quantise": quantize}, "budget"),
        ({"quantise": 8, "max_accuracy_drop": 0.1}, "budget"),
        ({"quantise": quantize, "max_accuracy_drop": 0.1, "encoding": "poisson"}, "encoding"),
    ],
)
def test_whole_numbers_are_a_choice_of_the_search_alone(snn, digits, given, code):
    with pytest.raises(GraphError) as caught:
        optimize(snn, data=(digits[1], digits[3]), **given)
    assert caught.value.code == code


def test_the_command_searches_them_too(snn, digits, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    snn.save("net", origin="somewhere")
    np.savez("held.npz", x=digits[1][:120], y=digits[3][:120])
    line = "optimize net -o small --data held.npz --input-range 0 1 --integers --no-verify"
    code, _, err = spikeport(capsys, line)
    assert code == 2 and "--max-accuracy-drop" in err
    code = spikeport(capsys, f"{line} --max-accuracy-drop 0.05 --json")[0]
    small = load("small")
    assert code == 0 and small.units is not None and small.T == snn.T
    metadata = json.loads((tmp_path / "small.json").read_text("utf-8"))["metadata"]
    assert metadata["origin"] == "somewhere" and metadata["optimization"]["level"] == "measured"
    code, run, _ = spikeport(capsys, "run small held.npz --json")
    ours = (small.classify(digits[1][:120]) == digits[3][:120]).mean()
    assert code == 0 and json.loads(run)["accuracy"] == pytest.approx(ours)
