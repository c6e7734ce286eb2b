"""Cases of ``checkpoint.read``, ``checkpoint.write`` and ``checkpoint.reject``, and the files they are about."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from conformance.cases import FILES, Case
from conformance.generate.hostile import HOSTILE, LARGE, write_hostile
from conformance.generate.make import case, decimals
from conformance.generate.networks import NETWORKS, graph_runs, pulses, whole_runs
from conformance.in_process import DTYPES
from spikeport.transfer import SNNCheckpoint, load_checkpoint, save_checkpoint
from spikeport.transfer.files.strict_json import dump
from spikeport.transfer.held.neurons import neuron_rows

READ = {
    "small": ["default"],
    "small_f32": ["f32"],
    "labels_only": ["default"],
    "per_neuron": ["per_neuron", "hard_reset"],
    "st_bif": ["tracer"],
    "names": ["names", "frozen_order"],
    "metadata": ["metadata"],
    "frozen_all": ["frozen_order"],
    "one_weight": ["empty"],
    "tenths_f32": ["f32", "ordinary_floats"],
    "f32_per_neuron": ["f32", "per_neuron"],
    "deep": ["long"],
    "mixed_types": ["f32"],
    "unknown_kind": ["kind"],
    "minus_zero_reset": ["hard_reset"],
}

GRAPH_FLAGS = {name: flags.split() for name, flags in (graph_runs.FLAGS | pulses.FLAGS).items()}
GRAPH_FLAGS |= {name: ["integers", *flags.split()] for name, flags in whole_runs.FLAGS.items()}


def write_files(folder: Path) -> None:
    """Write every good and every hostile pair below ``folder``, from nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "networks").mkdir(parents=True)
    for name, make in NETWORKS.items():
        save_checkpoint(make(), folder / "networks" / name, backend="reference")
    write_hostile(folder / "hostile")


def cases() -> list[Case]:
    """Return all of them."""
    return [*_reads(), *_writes(), *_rejects()]


def _reads() -> list[Case]:
    return [
        case(
            "checkpoint.read",
            f"checkpoint.read.{name}",
            f"the pair {name} reads back",
            flags,
            {},
            {"path": f"networks/{name}"},
        )
        for name, flags in {**READ, **GRAPH_FLAGS}.items()
    ]


def _graph_content(checkpoint: SNNCheckpoint) -> dict[str, Any]:
    """Return what a case of ``checkpoint.write`` says of the structure of version 2."""
    structure = checkpoint.structure
    assert structure is not None
    content: dict[str, Any] = {
        "input_shape": list(structure.input_shape),
        "operations": [node.operation for node in structure.nodes],
    }
    for k, node in enumerate(structure.nodes):
        content |= {f"reads.{k}": list(node.inputs), f"shape.{k}": list(node.shape)}
        for key, value in node.attributes.items():
            content[f"{key}.{k}"] = list(value) if isinstance(value, tuple) else value
    return content


def _writes() -> list[Case]:
    made = []
    for name, flags in {**READ, **GRAPH_FLAGS}.items():
        if name == "mixed_types":
            continue
        checkpoint = load_checkpoint(FILES / "networks" / name, backend="reference")
        version = 1 if checkpoint.structure is None else 2
        sizes = {"sizes": [n for size in checkpoint.layer_sizes for n in size]}
        inputs: dict[str, Any] = {
            "names": checkpoint.layer_names,
            **(sizes if version == 1 else _graph_content(checkpoint)),
            "kinds": checkpoint.neuron_types,
            "frozen": checkpoint.frozen_layers,
        }
        nodes = checkpoint.structure.nodes if checkpoint.structure else checkpoint.weights
        for k, weight in enumerate(checkpoint.weights):
            if weight is not None:
                inputs[f"weight.{k}"] = decimals(weight)
            bias = checkpoint.biases[k] if checkpoint.biases else None
            neuron = checkpoint.neurons[k] if checkpoint.neurons else None
            if bias is not None:
                inputs[f"bias.{k}"] = decimals(bias)
            if neuron is not None:
                inputs[f"neuron.{k}"] = decimals(neuron_rows(neuron, nodes[k].shape[0], version))
        types = {weight.dtype for weight in checkpoint.weights if weight is not None}
        dtype = next((word for word, kind in DTYPES.items() if np.dtype(kind) in types), "f64")
        params = {"dtype": dtype, "metadata": dump(checkpoint.metadata)}
        one = case(
            "checkpoint.write", f"checkpoint.write.{name}", f"the bytes of the pair {name}", flags, params, inputs
        )
        made.append(one)
        if len(inputs["frozen"]) > 1:
            again = inputs | {"frozen": inputs["frozen"][::-1]}
            said = f"the bytes of the pair {name}, frozen names given backwards"
            made.append(
                case("checkpoint.write", f"checkpoint.write.{name}_backwards", said, ["frozen_order"], params, again)
            )
    return [*made, *_metadata_texts(), *_layers_refused(), *_lists_and_paths(), *_integers_refused()]


def _integers_refused() -> list[Case]:
    row = [8.0, 0.5, 0.0, 0.0, 1.0, 0.0, 31.0, 1.0]
    good = {"names": ["only"], "input_shape": [2], "operations": ["linear"], "reads.0": ["input"], "shape.0": [1]}
    good |= {"kinds": ["IF"], "frozen": [], "weight.0": [1, -2], "bias.0": [3], "neuron.0": row}
    wrong: dict[str, tuple[str, dict[str, Any]]] = {
        "weight_of_a_half": ("a weight with a fraction", {"weight.0": [0.5, 1]}),
        "weight_of_9_bits": ("a weight of 128", {"weight.0": [128, 1]}),
        "bias_of_a_half": ("a bias with a fraction", {"bias.0": [0.5]}),
        "bias_of_33_bits": ("a bias of 2^31", {"bias.0": [2147483648]}),
        "weight_nan": ("a weight that is no number", {"weight.0": ["nan", 1]}),
        "start_of_a_half": ("half of an odd threshold", {"neuron.0": [7.0, *row[1:]]}),
        "label": ("a leaky neuron", {"kinds": ["LIF"]}),
    }
    params = {"dtype": "i8", "metadata": "{}"}
    return [
        case(
            "checkpoint.write", f"checkpoint.write.integers_{name}", said, ["integers", "error"], params, good | changed
        )
        for name, (said, changed) in wrong.items()
    ]


def _metadata_texts() -> list[Case]:
    inputs = {"names": ["only"], "sizes": [2, 1], "kinds": ["IF"], "frozen": [], "weight.0": [0.5, -0.25]}

    def write(name: str, comment: str, flags: list[str], text: str) -> Case:
        params = {"dtype": "f64", "metadata": text}
        return case(
            "checkpoint.write", f"checkpoint.write.metadata_{name}", comment, ["metadata", *flags], params, inputs
        )

    def nested(levels: int) -> str:
        return '{"a": ' * (levels - 1) + "{}" + "}" * (levels - 1)

    refused = ["error"]
    return [
        write("spaces", "white space around the object is left out", [], ' \n{"a": 1}\t'),
        write("deepest", "63 levels, with the sidecar's own as deep as JSON may be", [], nested(63)),
        write("too_deep", "64 levels would not be read back", refused, nested(64)),
        write("list", "metadata is an object", refused, "[]"),
        write("null", "null is no object", refused, "null"),
        write("empty", "no text is no object", refused, ""),
        write("two_objects", "one object, and nothing behind it", refused, "{}, {}"),
        write("duplicate_key", "metadata is strict JSON", refused, '{"a": 1, "a": 2}'),
        write("nan", "metadata is strict JSON", refused, '{"a": NaN}'),
    ]


TWO: dict[str, Any] = {
    "names": ["first", "second"],
    "sizes": [2, 3, 3, 1],
    "kinds": ["IF", "LIF"],
    "frozen": [],
    "weight.0": [0.5, -0.25, 1.0, 0.0, 0.75, -1.0],
    "bias.0": [0.5, 0.0, -0.5],
    "neuron.0": [1.0, 0.5, 0.0, 0.0, 1.0, 0.0, 31.0],
    "weight.1": [1.0, -1.0, 0.5],
}
PARAMS = {"dtype": "f64", "metadata": "{}"}
WITHOUT_LAST = {key: value for key, value in TWO.items() if key != "weight.1"}
LEAKY = [1.0, 0.5, 0.0, 0.0, 0.5, 0.0, 31.0]
REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    # name: (comment, what is given instead)
    "unchained": ("three neurons feed four inputs", TWO | {"sizes": [2, 3, 4, 1], "weight.1": [1.0] * 4}),
    "weight_length": ("five weights for two inputs and three neurons", TWO | {"weight.0": [0.5] * 5}),
    "bias_length": ("two biases for three neurons", TWO | {"bias.0": [0.5, 0.5]}),
    "weight_more": ("three weights, two names", TWO | {"weight.2": [1.0]}),
    "weight_missing": ("one weight, two names", WITHOUT_LAST),
    "neuron_six": ("six numbers for a neuron: neither 7 nor 7 for each", TWO | {"neuron.0": LEAKY[:6]}),
    "neuron_fourteen": ("two columns for three neurons", TWO | {"neuron.0": [n for n in LEAKY for _ in range(2)]}),
    "weight_nan": ("a weight that is NaN", TWO | {"weight.1": [1.0, "nan", 0.5]}),
    "bias_inf": ("a bias that is infinite", TWO | {"bias.0": [0.5, "-inf", 0.0]}),
    "neuron_nan": ("a threshold that is NaN", TWO | {"neuron.0": ["nan", *TWO["neuron.0"][1:]]}),
    "neuron_threshold": ("a threshold of zero", TWO | {"neuron.0": [0.0, *TWO["neuron.0"][1:]]}),
    "neuron_leak": ("IF with a leak", TWO | {"neuron.0": LEAKY}),
    "neuron_label": ("neuron parameters of no known kind", TWO | {"kinds": ["McCulloch-Pitts", "IF"]}),
    "same_names": ("two layers of one name", TWO | {"names": ["first", "first"]}),
    "empty_name": ("a name without letters", TWO | {"names": ["", "second"]}),
    "frozen_unknown": ("a frozen name that no layer has", TWO | {"frozen": ["nowhere"]}),
    "kinds_more": ("three labels, two names", TWO | {"kinds": ["IF", "LIF", "IF"]}),
    "sizes_more": ("three pairs of sizes, two names", TWO | {"sizes": [2, 3, 3, 1, 1, 1]}),
    "sizes_fewer": ("one pair of sizes, two names", TWO | {"sizes": [2, 3]}),
    "sizes_odd": ("a size without its partner", TWO | {"sizes": [2, 3, 3]}),
    "size_zero": ("a layer of no width", TWO | {"sizes": [2, 3, 3, 0], "weight.1": []}),
}


def _layers_refused() -> list[Case]:
    return [
        case("checkpoint.write", f"checkpoint.write.{name}", comment, ["error"], PARAMS, inputs)
        for name, (comment, inputs) in REFUSED.items()
    ]


def _lists_and_paths() -> list[Case]:
    """Return what is written where a list or the path could be understood otherwise; a case's id is its path."""

    def write(name: str, comment: str, flags: list[str], **changed: Any) -> Case:
        return case("checkpoint.write", f"checkpoint.write.{name}", comment, flags, PARAMS, TWO | changed)

    return [
        write("frozen_twice", "a frozen name given twice stands once", ["frozen_order"], frozen=["second", "second"]),
        write("suffix.npz", "a path with the archive's suffix names the pair", ["path"]),
        write("suffix_other.json", "a path with the sidecar's suffix names the pair", ["path"]),
        write("suffixes.npz.json", "one suffix is taken off, not two", ["path"]),
    ]


def _rejects() -> list[Case]:
    made = []
    for name, (code, comment, _) in HOSTILE.items():
        flags = ["hostile", "damaged"] if code in ("archive_syntax", "sidecar_syntax") else ["hostile"]
        one = case("checkpoint.reject", f"checkpoint.reject.{name}", comment, flags, {}, {"path": f"hostile/{name}"})
        made.append(_demand(one, code))
    two = "one suffix is taken off, not two: small.npz.npz is not there"
    one = case(
        "checkpoint.reject", "checkpoint.reject.suffixes", two, ["hostile"], {}, {"path": "networks/small.npz.json"}
    )
    made.append(_demand(one, "missing_file"))
    for name, (code, comment, length) in LARGE.items():
        params = {"pad_sidecar_to": length}
        one = case(
            "checkpoint.reject", f"checkpoint.reject.{name}", comment, ["hostile"], params, {"path": "networks/small"}
        )
        made.append(_demand(one, code))
    return made


def _demand(one: Case, code: str) -> Case:
    if one.expected.get("error") != code:
        raise AssertionError(f"{one.id}: expected {code}, the reference says {one.expected}")
    return one
