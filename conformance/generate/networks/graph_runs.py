"""Cases of ``network.run`` over graphs: checkpoints of version 2."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.cases import Case
from conformance.generate.make import case, decimals, dyadic
from conformance.generate.networks import GRAPHS

FLAGS = {
    "conv_small": "default",
    "conv_small_f32": "f32",
    "residual": "join per_neuron",
    "residual_f32": "join f32",
    "max_pooled": "max_count",
    "pooled_input": "max_count pool steady",
    "grouped": "groups dilation stride",
    "line": "line leak hard_reset per_neuron",
    "bipolar": "max_count kind",
    "linear_skip": "join",
    "linear_image": "flat",
    "one_node": "identity names",
    "graph_labels_only": "default",
    "identity_paths": "join identity",
    "three_ways": "join per_neuron",
    "line_pools": "line border max_count",
    "oblong_f32": "f32 groups dilation ordinary_floats",
    "twice": "join kind hard_reset",
    "one_pixel": "single border",
}


def cases() -> list[Case]:
    """Return all of them."""
    return [*_every_graph(), *_ordinary(), *_edges(), *_errors()]


def _run(name: str, comment: str, flags: str, network: str, x: Any, T: int, **params: Any) -> Case:
    x = np.asarray(x, np.float64)
    if network.endswith("_f32"):
        params["dtype"] = "f32"
    inputs = {"inputs": decimals(x)} | params.pop("instead", {})
    params = {"checkpoint": f"networks/{network}", "shape": list(x.shape), "timesteps": T, **params}
    return case("network.run", f"network.run.{name}", comment, flags.split(), params, inputs)


def _draw(seed: int, network: str, *lead: int, bits: int = 3) -> Any:
    structure = GRAPHS[network]().structure
    assert structure is not None
    return dyadic(np.random.default_rng(seed), 0, 1, bits, (*lead, *structure.input_shape))


def _every_graph() -> list[Case]:
    made = []
    for k, (network, flags) in enumerate(FLAGS.items()):
        x = _draw(300 + k, network, 2)
        spikes = _draw(330 + k, network, 9, 2, bits=0)
        made += [
            _run(f"{network}_current", "a constant current", f"{flags} encoding", network, x, 12),
            _run(
                f"{network}_poisson",
                "Poisson draws, by the flat index",
                f"{flags} seed",
                network,
                x,
                10,
                encoding="poisson",
                seed=k,
            ),
            _run(
                f"{network}_spikes",
                "the input step by step",
                f"{flags} encoding",
                network,
                spikes,
                9,
                encoding="spikes",
            ),
        ]
    return made


def _ordinary() -> list[Case]:
    rng = np.random.default_rng(360)
    return [
        _run(
            f"ordinary_graph_{k}",
            "ordinary weights: the order of the contract",
            "ordinary_floats",
            "ordinary_graph",
            rng.random((2, 3, 5, 5)),
            16,
            encoding=encoding,
            seed=k,
        )
        for k, encoding in enumerate(["current", "poisson"] * 2)
    ] + [
        _run(
            "ordinary_max",
            "a max pool of a constant input: sums round, so that it grows by another value at every step",
            "ordinary_floats steady max_count",
            "ordinary_max",
            rng.random((2, 2, 4, 4)),
            24,
        )
    ]


def _edges() -> list[Case]:
    x = _draw(370, "residual", 3)
    return [
        _run("graph_no_steps", "no step: membranes where they start, no drive", "empty join", "residual", x, 0),
        _run("graph_no_samples", "no sample", "empty batch", "residual", x[:0], 4),
        _run(
            "graph_no_steps_max",
            "no step of a max pool",
            "empty max_count",
            "max_pooled",
            _draw(371, "max_pooled", 1),
            0,
        ),
        _run(
            "graph_one_step",
            "one step: the first maximum is all of it",
            "max_count",
            "max_pooled",
            _draw(372, "max_pooled", 2),
            1,
        ),
        _run(
            "graph_no_steps_overflow_f32",
            "no step, and no current that could overflow",
            "empty overflow steady",
            "conv_small_f32",
            np.full((1, 2, 4, 4), 3e38),
            0,
        ),
        _run("graph_long", "many steps of a residual network", "long join", "residual", x[:1], 64),
        _run(
            "graph_negative",
            "currents may be negative",
            "negative max_count",
            "pooled_input",
            -_draw(373, "pooled_input", 2),
            8,
        ),
        _run(
            "graph_batch",
            "samples do not see each other, in a max pool neither",
            "batch max_count",
            "max_pooled",
            _draw(374, "max_pooled", 5),
            9,
        ),
    ]


def _errors() -> list[Case]:
    x = _draw(380, "residual", 1)

    def refused(name: str, comment: str, x: Any = x, network: str = "residual", **params: Any) -> Case:
        return _run(f"graph_{name}", comment, "error", network, x, params.pop("T", 3), **params)

    return [
        refused("flat_input", "an image that was made flat", x.reshape(1, -1)),
        refused("other_size", "an image of another size", np.zeros((1, 2, 3, 4))),
        refused("no_batch", "an image without the batch", x[0]),
        refused("steps", "two steps of input for three", np.zeros((2, 1, 2, 4, 3)), encoding="spikes"),
        refused("rate", "a rate above 1", x + 1, encoding="poisson"),
        refused("length", "a value less than its shape has", instead={"inputs": decimals(x)[:-1]}),
        refused(
            "beyond_f32", "an input that becomes infinite in binary32", np.full((1, 2, 4, 3), 1e39), "residual_f32"
        ),
        _run("beyond_unread_f32", "… and that no node reads", "error overflow", "unread_f32", [[[1.0, 1e39, 1.0]]], 3),
        _run("beyond_no_steps_f32", "… and at no step", "error overflow", "unread_f32", [[[1.0, -1e39, 1.0]]], 0),
    ]
