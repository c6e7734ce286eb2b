"""`certify` of networks of integers: the same report as of the float network, and the same losses but for rounding."""

import json

import numpy as np
import pytest

from spikeport import certify, load
from spikeport.certification.layers.losses import KINDS
from spikeport.conversion import InputStepWarning, convert
from spikeport.errors import ConversionError
from spikeport.integers.inputs.step import InputStep

pytestmark = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")
CLOSE = {"int8": 0.05, "int16": 0.01}


@pytest.fixture(scope="module")
def normalised(residual):
    """The residual network on 8-bit images that were normalised, so that the first convolution reads an offset."""
    model, images = residual
    pixels = np.rint(np.tile(images, (4, 1, 1, 1)) * 255)
    return model, ((pixels / 255 - 0.1307) / 0.3081).astype(np.float32)


def alike(one, other, within):
    assert [layer.name for layer in one.layers] == [layer.name for layer in other.layers]
    for a, b in zip(one.layers, other.layers, strict=True):
        assert a.threshold == pytest.approx(1, abs=0.01) and b.threshold == pytest.approx(1, abs=0.01)
        assert a.stands_for == pytest.approx(b.stands_for, rel=1e-6)
        for kind in ("inherited", *KINDS):
            assert getattr(a, kind) == pytest.approx(getattr(b, kind), abs=within), (a.name, kind)
    assert one.logit_error == pytest.approx(other.logit_error, abs=within)


@pytest.mark.parametrize("arithmetic", CLOSE)
def test_a_network_of_integers_has_the_float_networks_losses(digits_mlp, digits, digits_snn, arithmetic):
    whole = convert(digits_mlp, digits[0], T=8, percentile=99.9, arithmetic=arithmetic)
    found = certify(digits_mlp, whole, digits[1])
    alike(found, certify(digits_mlp, digits_snn, digits[1]), CLOSE[arithmetic])
    same = (whole.classify(digits[1]) == digits_mlp_classes(digits_mlp, digits[1])).mean()
    assert found.certificate.agreement == pytest.approx(same)
    assert len(found.changed) == round((1 - same) * len(digits[1]))


def digits_mlp_classes(model, x):
    import torch

    with torch.no_grad():
        return model(torch.tensor(x)).argmax(1).numpy()


@pytest.mark.parametrize("arithmetic", CLOSE)
@pytest.mark.parametrize("given", ["images", "normalised"])
def test_sums_pools_and_offsets_are_seen_through(residual, normalised, arithmetic, given):
    model, x = {"images": residual, "normalised": normalised}[given]
    real, whole = (convert(model, x, T=6, percentile=99.9, arithmetic=kind) for kind in ("float", arithmetic))
    assert (whole.names[0] == "input.with_one") == (given == "normalised")
    found = certify(model, whole, x)
    alike(found, certify(model, real, x), CLOSE[arithmetic])
    assert all((layer.weights or 0) < CLOSE[arithmetic] for layer in found.layers)
    assert not any("differ from the trained ones" in said for said in found.advice)


def test_a_lossless_network_of_integers_is_certified_as_settled(digits_mlp, digits):
    whole = convert(digits_mlp, digits[0][:300], T=400, neuron="st_bif", arithmetic="int8")
    found = certify(digits_mlp, whole, digits[1][:40])
    assert found.settled.certificate.level == "exact" and found.settled.share == 1
    real = certify(digits_mlp, convert(digits_mlp, digits[0][:300], T=400, neuron="st_bif"), digits[1][:40])
    alike(found, real, 0.05)
    assert all(layer.unevenness == pytest.approx(0, abs=1e-9) for layer in found.layers)


def test_what_was_saved_is_certified_the_same(normalised, tmp_path):
    model, x = normalised
    whole = convert(model, x, T=6, arithmetic="int8")
    whole.save(tmp_path / "whole")
    back = load(tmp_path / "whole")
    assert isinstance(back.units.input, InputStep) and back.units == whole.units and back.scales == whole.scales
    assert str(certify(model, back, x)) == str(certify(model, whole, x))
    json.dumps(whole.metadata)
    with pytest.warns(InputStepWarning, match="channel by channel|, from -"):
        back.classify(x[:2] * np.float32(0.9))


def test_poisson_spikes_are_refused(digits_mlp, digits):
    whole = convert(digits_mlp, digits[0], T=8, arithmetic="int8")
    with pytest.raises(ConversionError) as caught:
        certify(digits_mlp, whole, digits[1], encoding="poisson")
    assert caught.value.code == "encoding"
