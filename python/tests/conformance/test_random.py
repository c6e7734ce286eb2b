"""Drawn calls come again by their seed, reach every kernel both ways, and show a language that differs."""

import sys

import pytest

from conformance.__main__ import main
from conformance.cases import KERNELS
from conformance.languages import Language
from conformance.random import stream
from conformance.random.draw import drawn, named, promised

RUNNER = """
import sys
open({log!r}, "a").write("started\\n")
for line in open(sys.argv[1]):
    print(line.split(" ")[0], "error=shape", flush=True)
"""


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    return [drawn(5, number, folder) for number in range(700)]


@pytest.fixture
def refuses_all(tmp_path):
    """A language that answers every call by ``shape``."""
    program = tmp_path / "runner.py"
    program.write_text(RUNNER.format(log=str(tmp_path / "log")))
    return Language("fake", sys.executable, "nowhere", f"{sys.executable} -S {program} {{cases}}")


def test_every_kernel_is_drawn_and_both_answered_and_refused(cases):
    answered = {case.kernel for case in cases if "error" not in case.expected}
    refused = {case.kernel for case in cases if "error" in case.expected}
    assert answered == set(KERNELS) and refused >= set(KERNELS) - {"checkpoint.read"}


def test_the_reference_stops_at_no_draw(cases):
    codes = {case.expected["error"][0] for case in cases if "error" in case.expected}
    assert [code for code in codes if " " in code] == []


def test_nothing_that_is_expected_is_nan_or_infinite(cases):
    assert all(promised(case.expected) for case in cases)
    assert not promised({"v": ["3ff0000000000000", "7ff0000000000000"]})
    assert not promised({"v.3": ["ffc00000"]})
    assert promised({"keys": ["7770000000000000"], "counts": ["12345678"]})


def test_a_case_is_the_same_wherever_it_is_drawn(cases, tmp_path):
    for case in cases[::50]:
        again = named(case.id, tmp_path)
        assert again.kernel == case.kernel
        paths = {"path", "checkpoint"}
        strip = [{k: v for k, v in one.arguments.items() if k not in paths} for one in (case, again)]
        assert repr(strip[0]) == repr(strip[1]) and again.expected == case.expected
    assert named("if.multistep.at_threshold", tmp_path) is None


def test_a_language_that_differs_is_named_with_its_cases(refuses_all):
    tally = stream.run(60, 5, ["fake"], languages=[refuses_all])
    assert not tally.ok and tally.drawn.total() == 60
    assert tally.passed.total() + len(tally.differences) == 60 and tally.differences
    assert all(one.case.startswith("random.5.") and one.detail.startswith("error: ") for one in tally.differences)


def test_a_runner_starts_once_a_block(refuses_all, tmp_path):
    stream.run(50, 5, ["fake"], block=20, languages=[refuses_all])
    assert (tmp_path / "log").read_text() == "started\n" * 3


def test_an_absent_language_fails_where_it_is_required(refuses_all, monkeypatch):
    absent = Language("fifth", "no-such-program-anywhere", "nowhere", "no-such-program-anywhere {cases}")
    agreeing = stream.Tally()
    agreeing.passed["fake", "qcfs"] = 1
    for required in ("", "fifth"):
        monkeypatch.setenv("SPIKEPORT_REQUIRE", required)
        agreeing.columns = stream.run(1, 5, ["fifth"], languages=[absent]).columns
        assert agreeing.ok == (not required)
        assert "nowhere" in agreeing.columns[0].absent


def test_nothing_compared_is_no_success():
    assert not stream.Tally().ok


def test_the_command_shows_a_drawn_case_and_runs_it_again(capsys):
    assert main(["--show", "random.5.7"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("0 ") and shown.split()[1] in KERNELS
    assert main(["--case", "random.5.7", "--language", "reference"]) == 0
    assert "1 passed, 0 failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong", [["--random", "0"], ["--random", "5", "--block", "0"], ["--random", "5", "--seed", "-1"]]
)
def test_counts_that_mean_nothing_are_refused(wrong, capsys):
    assert main(wrong) == 2
    assert "at least" in capsys.readouterr().err
