"""Cases of ``network.run`` with several spikes a step, and under ``pulse``, each of which says when it settled."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.cases import Case
from conformance.generate.make import case, decimals, dyadic
from conformance.generate.networks import NETWORKS

FLAGS = {
    "several_chain": "several",
    "several_graph": "several join max_count per_neuron",
    "several_graph_f32": "several f32",
    "settling": "settles join max_count per_neuron",
    "settling_f32": "settles f32",
    "settling_mixed": "settles leak hard_reset kind",
    "never_still": "settles line",
}


def cases() -> list[Case]:
    """Return all of them."""
    return [*_every_network(), *_pulses(), *_settled_edges(), *_ordinary()]


def _run(name: str, comment: str, flags: str, network: str, x: Any, T: int, **params: Any) -> Case:
    x = np.asarray(x, np.float64)
    if network.endswith("_f32"):
        params["dtype"] = "f32"
    params = {"checkpoint": f"networks/{network}", "shape": list(x.shape), "timesteps": T, **params}
    return case("network.run", f"network.run.{name}", comment, flags.split(), params, {"inputs": decimals(x)})


def _draw(seed: int, network: str, *lead: int, bits: int = 3) -> Any:
    structure = NETWORKS[network]().structure
    shape = structure.input_shape if structure is not None else (NETWORKS[network]().layer_sizes[0][0],)
    return dyadic(np.random.default_rng(seed), 0, 1, bits, (*lead, *shape))


def _every_network() -> list[Case]:
    made = []
    for k, (network, flags) in enumerate(FLAGS.items()):
        x = _draw(400 + k, network, 2)
        made.append(_run(f"{network}_current", "a constant current", f"{flags} encoding", network, x, 10))
        if flags.startswith("several"):
            encoded = {"encoding": "poisson", "seed": k}
            made.append(_run(f"{network}_poisson", "Poisson draws", f"{flags} seed", network, x, 8, **encoded))
            spikes = 3 * _draw(410 + k, network, 7, 2, bits=0)
            comment = "three spikes a step come in"
            made.append(_run(f"{network}_spikes", comment, f"{flags} encoding", network, spikes, 7, encoding="spikes"))
    return made


def _pulse(name: str, comment: str, flags: str, network: str, x: Any, T: int) -> Case:
    return _run(f"pulse_{name}", comment, f"pulse {flags}", network, x, T, encoding="pulse")


def _pulses() -> list[Case]:
    made = []
    for k, (network, flags) in enumerate(FLAGS.items()):
        x = _draw(420 + k, network, 4)
        made.append(_pulse(network, "input and biases once, then rest", flags, network, x, 48))
    for k, network in enumerate(("residual", "max_pooled", "pooled_input", "bipolar", "line", "small", "st_bif")):
        x = _draw(430 + k, network, 2)
        made.append(_pulse(network, "input and biases once, of a network made for rates", "encoding", network, x, 12))
    return made


def _settled_edges() -> list[Case]:
    x = _draw(440, "settling", 3)
    return [
        _pulse("no_steps", "no step: nothing is known to have settled", "empty", "settling", x, 0),
        _pulse("one_step", "one step: nothing is known to have settled", "settles", "settling", x, 1),
        _pulse("no_samples", "no sample", "empty batch", "settling", x[:0], 4),
        _pulse("cut_short", "a run that ends before rest", "settles", "settling", x, 4),
        _pulse("of_nothing", "an input of zeros: the biases alone settle", "settles bias_only", "settling", 0 * x, 32),
        _pulse("negative", "a negative input", "settles negative", "settling", -x, 32),
        _pulse(
            "each_alone",
            "samples that settle at different steps",
            "settles batch",
            "settling",
            x * np.array([0, 1, 8]).reshape(3, 1, 1, 1),
            64,
        ),
        _pulse(
            "saturates", "neurons that would send more stay at their bound", "settles saturated", "settling", 64 * x, 64
        ),
        _pulse(
            "no_bias", "without a bias, and nothing in: still at once", "settles", "one_node", np.zeros((2, 1, 1)), 3
        ),
        _pulse(
            "seed_unread", "a seed that nobody draws with", "seed", "settling_mixed", _draw(441, "settling_mixed", 1), 8
        ),
    ]


def _ordinary() -> list[Case]:
    rng = np.random.default_rng(450)
    comment = "ordinary weights: a bias that is added once, and last"
    return [
        _pulse(f"ordinary_{k}", comment, "ordinary_floats", network, rng.random((2, *shape)), 16)
        for k, (network, shape) in enumerate([("ordinary_graph", (3, 5, 5)), ("ordinary_max", (2, 4, 4))])
    ]
