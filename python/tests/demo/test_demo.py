"""`spikeport demo` from an empty folder, and again."""

import importlib.util
import json
import re

import numpy as np
import pytest

from spikeport import cli
from spikeport.demo import demonstrate
from spikeport.demo.demonstration import ENCODINGS, TIMESTEPS
from spikeport.demo.digits import Recipe
from spikeport.errors import MissingExtra
from spikeport.transfer import load_checkpoint

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, torch):
    return tmp_path_factory.mktemp("digits") / "demo"


@pytest.fixture(scope="module")
def shown(folder):
    return demonstrate(folder)


def by(shown, encoding):
    return {m.T: m for m in shown.measurements if m.encoding == encoding}


def test_the_spiking_network_keeps_the_accuracy(shown):
    assert shown.trained_accuracy > 0.95
    assert shown.test_digits == 360
    assert {(m.encoding, m.T) for m in shown.measurements} == {(e, T) for e in ENCODINGS for T in TIMESTEPS}
    current, poisson = by(shown, "current"), by(shown, "poisson")
    for T, points in [(4, 1.5), (8, 0.6), (16, 0.3), (32, 0.3), (64, 0.3)]:
        assert 100 * (shown.trained_accuracy - current[T].accuracy) <= points + 1e-9, T
    assert 100 * (shown.trained_accuracy - poisson[64].accuracy) <= 1.5
    assert current[16].agreement > 0.99
    assert current[1].spikes_per_inference < current[64].spikes_per_inference


def test_the_loaded_network_gives_the_same_spikes(shown, folder):
    assert shown.same_spikes
    assert shown.spikes_compared > 100_000
    checkpoint = load_checkpoint(folder / "digits_snn")
    assert checkpoint.metadata["certificate"]["level"] == "measured"
    with np.load(shown.samples) as samples:
        x, y = samples["x"], samples["y"]
    result = checkpoint.to_graph().run(x, T=16)
    assert (result.drive.argmax(1) == y).mean() == by(shown, "current")[16].accuracy


def test_a_second_run_reads_the_trained_network_and_shows_the_same(shown, folder, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["demo", "--folder", str(folder), "--json"])
    out, err = capsys.readouterr()
    assert (left.value.code or 0, err) == (0, "")
    assert shown.retrained
    assert json.loads(out) == {**shown.to_dict(), "retrained": False}


def test_the_table_has_a_row_for_every_number_of_steps(shown, folder, capsys):
    with pytest.raises(SystemExit):
        cli.main(["demo", "--folder", str(folder)])
    out = capsys.readouterr().out
    assert [int(T) for T in re.findall(r"^│ (\d+) ", out, re.MULTILINE)] == list(TIMESTEPS)
    assert "all the same" in out
    assert str(shown.page) in out


def test_another_recipe_is_trained_and_a_damaged_file_too(tmp_path, torch):
    quick = Recipe(epochs=1)
    assert quick.digest != Recipe().digest
    assert demonstrate(tmp_path, recipe=quick).retrained
    assert not demonstrate(tmp_path, recipe=quick).retrained
    next(tmp_path.glob("digits_mlp-*.safetensors")).write_bytes(b"damaged")
    steps = []
    assert demonstrate(tmp_path, lambda step, done, of: steps.append((step, done, of)), recipe=quick).retrained
    assert ("training", 1, 1) in steps
    assert steps[-1] == ("drawing", 1, 1)


@pytest.mark.parametrize("absent", ["sklearn", "torch", "safetensors", "matplotlib"])
def test_what_it_lacks_is_said_before_any_work(tmp_path, monkeypatch, absent):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == absent else find_spec(name))
    with pytest.raises(MissingExtra, match=r"the demonstration needs .*spikeport\[dev\]"):
        demonstrate(tmp_path / "demo")
    assert not (tmp_path / "demo").exists()


def test_the_page_is_self_contained_and_has_its_pictures(shown):
    html = shown.page.read_text("utf-8")
    assert html.count("<figure") == 10
    assert html.count("<svg") == 10
    for name in ("layer_0", "layer_1", "layer_2", "trained network", "constant current", "Poisson spikes"):
        assert name in html
    assert not re.search(r'(?:src|href)="(?!#|data:)', html)
    assert "http://" not in re.sub(r'xmlns(?::\w+)?="[^"]*"', "", html).replace("http://www.w3.org", "")


def test_a_browser_shows_the_page_without_an_error(shown):
    from browser import open_page

    script = """
    const drawn = [...document.querySelectorAll("figure svg")].map((svg) => {
        const {width, height} = svg.getBoundingClientRect();
        const images = [...svg.querySelectorAll("image")].map((image) => image.getBoundingClientRect().width);
        return {width, height, images, shapes: svg.querySelectorAll("path, use").length};
    });
    const sideways = document.documentElement.scrollWidth > window.innerWidth;
    document.body.dataset.seen = JSON.stringify({drawn, sideways});
    """
    page = open_page(shown.page, script)
    assert page.errors == []
    seen = json.loads(page.elements("body")[0]["data-seen"])
    assert not seen["sideways"]
    assert len(seen["drawn"]) == 10
    assert all(picture["width"] > 100 and picture["height"] > 80 for picture in seen["drawn"])
    network, *plots = seen["drawn"]
    assert network["shapes"] == 2 * 3  # a line and a head for each arrow
    curves, digit, rasters, scatters = plots[:2], plots[2], plots[3:6], plots[6:]
    assert all(picture["shapes"] > 40 for picture in curves)
    assert all(len(picture["images"]) == 1 and picture["images"][0] > 50 for picture in [digit, *rasters])
    assert all(picture["images"] or picture["shapes"] > 200 for picture in scatters)
    headings = re.findall(r"<h2>(.*?)</h2>", page.dom)
    first, last = ["In short", "The network"], ["One digit", "Activation against rate", "Make it again"]
    assert headings == [*first, "Accuracy over time", *last]
