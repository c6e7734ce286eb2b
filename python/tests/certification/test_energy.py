"""The three energies, from counts that can be added up by hand, and what the published lines say of them."""

from dataclasses import replace

import numpy as np
import pytest

from spikeport import sweep
from spikeport.certification import LINES, Assumptions, Energy
from spikeport.certification.energy.model import energy_of
from spikeport.certification.energy.work import FIELDS, Structure
from spikeport.errors import ConversionError

# 4 analog inputs -> 6 neurons -> 3 outputs, 5 steps: 24 and 18 synapses.
STRUCTURE = [Structure("hidden", 24, 6, 6, False, False), Structure("output", 18, 0, 3, True, True)]
WORK = np.zeros((2, 2, len(FIELDS)))
for sample, (spikes, met) in enumerate([(10, 30), (14, 42)]):
    hidden = {"spikes": spikes, "set_bits": spikes, "multiply_accumulates": 100, "repeated": 80}
    WORK[sample, 0] = [hidden.get(name, 0) for name in FIELDS]
    WORK[sample, 1] = [met if name in ("accumulates", "deliveries") else 0 for name in FIELDS]
PLAIN = Assumptions()


def modelled(given=PLAIN, levels=5):
    return energy_of(WORK, STRUCTURE, np.full(2, 5.0), levels, given)


def test_the_energies_are_sums_of_counts_and_prices():
    found = modelled()
    updates = 2 * 9 * 5  # two additions for each of 6 neurons and 3 outputs at each step
    arithmetic = (36 + updates) * 0.9 + 20 * 4.6
    assert found.spiking["arithmetic"] == pytest.approx(arithmetic * 1e-6)
    assert found.other["arithmetic"] == pytest.approx(42 * 4.6e-6)
    memory = arithmetic + (36 + 20) * 5 + 2 * 9 * 5 * 5
    assert found.spiking["memory"] == pytest.approx(memory * 1e-6)
    assert found.other["memory"] == pytest.approx((42 * (4.6 + 5) + 2 * 9 * 5) * 1e-6)
    assert found.bits == 3  # six levels of 0 … 5 spikes
    product = 0.2 * 3 / 8 + 0.1
    integers = (36 + updates) * 0.1 + 20 * product + 56 * 5 * 8 / 32 + 90 * 5
    assert found.spiking["bit-matched"] == pytest.approx(integers * 1e-6)
    assert found.other["bit-matched"] == pytest.approx((42 * (product + 1.25) + 2 * 9 * 5 * 3 / 32) * 1e-6)
    assert found.spread["arithmetic"] == pytest.approx(6 * 0.9e-6)
    assert (found.spikes_a_synapse, found.rate) == (2.0, 12 / 5 / 6)


def test_every_assumption_moves_an_energy():
    before = modelled().to_dict()
    for name, value in PLAIN.to_dict().items():
        other = (not value) if isinstance(value, bool) else value * 2 + 1
        after = modelled(replace(PLAIN, **{name: other})).to_dict()
        assert (after["spiking"], after["other"]) != (before["spiking"], before["other"]), name


def test_a_constant_input_that_is_not_kept_is_multiplied_at_each_step():
    again = modelled(replace(PLAIN, input_once=False)).spiking["arithmetic"]
    assert again - modelled().spiking["arithmetic"] == pytest.approx(80 * 4.6e-6)


@pytest.mark.parametrize("bits, levels", [(1, 1), (2, 2), (2, 3), (3, 7), (4, 8), (4, 15), (5, 16)])
def test_the_quantised_network_has_as_many_levels(bits, levels):
    assert modelled(levels=levels).bits == bits


def test_prices_that_are_none_are_refused():
    for value in (-1.0, float("nan"), "5", None):
        with pytest.raises(ConversionError, match="memory must be") as caught:
            Assumptions(memory=value)
        assert caught.value.code == "energy"


def judged(spikes_a_synapse, rate):
    same = dict.fromkeys(("arithmetic", "memory", "bit-matched"), 1.0)
    cheap = dict.fromkeys(same, 0.1)
    return Energy(cheap, same, cheap, 4, spikes_a_synapse, rate)


def test_a_network_that_fires_at_thirty_percent_for_eight_steps_does_not_pay_however_cheap_an_addition():
    found = judged(0.3 * 8, 0.3)
    assert set(found.judgements.values()) == {"does not pay"} and len(LINES) == 3
    assert found.verdict.startswith("This does not pay") and all(ratio < 1 for ratio in found.ratios.values())


@pytest.mark.parametrize(
    "spikes, rate, verdict",
    [(0.1, 0.02, "This pays"), (1.0, 0.02, "Whether this pays is open"), (1.5, 0.3, "Whether this pays is open")],
)
def test_the_verdict_follows_the_published_lines(spikes, rate, verdict):
    assert judged(spikes, rate).verdict.startswith(verdict)


def test_what_the_models_say_against_it_is_said_beside_the_lines():
    dear = replace(judged(0.1, 0.02), spiking={"arithmetic": 0.5, "memory": 2.0, "bit-matched": 3.0})
    assert "costs more in 2 of 3 models (memory, bit-matched)" in dear.verdict


def test_the_page_of_the_digits_says_that_this_does_not_pay(digits_snn, digits):
    pytest.importorskip("matplotlib")
    report = sweep(digits_snn, digits[1], digits[3], T=[8, 32])
    dense = replace(report, converted_for=32)
    page = dense.page().html()
    assert "This does not pay" in page and "Modelled, not measured" in page
    assert all(line.source in page for line in LINES) and "Horowitz" in page
