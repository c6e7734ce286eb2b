"""Cases of ``checkpoint.read``, ``checkpoint.write`` and ``checkpoint.reject``, and the files they are about."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from conformance.cases import FILES, Case
from conformance.generate.hostile import HOSTILE, LARGE, write_hostile
from conformance.generate.make import case, decimals
from conformance.generate.networks import NETWORKS
from spikeport.transfer import load_checkpoint, save_checkpoint
from spikeport.transfer.neurons import neuron_rows
from spikeport.transfer.strict_json import dump

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
}


def write_files(folder: Path) -> None:
    """Write every good and every hostile pair below ``folder``, from nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "networks").mkdir(parents=True)
    for name, make in NETWORKS.items():
        save_checkpoint(make(), folder / "networks" / name)
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
        for name, flags in READ.items()
    ]


def _writes() -> list[Case]:
    made = []
    for name, flags in READ.items():
        if name == "mixed_types":
            continue
        checkpoint = load_checkpoint(FILES / "networks" / name)
        inputs: dict[str, Any] = {
            "names": checkpoint.layer_names,
            "sizes": [n for size in checkpoint.layer_sizes for n in size],
            "kinds": checkpoint.neuron_types,
            "frozen": checkpoint.frozen_layers,
        }
        for k, weight in enumerate(checkpoint.weights):
            inputs[f"weight.{k}"] = decimals(weight)
            bias = checkpoint.biases[k] if checkpoint.biases else None
            neuron = checkpoint.neurons[k] if checkpoint.neurons else None
            if bias is not None:
                inputs[f"bias.{k}"] = decimals(bias)
            if neuron is not None:
                inputs[f"neuron.{k}"] = decimals(neuron_rows(neuron, len(weight)))
        dtype = "f32" if checkpoint.weights[0].dtype.itemsize == 4 else "f64"
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
    return [*made, *_metadata_texts()]


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
        write("empty", "no text is no object", refused, ""),
        write("two_objects", "one object, and nothing behind it", refused, "{}, {}"),
        write("duplicate_key", "metadata is strict JSON", refused, '{"a": 1, "a": 2}'),
        write("nan", "metadata is strict JSON", refused, '{"a": NaN}'),
    ]


def _rejects() -> list[Case]:
    made = []
    for name, (code, comment, _) in HOSTILE.items():
        flags = ["hostile", "damaged"] if code in ("archive_syntax", "sidecar_syntax") else ["hostile"]
        one = case("checkpoint.reject", f"checkpoint.reject.{name}", comment, flags, {}, {"path": f"hostile/{name}"})
        made.append(_demand(one, code))
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
