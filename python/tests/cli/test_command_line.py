"""The command line as a user meets it: exit codes, streams, messages."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import typer

from spikeport import cli
from spikeport.cli.app import fail
from spikeport.errors import ConversionError
from spikeport.transfer import SNNCheckpoint, save_checkpoint


def spikeport(capsys, *arguments):
    """Run a command in this process; return its exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as left:
        cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return left.value.code or 0, out, err


def test_version_as_json_is_one_document(capsys):
    code, out, err = spikeport(capsys, "version", "--json")
    data = json.loads(out)
    assert code == 0
    assert err == ""
    assert data["backends"]["reference"] == {"available": True, "reason": None}


def test_an_unknown_command_is_named_and_leaves_with_2(capsys):
    code, out, err = spikeport(capsys, "nonsense")
    assert (code, out) == (2, "")
    assert "nonsense" in err


@pytest.mark.parametrize(
    "error", [ConversionError("percentile", "percentile 0: give one"), FileNotFoundError("no file")]
)
def test_an_error_of_ours_is_a_message_not_a_traceback(capsys, monkeypatch, error):
    def raising(*_, **__):
        raise error

    monkeypatch.setattr(cli, "application", raising)
    code, out, err = spikeport(capsys, "version")
    assert (code, out) == (2, "")
    assert err.strip() == f"error: {error}"


def test_an_error_that_is_not_the_users_keeps_its_traceback(monkeypatch):
    def raising(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "application", raising)
    with pytest.raises(ZeroDivisionError):
        cli.main(["version"])


def test_fail_prints_markup_as_it_is(capsys):
    with pytest.raises(typer.Exit) as left:
        fail("layer [bold] is not one of [hidden]")
    assert left.value.exit_code == 2
    assert "layer [bold] is not one of [hidden]" in capsys.readouterr().err


def test_start_up_imports_nothing_heavy():
    code = (
        "import sys\nfrom spikeport import cli\n"
        "try:\n    cli.main(['version'])\nexcept SystemExit as left:\n    assert not left.code\n"
        "heavy = {'torch', 'transformers', 'matplotlib', 'sklearn', 'safetensors'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_python_dash_m_is_the_same_command():
    done = subprocess.run([sys.executable, "-m", "spikeport", "version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("spikeport ")


def test_conformance_without_a_checkout_still_has_its_help(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, out, _ = spikeport(capsys, "conformance", "--help")
    assert code == 0
    assert "--checkout" in out
    assert spikeport(capsys, "conformance")[0] == 2


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_without_the_letters_gets_no_traceback(tmp_path, encoding):
    checkpoint = SNNCheckpoint([np.ones((2, 3))], ["θ → ü"], [(3, 2)])
    save_checkpoint(checkpoint, tmp_path / "c")

    def output(*arguments):
        environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
        command = [sys.executable, "-m", "spikeport", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, check=True).stdout.decode(encoding)

    assert "spikeport" in output("--help")
    assert "parameters" in output("inspect", str(tmp_path / "c"))
    assert json.loads(output("inspect", str(tmp_path / "c"), "--json"))["layers"][0]["name"] == "θ → ü"


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_asked_for_as_everywhere(capsys, flag):
    import spikeport as package

    assert spikeport(capsys, flag) == (0, f"spikeport {package.__version__}\n", "")


def test_the_help_of_optimize_lists_every_pass(capsys):
    from spikeport.snn_optimizer.passes.registry import PASSES

    _, out, _ = spikeport(capsys, "optimize", "--help")
    assert [name for name in PASSES if name not in out and PASSES[name].short not in out] == []


def test_completion_can_be_installed(capsys):
    _, out, _ = spikeport(capsys, "--help")
    assert "--install-completion" in out


def test_without_torch_training_a_roberta_names_what_to_install(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    code, _, err = spikeport(capsys, "relu-roberta", "--train-file", tmp_path / "x.tsv", "--output-dir", tmp_path / "y")
    assert code == 2 and "spikeport[roberta]" in err
