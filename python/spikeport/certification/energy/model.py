"""Three energies beside each other, from the counts: modelled, not measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.certification.energy.assumptions import Assumptions
from spikeport.certification.energy.crossover import LINES
from spikeport.certification.energy.work import FIELDS, Structure

Array = npt.NDArray[Any]

KINDS: Final = {
    "arithmetic": "arithmetic alone, 32-bit floats, against the trained network",
    "memory": "with memory, 32-bit floats, against the trained network",
    "bit-matched": "with memory, integers, against the quantised network of as many levels",
}


@dataclass(frozen=True)
class Energy:
    """What an inference costs, in microjoules, the spiking network and what stands beside it.

    Attributes
    ----------
    spiking, other : by the names in `KINDS`
    spread : standard deviation of ``spiking`` over the samples
    bits : of the quantised network, ⌈log2(N + 1)⌉
    spikes_a_synapse : spikes delivered to a synapse in an inference, of the connections that spikes reach
    rate : spikes a neuron and step
    """

    spiking: dict[str, float]
    other: dict[str, float]
    spread: dict[str, float]
    bits: int
    spikes_a_synapse: float
    rate: float

    @property
    def ratios(self) -> dict[str, float]:
        """The spiking network's energy over the other's."""
        return {kind: self.spiking[kind] / self.other[kind] if self.other[kind] else math.nan for kind in KINDS}

    @property
    def judgements(self) -> dict[str, str]:
        """By source, whether the activity pays by each published line."""
        return {line.source: line.judge(self.spikes_a_synapse, self.rate) for line in LINES}

    @property
    def verdict(self) -> str:
        """Whether it pays, in a sentence."""
        found = list(self.judgements.values())
        seen = f"{self.spikes_a_synapse:.3g} spikes a synapse and inference, a rate of {self.rate:.1%}"
        dearer = [kind for kind, ratio in self.ratios.items() if ratio >= 1]
        if found.count("does not pay") == len(found):
            return f"This does not pay: {seen}, above every published crossover."
        if found.count("pays") == len(found) and not dearer:
            return f"This pays by every published crossover and in all three models: {seen}."
        lines = f"it pays by {found.count('pays')} of {len(found)} published crossovers"
        models = f"and costs more in {len(dearer)} of {len(KINDS)} models" + (
            f" ({', '.join(dearer)})" if dearer else ""
        )
        return f"Whether this pays is open: {seen}; {lines}, {models}."

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready data."""
        ratios = {kind: None if math.isnan(ratio) else ratio for kind, ratio in self.ratios.items()}
        return {**vars(self), "ratios": ratios, "judgements": self.judgements, "verdict": self.verdict}


def energy_of(work: Array, structure: list[Structure], T: Array, levels: int, given: Assumptions) -> Energy:
    """Return the energies of samples.

    Parameters
    ----------
    work : (samples, nodes, len(FIELDS)), see `spikeport.certification.energy.work`
    T : steps that each sample took, (samples,)
    levels : N, the most spikes that a neuron can send
    """
    total = dict(zip(FIELDS, np.moveaxis(work.sum(axis=1), 1, 0), strict=True))
    products = total["multiply_accumulates"] - (total["repeated"] if given.input_once else 0)
    neurons = sum(node.neurons for node in structure[:-1]) + structure[-1].values
    sends = sum(node.neurons for node in structure[:-1])
    added = total["accumulates"] + total["additions"] + given.update_additions * neurons * T
    fetches, accesses = total["accumulates"] + products, 2.0 * neurons * T
    bits = math.ceil(math.log2(levels + 1))
    synapses = sum(node.synapses for node in structure)
    values = sum(node.values for node in structure if node.synapses or node.neurons)
    quantised = given.integer_multiply * bits / 8 + given.integer_add
    narrow = given.weights * given.weight_bits / 32
    # A graded value of the integer network counts as one of `bits` bits, on both sides.
    ours = {
        "arithmetic": added * given.float_add + products * given.float_multiply_add,
        "bit-matched": added * given.integer_add + products * quantised + fetches * narrow + accesses * given.memory,
    }
    ours["memory"] = ours["arithmetic"] + fetches * given.weights + accesses * given.memory
    theirs = {
        "arithmetic": synapses * given.float_multiply_add,
        "memory": synapses * (given.float_multiply_add + given.weights) + 2 * values * given.memory,
        "bit-matched": synapses * (quantised + narrow) + 2 * values * given.memory * bits / 32,
    }
    reached = sum(node.synapses for node in structure if node.is_reached)
    return Energy(
        spiking={kind: float(ours[kind].mean()) * 1e-6 for kind in KINDS},
        other={kind: theirs[kind] * 1e-6 for kind in KINDS},
        spread={kind: float(ours[kind].std()) * 1e-6 for kind in KINDS},
        bits=bits,
        spikes_a_synapse=float(total["deliveries"].mean()) / reached if reached else 0.0,
        rate=float((total["spikes"] / np.maximum(T, 1)).mean()) / sends if sends else 0.0,
    )
