"""Cases of ``network.run``, over the checkpoints that `networks` makes."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.cases import FILES, Case
from conformance.generate.make import case, decimals, demand_exact, dyadic, fractions
from conformance.generate.networks import NETWORKS
from spikeport.transfer import load_checkpoint


def cases() -> list[Case]:
    """Return all of them; under soft reset and β = 1 the drive is held against θ·count + v_end - v_start."""
    made = [*_edges(), *_random(), *_errors()]
    for one in made:
        if "error" not in one.expected and "ordinary_floats" not in one.flags:
            _check_conservation(one)
    return made


def _check_conservation(one: Case) -> None:
    """The law that a dyadic case obeys exactly: what went into the last layer is in its spikes and its membrane."""
    graph = load_checkpoint(FILES / one.arguments["checkpoint"], backend="reference").to_graph()
    last, n = graph.layers[-1], len(graph) - 1
    neuron = last.neuron
    if neuron.kind not in ("IF", "ST-BIF") or neuron.v_reset is not None:
        return
    width = last.n_neurons
    θ, v0 = ((fractions(value) * width)[:width] for value in (neuron.threshold, neuron.v_init))
    counts, v = one.expected[f"counts.{n}"], fractions(one.expected[f"v.{n}"])
    unit = [t if neuron.kind == "ST-BIF" else 1 for t in θ]
    drive = []
    for i, (c, end) in enumerate(zip(counts, v, strict=True)):
        j = i % width
        start = v0[j] if neuron.kind == "ST-BIF" else v0[j] * θ[j]
        drive.append(θ[j] * c + (end - start) * unit[j])
    demand_exact(one.id, one.expected, {"drive": drive})


def _run(name: str, comment: str, flags: list[str], network: str, x: Any, T: int, **params: Any) -> Case:
    x = np.asarray(x, np.float64)
    if network.endswith("_f32"):
        params["dtype"] = "f32"
    params = {"checkpoint": f"networks/{network}", "shape": list(x.shape), "timesteps": T, **params}
    return case("network.run", f"network.run.{name}", comment, flags, params, {"inputs": decimals(x)})


def _edges() -> list[Case]:
    x = dyadic(np.random.default_rng(92), 0, 1, 3, (2, 3))
    return [
        _run("small", "two layers, constant current", ["encoding", "batch"], "small", x, 8),
        _run("no_steps", "no step: membranes where they start, no drive", ["empty"], "small", x, 0),
        _run("no_samples", "no sample", ["empty", "batch"], "small", np.zeros((0, 3)), 4),
        _run(
            "poisson",
            "Poisson draws from the sample's own key",
            ["encoding", "seed"],
            "small",
            x,
            16,
            encoding="poisson",
            seed=5,
        ),
        _run("poisson_seed", "another seed", ["encoding", "seed"], "small", x, 16, encoding="poisson", seed=6),
        _run(
            "poisson_order",
            "samples in another order, answers in that order",
            ["encoding", "batch"],
            "small",
            x[::-1],
            16,
            encoding="poisson",
            seed=5,
        ),
        _run(
            "spikes",
            "the input step by step",
            ["encoding"],
            "small",
            dyadic(np.random.default_rng(93), 0, 1, 0, (6, 2, 3)),
            6,
            encoding="spikes",
        ),
        _run("negative_inputs", "currents may be negative", ["negative"], "small", -x, 8),
        _run(
            "labels_only", "a checkpoint without neuron parameters has the defaults", ["default"], "labels_only", x, 8
        ),
        _run("per_neuron", "every parameter one a neuron", ["per_neuron"], "per_neuron", x, 12),
        _run("lif", "leaky layers with hard reset", ["leak", "hard_reset"], "lif", x, 8),
        _run(
            "st_bif",
            "bipolar layers, input at the first step only",
            ["kind", "settles"],
            "st_bif",
            np.concatenate([x[None] * 4, np.zeros((15, 2, 3))]),
            16,
            encoding="spikes",
        ),
        _run("identity", "a layer without neurons between two with", ["identity"], "with_identity", x, 8),
        _run("deep", "five layers", ["long"], "deep", x, 32),
        _run("f32", "a network of binary32", ["f32"], "small_f32", x, 8),
        _run(
            "f32_poisson",
            "rates are rounded to the network's type first",
            ["f32", "encoding"],
            "small_f32",
            [[0.1, 0.2, 0.3]],
            16,
            encoding="poisson",
        ),
        _run(
            "f32_tenths",
            "neuron parameters are rounded to the network's type",
            ["f32", "ordinary_floats"],
            "tenths_f32",
            x,
            12,
        ),
        _run(
            "identity_unused",
            "what is stored for an identity layer is not looked at: a threshold that f32 cannot hold",
            ["f32", "identity"],
            "identity_unused_f32",
            x,
            8,
        ),
        _run(
            "negative_logits",
            "no output neuron fires: the drive still orders them",
            ["negative"],
            "negative_logits",
            [[1.0]],
            8,
        ),
    ]


def _random() -> list[Case]:
    rng = np.random.default_rng(94)
    made = []
    for k in range(12):
        network = f"random_{k % 4}"
        n_in = NETWORKS[network]().layer_sizes[0][0]
        x = dyadic(rng, 0, 1, 4, (int(rng.integers(1, 5)), n_in))
        encoding = ["current", "poisson"][k % 2]
        made.append(
            _run(
                f"random_{k:02}",
                "a random dyadic network",
                ["random", "encoding"],
                network,
                x,
                int(rng.integers(1, 33)),
                encoding=encoding,
                seed=k,
            )
        )
    for k in range(6):
        x = rng.random((3, 16))
        encoding = ["current", "poisson"][k % 2]
        made.append(
            _run(
                f"ordinary_{k}",
                "ordinary weights: the order of the contract",
                ["ordinary_floats"],
                "ordinary",
                x,
                24,
                encoding=encoding,
                seed=k,
            )
        )
    return made


def _errors() -> list[Case]:
    x = [[0.5, 0.5, 0.5]]

    def refused(name: str, comment: str, network: str = "small", x: Any = x, T: int = 4, **params: Any) -> Case:
        shape = params.pop("shape", list(np.shape(x)))
        params = {"checkpoint": f"networks/{network}", "shape": shape, "timesteps": T, **params}
        flat = [value for row in x for value in row]
        return case("network.run", f"network.run.{name}", comment, ["error"], params, {"inputs": flat})

    return [
        refused("wrong_width", "two values for three inputs", x=[[0.5, 0.5]]),
        refused("negative_steps", "a negative number of steps", T=-1),
        refused("unknown_encoding", "an encoding that does not exist", encoding="morse"),
        refused("rate_above_one", "a rate above 1", x=[[0.5, 1.5, 0.5]], encoding="poisson"),
        refused("nan_input", "not a number", x=[[0.5, "nan", 0.5]]),
        refused("unknown_kind", "a label that is no kind of neuron", network="unknown_kind"),
        refused("mixed_types", "one layer f32, one f64", network="mixed_types"),
        refused(
            "spikes_of_other_length",
            "three steps of input for four",
            x=[[1.0] * 3] * 3,
            shape=[3, 1, 3],
            encoding="spikes",
        ),
        refused("missing", "no checkpoint there", network="nowhere"),
        refused("threshold_rounds_to_zero", "a stored threshold that is 0 in f32", network="tiny_threshold_f32"),
        refused("threshold_overflows", "a stored threshold that is infinite in f32", network="huge_threshold_f32"),
        refused("reset_rounds_to_threshold", "a stored reset that is the threshold in f32", network="near_reset_f32"),
    ]
