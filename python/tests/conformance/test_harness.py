"""The harness says what went wrong and goes on: crashes, rubbish, timeouts, builds that fail, absent toolchains."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest

import spikeport
from conformance import harness, report
from conformance.__main__ import main
from conformance.bugs import BUGS, Bug
from conformance.cases import KERNELS
from conformance.compare import compare
from conformance.languages import ROOT, Language, run_language
from conformance.lines import decode_line, decode_reply, encode_line, expected_words, resolve
from conformance.mutations import planted

FAMILY = ("if", "st_bif", "layer", "network", "encode")
RUNNER = """
import json, sys
replies = json.load(open({replies!r}))
for line in open(sys.argv[1]):
    first, call = line.rstrip().split(" ", 1)
    number = int(first)
    {act}
    print(number, replies[call], flush=True)
"""


def language(tmp_path, act="pass", **fields):
    """A language whose runner is a Python program that answers ``if.constant`` well, but for ``act``."""
    replies, program = tmp_path / "replies.json", tmp_path / "runner.py"
    answers = {}
    for case in harness.select(["if.constant"]):
        words = (f"{key}={','.join(map(quote, value))}" for key, value in expected_words(case).items())
        answers[encode_line(0, case.kernel, case.arguments)[2:]] = " ".join(words)
    replies.write_text(json.dumps(answers))
    program.write_text(RUNNER.format(replies=str(replies), act=act))
    fields = {
        "name": "fake",
        "needs": sys.executable,
        "install": "nowhere",
        "run": f"{sys.executable} -S {program} {{cases}}",
    } | fields
    return Language(**fields)


@pytest.fixture(scope="module")
def cases():
    return harness.select(["if.constant"])


def test_a_good_runner_passes(tmp_path, cases):
    assert {o.status for o in run_language(language(tmp_path), cases)} == {"passed"}


def test_a_crash_is_pinned_to_its_case_and_the_others_are_asked_again(tmp_path, cases):
    """The runner dies at its fourth line each time: case 3, then every fourth after the case it died at."""
    outcomes = run_language(language(tmp_path, "if number == 3: sys.exit('broken pipe dream')"), cases[:10])
    assert [o.status for o in outcomes] == (["passed"] * 3 + ["failed"]) * 2 + ["passed"] * 2
    assert [o.case for o in outcomes] == [case.id for case in cases[:10]]
    assert "exit code 1" in outcomes[3].detail and "broken pipe dream" in outcomes[3].detail


def test_a_killed_runner_is_a_failure_of_the_case_it_was_at(tmp_path, cases):
    act = "import os, signal\n    if number == 2: os.kill(os.getpid(), signal.SIGKILL)"
    outcomes = run_language(language(tmp_path, act), cases[:3])
    assert [o.status for o in outcomes] == ["passed", "passed", "failed"] and "exit code -9" in outcomes[2].detail


def test_rubbish_is_a_failure_of_its_case(tmp_path, cases):
    outcomes = run_language(
        language(tmp_path, "print('Segmentation violation, probably') if number == 1 else None"), cases[:2]
    )
    assert outcomes[0].status == "passed" and outcomes[1].status == "failed" and "rubbish" in outcomes[1].detail


def test_a_reply_to_another_case_says_to_which(tmp_path, cases):
    outcomes = run_language(language(tmp_path, "number += 5 * (number == 2)"), cases[:3])
    assert [o.status for o in outcomes] == ["passed", "passed", "failed"]
    assert "a reply to line 7 of this run, where line 2 was asked" in outcomes[2].detail


def test_a_timeout_is_a_failure(tmp_path, cases):
    outcomes = run_language(language(tmp_path, "import time; time.sleep(60)"), cases[:1], timeout=1)
    assert outcomes[0].status == "failed" and "killed after 1 s" in outcomes[0].detail


def test_the_timeout_is_the_callers(tmp_path, cases):
    (column,) = harness.run(cases[:1], ["fake"], [language(tmp_path, "import time; time.sleep(60)")], timeout=1)
    assert "killed after 1 s" in column.outcomes[0].detail
    assert main(["--timeout", "0", "--language", "reference"]) == 2


def test_progress_counts_every_reply_and_is_heard_of_while_none_comes(tmp_path, cases):
    said = []
    run_language(language(tmp_path, "import time; time.sleep(0.8)"), cases[:3], advance=said.append)
    assert sum(said) == 3 and 0 in said


def test_a_runner_is_killed_when_the_harness_is_stopped(tmp_path):
    left = tmp_path / "runner"
    fake = language(tmp_path, f"import os, time; open({str(left)!r}, 'w').write(str(os.getpid())); time.sleep(600)")
    program = (
        "from conformance import harness, languages\n"
        "from conformance.__main__ import main\n"
        f"harness.load_languages = lambda: [languages.Language('fake', {fake.needs!r}, '', {fake.run!r})]\n"
        "main(['--language', 'fake', '--kernel', 'if.constant'])\n"
    )
    stopped = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    wait_until(lambda: left.exists() and left.read_text())
    stopped.terminate()
    assert stopped.wait(60) == 128 + signal.SIGTERM
    wait_until(lambda: not is_running(left.read_text()))


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happens"
        time.sleep(0.1)


def test_a_runner_that_is_slow_but_answers_is_not_killed(tmp_path, cases):
    outcomes = run_language(language(tmp_path, "import time; time.sleep(1.5)"), cases[:5], timeout=15)
    assert {o.status for o in outcomes} == {"passed"}


def is_running(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def test_what_a_killed_runner_started_is_killed_too(tmp_path, cases):
    left = tmp_path / "child"
    act = f"import subprocess; open({str(left)!r}, 'w').write(str(subprocess.Popen(['sleep', '600']).pid)); " + (
        "import time; time.sleep(600)"
    )
    outcomes = run_language(language(tmp_path, act), cases[:1], timeout=15)
    assert "killed after 15 s" in outcomes[0].detail
    deadline = time.monotonic() + 60  # a killed process is gone soon, not at once
    while is_running(left.read_text()):
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.1)


def test_a_reply_that_a_crash_cut_short_is_pinned_to_its_case(tmp_path, cases):
    """The line of case 1 lacks its end: it is no reply, and case 2 is not blamed for the crash."""
    act = "number == 1 and (print('1 spikes=0', end='', flush=True), os._exit(1))"
    outcomes = run_language(language(tmp_path, "import os; " + act), cases[:2])
    assert [o.status for o in outcomes] == ["passed", "failed"]
    assert "cut short in '1 spikes=0'" in outcomes[1].detail and "exit code 1" in outcomes[1].detail


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("import atexit, os; number == 1 and atexit.register(os._exit, 7)", "exit code 7"),
        ("import atexit; number == 1 and atexit.register(print, '2 v=0')", "'2 v=0'"),
        ("import atexit, time; number == 1 and atexit.register(time.sleep, 600)", "killed after 15 s"),
    ],
)
def test_what_goes_wrong_behind_the_last_reply_is_a_failure_of_the_last_case(tmp_path, cases, act, said):
    outcomes = run_language(language(tmp_path, act), cases[:2], timeout=15)
    assert [o.status for o in outcomes] == ["passed", "failed"] and said in outcomes[1].detail


def test_a_runner_that_always_dies_is_given_up(tmp_path, cases):
    outcomes = run_language(language(tmp_path, "sys.exit(3)"), cases)
    assert len(outcomes) == len(cases) and {o.status for o in outcomes} == {"failed"}


def test_a_failing_build_is_said_and_the_other_languages_go_on(tmp_path, cases, capsys):
    broken = language(tmp_path, name="broken", build=[f"{sys.executable} -c \"raise SystemExit('no such flag')\""])
    columns = harness.run(cases[:5], ["reference", "broken", "fake"], [broken, language(tmp_path)])
    by_name = {column.name: column for column in columns}
    assert "no such flag" in by_name["broken"].not_built and not by_name["broken"].ok
    assert by_name["broken"].outcomes == [] and report.cell(by_name["broken"], "if.constant") == ("not built", "failed")
    assert by_name["reference"].ok and by_name["fake"].ok
    assert "- broken: not built" in report.as_markdown(columns)
    report.print_matrix(columns)
    assert "1 of the columns not built" in capsys.readouterr().out


@pytest.mark.parametrize(("require", "ok"), [("", True), ("fake", False)])
def test_an_absent_toolchain_is_a_skip_or_where_required_a_failure(tmp_path, cases, monkeypatch, require, ok):
    monkeypatch.setenv("SPIKEPORT_REQUIRE", require)
    column = harness.run(cases[:1], ["fake"], [language(tmp_path, needs="no-such-compiler")])[0]
    assert column.ok is ok and "no-such-compiler" in column.absent and "nowhere" in column.absent


def test_a_kernel_that_is_skipped_is_a_failure_where_the_language_is_required(tmp_path, cases, monkeypatch):
    act = "number == 1 and print(number, 'skip=unsupported', flush=True)\n    if number == 1: continue"
    for require, status in (("", "skipped"), ("fake", "failed")):
        monkeypatch.setenv("SPIKEPORT_REQUIRE", require)
        column = harness.run(cases[:2], ["fake"], [language(tmp_path, act)])[0]
        assert [o.status for o in column.outcomes] == ["passed", status]
        assert column.ok is (status == "skipped")


@pytest.mark.parametrize("line", ["if.constant.every_level", "no.such.case a reason"])
def test_a_list_of_known_failures_is_checked(tmp_path, cases, monkeypatch, line):
    monkeypatch.setattr(harness, "KNOWN", tmp_path)
    (tmp_path / "fake.txt").write_text(line + "\n")
    with pytest.raises(ValueError, match=line.split(" ")[0]):
        harness.run(cases[:1], ["fake"], [language(tmp_path)])


def test_a_known_failure_that_passes_fails_the_run(tmp_path, cases, monkeypatch):
    monkeypatch.setattr(harness, "KNOWN", tmp_path)
    (tmp_path / "fake.txt").write_text(f"# why\n{cases[0].id} it was broken once\n")
    column = harness.run(cases[:2], ["fake"], [language(tmp_path)])[0]
    assert [o.status for o in column.outcomes] == ["failed", "passed"] and "unlist" in column.outcomes[0].detail


def test_no_failure_is_known():
    lists = [path for path in harness.KNOWN.glob("*.txt") if path.name != "README.txt"]
    assert [line for path in lists for line in path.read_text().splitlines() if not line.startswith("#")] == []


def test_a_difference_names_output_index_values_and_ulps():
    one, next_up = "3ff0000000000000", "3ff0000000000001"
    said = compare({"v": [one, one]}, {"v": [one, next_up]})
    assert said == f"v[1]: expected 1.0 ({one}), got 1.0000000000000002 ({next_up}), 1 ulp apart"
    assert "2 ulp apart" in compare({"v": ["8000000000000001"]}, {"v": ["0000000000000001"]})
    assert "expected 2 values, got 1" in compare({"v": [one, one]}, {"v": [one]})
    assert "not in the reply" in compare({"v": [one]}, {"w": [one]})
    assert compare({"error": ["shape"]}, {"v": [one]}) == "error: expected shape, got an answer"
    assert compare({"v": [one]}, {"error": ["shape"]}) == "error: expected an answer, got shape"
    assert compare({"v": ["0000000000000000"]}, {"v": ["8000000000000000"]}) != ""


def test_lines_carry_any_text():
    odd = ['a,b="c" %', "größer\n"]
    line = encode_line(7, "finetune.unfreeze", {"names": odd, "x": [0.1, -0.0, 5e-324], "empty": []})
    assert line.count(" ") == 4 and "\n" not in line
    assert decode_reply(line.replace("finetune.unfreeze", "k=1"), 7)["names"] == odd
    for broken in ("", "8 v=1", "7", "7 nothing", "7 v=%FF"):
        with pytest.raises((ValueError, UnicodeDecodeError)):
            decode_reply(broken, 7)


def test_a_line_says_all_that_a_case_says(tmp_path):
    for case in harness.select([kernel for kernel in KERNELS if "." not in kernel or kernel.split(".")[0] in FAMILY]):
        arguments = resolve(case, tmp_path)
        number, kernel, read = decode_line(encode_line(7, case.kernel, arguments))
        assert (number, kernel, list(read)) == (7, case.kernel, list(arguments))
        for key, value in arguments.items():
            want = value if isinstance(value, list) else [value]
            got = read[key] if isinstance(read[key], list) else [read[key]]
            if any(isinstance(item, str) for item in want) and not isinstance(got[0], str):
                want = [float(item) for item in want]  # "nan" and "inf" stand as texts in JSON
            assert [repr(float(a)) if not isinstance(a, str) else a for a in want] == [
                repr(float(b)) if not isinstance(b, str) else b for b in got
            ]


def test_a_backend_answers_in_a_process_of_its_own(cases):
    (column,) = harness.run(cases, ["rust-in-process"], [])
    assert column.passes("if.constant") and len(column.outcomes) == len(cases)


def test_reports_are_written(tmp_path, cases):
    columns = harness.run(cases, ["reference", "fake"], [language(tmp_path)])
    report.write(columns, tmp_path / "out")
    assert (tmp_path / "out" / "report.json").exists()
    assert f"{2 * len(cases)}/{2 * len(cases)}" in (tmp_path / "out" / "badge.json").read_text()
    assert (
        f"| `if.constant` | {len(cases)} passed | {len(cases)} passed |" in (tmp_path / "out" / "matrix.md").read_text()
    )
    assert "if.constant" in (tmp_path / "out" / "matrix.html").read_text()


@pytest.mark.parametrize("call", [["--kernel", "if.never"], ["--case", "nothing"], ["--language", "cobol"]])
def test_an_unknown_name_is_refused_by_name(call, capsys):
    assert main(call) == 2
    assert call[1] in capsys.readouterr().err


def test_a_case_is_named_by_its_id_by_how_it_begins_or_by_a_pattern():
    ids = lambda *names: [case.id for case in harness.select(["network.run"], names)]  # noqa: E731
    assert ids("network.run.poisson") == ["network.run.poisson"]
    assert ids("network.run.poisson_") == ["network.run.poisson_seed", "network.run.poisson_order"]
    assert ids("*.poisson_[os]*", "network.run.small") == ["network.run.small", *ids("network.run.poisson_")]


def test_the_line_of_a_case_is_shown(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["--show", "network.run.small"]) == 0
    assert "timesteps=8" in capsys.readouterr().out
    assert not list(tmp_path.iterdir()), "a folder that no line names is left"
    assert main(["--show", "qcfs.error", "--kernel", "if.constant"]) == 2
    assert main(["--show", "checkpoint.write.suffix.npz", "--show", "network.run.small"]) == 0
    shown = capsys.readouterr()
    first, second = shown.out.splitlines()
    assert [f"in {folder}, which stays" in shown.err for folder in tmp_path.iterdir()] == [True]
    assert first.startswith("0 network.run checkpoint=/") and "timesteps=8" in first
    path = next(word for word in second.split(" ") if word.startswith("path="))
    assert path.endswith("/checkpoint.write.suffix.npz") and Path(path[5:]).parent.is_dir()


def test_the_environment_names_required_languages(monkeypatch):
    monkeypatch.setitem(os.environ, "SPIKEPORT_REQUIRE", "rust, julia,,")
    assert harness.required_languages() == {"rust", "julia"}


def test_every_bug_still_finds_its_place():
    for bug in BUGS:
        planted((Path(spikeport.__file__).parent / bug.file).read_text("utf-8"), bug)


def test_a_bug_is_planted_where_its_expression_stands_and_nowhere_else():
    text = "'Not a + 1.'\n"
    source = f"def f(a):\n    {text}    return (\n        a\n        + 1\n    )\n\ndef g(a):\n    return a + 1\n"
    bug = Bug("a sign", "f.py", "f", "a + 1", "a - 1")
    assert [line.strip() for line in planted(source, bug).splitlines() if "return" in line] == [
        "return a - 1",
        "return a + 1",
    ]
    for gone in (bug._replace(right="a + 2"), bug._replace(function="h"), bug._replace(function="")):
        with pytest.raises(AssertionError, match="adapt the bug"):
            planted(source, gone)
