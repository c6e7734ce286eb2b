"""``spikeport export nir`` and ``spikeport import nir``: there and back, and a user's mistakes."""

import json

import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="NIR is not installed: pip install 'spikeport[nir]'")

from spikeport import LayerNode, SNNGraph  # noqa: E402
from spikeport.cli import main  # noqa: E402
from spikeport.interop import load_nir  # noqa: E402
from spikeport.transfer import SNNCheckpoint, load_checkpoint, save_checkpoint  # noqa: E402


@pytest.fixture
def spikeport(capsys):
    """A function that runs the command line: (code, standard output, standard error)."""

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        return left.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def checkpoint(tmp_path):
    draws = np.random.default_rng(2)
    hidden = LayerNode("hidden", 4, 6, draws.integers(-8, 9, (6, 4)) / 8, "IF", v_init=0.5)
    graph = SNNGraph([hidden, LayerNode("out", 6, 3, draws.integers(-8, 9, (3, 6)) / 8, "IF", v_init=0.5)])
    save_checkpoint(SNNCheckpoint.from_graph(graph, {"T": 8}), tmp_path / "snn")
    return tmp_path / "snn"


def test_there_and_back(spikeport, checkpoint, tmp_path):
    code, out, _ = spikeport("export", "nir", checkpoint, tmp_path / "a.nir")
    assert (code, "wrote" in out) == (0, True)
    code, out, _ = spikeport("import", "nir", tmp_path / "a.nir", tmp_path / "back")
    assert (code, "hidden" in out) == (0, True)
    back = load_checkpoint(tmp_path / "back")
    assert back.to_graph() == load_checkpoint(checkpoint).to_graph()
    assert back.metadata == {"source": str(tmp_path / "a.nir"), "dt": 1.0}


def test_the_plain_form_prints_what_it_measured(spikeport, checkpoint, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 9, (30, 4)) / 8)
    plain = ("export", "nir", checkpoint, tmp_path / "p.nir", "--reset", "plain")
    code, _, err = spikeport(*plain)
    assert (code, "--samples" in err) == (2, True)
    code, out, _ = spikeport(*plain, "--samples", tmp_path / "x.npy", "--json")
    assert code == 0
    certificate = json.loads(out)["certificate"]
    assert (certificate["level"], certificate["samples"]) == ("measured", 30)
    assert certificate["reason"].endswith("8 steps")  # those that the checkpoint was converted for
    assert [type(load_nir(tmp_path / "p.nir").nodes[f"{name}.neuron"]) for name in ("hidden", "out")] == [nir.IF] * 2


def test_mistakes_end_in_a_message(spikeport, checkpoint, tmp_path):
    (tmp_path / "there.nir").write_text("no file of NIR")
    assert spikeport("export", "nir", checkpoint, tmp_path / "there.nir")[0] == 2  # it exists
    code, _, err = spikeport("import", "nir", tmp_path / "there.nir", tmp_path / "new")
    assert (code, "Traceback" in err) == (2, False)
    assert not (tmp_path / "new.npz").exists()
    pooled = SNNGraph([LayerNode("stb", 4, 4, np.eye(4), "ST-BIF")])
    save_checkpoint(SNNCheckpoint.from_graph(pooled), tmp_path / "stb")
    code, _, err = spikeport("export", "nir", tmp_path / "stb", tmp_path / "stb.nir")
    assert (code, "stb: NIR has no neuron with a tracer" in err) == (2, True)
    assert not (tmp_path / "stb.nir").exists()
