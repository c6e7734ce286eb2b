"""Cases of ``network.run`` over integer networks, up to their bounds and above."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.cases import Case
from conformance.generate.make import case
from conformance.generate.networks.whole import WHOLE

FLAGS = {
    "integers_chain": "hard_reset per_neuron",
    "integers_graph": "join groups dilation several kind",
    "integers_graph_16": "join groups dilation several kind",
    "integers_line": "line join hard_reset per_neuron",
    "integers_settling": "settles max_count",
    "integers_labels_only": "default kind",
    "integers_unknown_kind": "kind",
}
FIT = 417
"""The most steps of ``integers_graph_16`` on inputs of at most 255."""
RUN = [name for name in FLAGS if name != "integers_unknown_kind"]


def cases() -> list[Case]:
    """Return all of them."""
    return [*_every_network(), *_edges(), *_errors()]


def _run(name: str, comment: str, flags: str, network: str, x: Any, T: int, **params: Any) -> Case:
    inputs = {"inputs": [int(v) if float(v).is_integer() else float(v) for v in np.asarray(x).ravel()]}
    inputs |= params.pop("instead", {})
    params = {"checkpoint": f"networks/{network}", "shape": list(np.shape(x)), "timesteps": T, **params}
    return case("network.run", f"network.run.{name}", comment, ["integers", *flags.split()], params, inputs)


def _draw(seed: int, network: str, *lead: int, most: int = 15) -> Any:
    structure = WHOLE[network]().structure
    assert structure is not None
    return np.random.default_rng(seed).integers(-2, most + 1, (*lead, *structure.input_shape))


def _every_network() -> list[Case]:
    made = []
    for k, network in enumerate(RUN):
        flags = FLAGS[network]
        x, steps = _draw(500 + k, network, 2), _draw(520 + k, network, 7, 2, most=3)
        made += [
            _run(f"{network}_current", "a constant current", flags, network, x, 12),
            _run(f"{network}_spikes", "step by step", f"{flags} encoding", network, steps, 7, encoding="spikes"),
            _run(f"{network}_pulse", "input and biases once", f"{flags} pulse", network, x, 40, encoding="pulse"),
        ]
    return made


def _edges() -> list[Case]:
    x, one = _draw(540, "integers_graph", 3), np.ones((1, 2, 4, 4))
    image = np.full((1, 4), 255)
    return [
        _run("integers_no_steps", "no step: membranes where they start", "empty", "integers_graph", x, 0),
        _run("integers_no_samples", "no sample", "empty batch", "integers_graph", x[:0], 4),
        _run("integers_long", "many steps of an image of bytes", "long", "integers_chain", image, 256),
        _run("integers_at_the_bound", "as many steps as fit", "overflow long", "integers_graph_16", 255 * one, FIT),
        _run("integers_pulse_no_steps", "no step of a pulse", "empty pulse", "integers_graph", x, 0, encoding="pulse"),
    ]


def _errors() -> list[Case]:
    x = _draw(550, "integers_chain", 1)
    half, one = x + np.array([0, 0.5, 0, 0]), np.ones((1, 2, 4, 4))

    def refused(name: str, comment: str, x: Any = x, T: int = 3, network: str = "integers_chain", **rest: Any) -> Case:
        return _run(f"integers_{name}", comment, "error", network, x, T, **rest)

    return [
        refused("of_a_half", "an input with a fraction", half),
        refused("of_a_half_no_steps", "… at no step too", half, 0),
        refused("nan", "an input that is no number", instead={"inputs": [1, "nan", 2, 3]}),
        refused("of_33_bits", "an input of 2^31", x * 0 + 2.0**31),
        refused("poisson", "integers draw nothing", np.ones((1, 4)), encoding="poisson"),
        refused("poisson_of_a_half", "… of rates neither", np.full((1, 4), 0.5), encoding="poisson"),
        refused("above_the_bound", "an input that is too large for its steps", x * 0 + 100000, 100),
        refused("one_step_above_the_bound", "one step more than fits", 255 * one, FIT + 1, "integers_graph_16"),
        refused("later_above_the_bound", "no input: biases alone are too much", 0 * one, 20477, "integers_graph_16"),
        refused("identity_above_the_bound", "a sum of currents", _draw(551, "integers_line", 1), 4096, "integers_line"),
        refused("unknown_label", "a label that is no kind", network="integers_unknown_kind"),
        refused("shape", "an input of another width", np.ones((1, 5))),
    ]
