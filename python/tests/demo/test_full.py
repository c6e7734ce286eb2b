"""`spikeport demo --full`, small: every step, its files, its page, and what happens where bits differ."""

import gzip
import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
from cli.command_line import spikeport

from spikeport import LayerNode, Neuron, SNNGraph
from spikeport.demo import full
from spikeport.demo.full import languages, load_images, telling
from spikeport.demo.full.exported import as_c
from spikeport.errors import MissingExtra
from spikeport.operations import Linear
from spikeport.transfer import SNNCheckpoint, load_checkpoint, save_checkpoint

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
JULIA = Path(__file__).resolve().parents[3] / "build" / "julia" / "julia"


@pytest.fixture(scope="module")
def story(tmp_path_factory, torch):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SPIKEPORT_DATA", raising=False)
        patch.setenv("SPIKEPORT_JULIA", "no-such-julia")
        yield full.tell(tmp_path_factory.mktemp("story") / "folder", train=300, test=100)


def test_every_language_and_form_gives_the_same(story):
    assert False not in story.same.values()
    assert all(story.same[f"{kind}, {name}"] for kind in ("floats", "int8") for name in ("reference", "rust"))
    assert story.same["NIR"]


def test_every_step_keeps_what_was_learnt(story):
    assert list(story.accuracy) == ["trained", "spiking", "optimised", "int8", "trained on"]
    assert min(story.accuracy.values()) > 0.7
    assert story.accuracy["optimised"] == story.accuracy["spiking"]  # its passes are exact


def test_every_file_is_there_and_loads(story):
    assert load_checkpoint(story.folder / "story_int8").to_graph().layers[0].operation.weight.dtype == np.int8
    for name in ("story_floats.npz", "story.nir", "story.c", "certified.html", "optimised.html", "profile.html"):
        assert (story.folder / name).is_file(), name


def test_the_page_tells_every_step_and_needs_nothing_else(story):
    html = story.page.read_text("utf-8")
    headings = re.findall(r"<h2>(.*?)</h2>", html)
    assert headings[1:-2] == [f"{number}. {chapter.heading}" for number, chapter in enumerate(story.chapters, 1)]
    led_to = set(re.findall(r'(?:src|href)="(?!#|data:)([^"]*)"', html))
    assert led_to == {"certified.html", "optimised.html", "profile.html"}
    assert all((story.folder / name).is_file() for name in led_to)
    assert json.loads(json.dumps(story.to_dict()))["accuracy"] == story.accuracy


@pytest.mark.parametrize("same", [True, False])
def test_other_spikes_end_the_command_with_1(story, monkeypatch, capsys, tmp_path, same):
    monkeypatch.setattr(story, "same", {"floats, reference": True, "floats, rust": same, "floats, julia": None})
    monkeypatch.setattr(full, "tell", lambda folder, on_step: story)
    code, out, err = spikeport(capsys, f"demo --full --folder {tmp_path}")
    assert code == (0 if same else 1)
    assert ("other spikes than the reference's: floats, rust" in err) is not same
    assert "1. Train" in out and "not here, see spikeport doctor: floats, julia" in out


def integer_network():
    rng = np.random.default_rng(1)
    weights = [rng.integers(-9, 10, shape).astype(np.int8) for shape in ((5, 4), (3, 5))]
    return SNNGraph([LayerNode.of(f"l{k}", Linear(w), Neuron("IF", threshold=20)) for k, w in enumerate(weights)])


def test_a_program_of_c_that_answers_otherwise_is_seen(tmp_path, monkeypatch):
    x = np.random.default_rng(2).integers(0, 9, (3, 4))
    _, _, same = as_c(integer_network(), x, 6, 9, tmp_path / "net.c")
    if same is None:
        pytest.skip("no C compiler here")
    assert same
    run = SNNGraph.run
    monkeypatch.setattr(SNNGraph, "run", lambda self, x, T, **how: run(self, x, T=T - ("encoding" not in how), **how))
    assert as_c(integer_network(), x, 6, 9, tmp_path / "net.c")[2] is False


def test_a_julia_of_its_own_answers_from_the_files(tmp_path, monkeypatch):
    if not JULIA.is_file():
        pytest.skip("no Julia here: julia/setup.sh brings it")
    path = save_checkpoint(SNNCheckpoint.from_graph(integer_network()), tmp_path / "net")
    monkeypatch.setenv("SPIKEPORT_JULIA", str(JULIA))
    monkeypatch.setattr(languages, "available_backends", lambda: {"reference": None, "julia": "not in process"})
    x = np.random.default_rng(2).integers(0, 9, (3, 4))
    assert [(h.language, h.same) for h in languages.heard(path, x, 6)] == [("reference", True), ("julia", True)]


def test_mnist_is_read_where_it_is(tmp_path, monkeypatch):
    folder = tmp_path / "mnist"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, n in (("train", 5), ("t10k", 4)):
        pixels, labels = rng.integers(0, 256, (n, 28, 28), np.uint8), rng.integers(0, 10, n, np.uint8)
        for kind, values in (("images-idx3", pixels), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
            (folder / f"{name}-{kind}-ubyte.gz").write_bytes(gzip.compress(head + values.tobytes()))
    monkeypatch.setenv("SPIKEPORT_DATA", str(tmp_path))
    images = load_images(3, 4)
    assert (images.x_train.shape, images.x_test.shape) == ((3, 1, 28, 28), (4, 1, 28, 28))
    assert np.array_equal(images.x_test[:, 0], (pixels / 255).astype(np.float32))
    assert np.array_equal(images.y_test, labels)


def test_what_it_lacks_is_said_before_any_work(tmp_path, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(telling.importlib.util, "find_spec", lambda name: None if name == "nir" else find_spec(name))
    with pytest.raises(MissingExtra, match=r"needs nir.*spikeport\[dev\]"):
        full.tell(tmp_path / "story")
    assert not (tmp_path / "story").exists()
