"""A backend called directly, and the reference itself, answering the same cases as the runners."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from conformance.lines import Words, array_words
from spikeport.backends import Backend
from spikeport.errors import KernelError, SpikeportError
from spikeport.kernels import finetune, sample_keys
from spikeport.kernels.checks import as_integers, as_whole
from spikeport.neuron import Neuron
from spikeport.operations import OPERATIONS
from spikeport.transfer import CheckpointError, SNNCheckpoint, load_checkpoint, save_checkpoint
from spikeport.transfer.files.members import named_arrays
from spikeport.transfer.files.sidecar import FORMAT, check_sidecar, read_sidecar
from spikeport.transfer.files.strict_json import dump, parse
from spikeport.transfer.files.version_2 import ATTRIBUTES
from spikeport.transfer.held.neurons import neuron_from_rows
from spikeport.transfer.store import checkpoint_paths

Arguments = dict[str, Any]
DTYPES = {"f64": np.float64, "f32": np.float32, "i32": np.int32, "i8": np.int8, "i16": np.int16}
WHOLE = (np.int32, np.int8, np.int16)
NEURON_KEYS = ("threshold", "v_init", "v_reset", "beta")
TRACER_KEYS = ("tracer_min", "tracer_max")
WHOLE_KEYS = (*TRACER_KEYS, "max_spikes")
ONLY_OF = {"finetune": ("reference",), "checkpoint": ("reference", "rust")}
"""Families that not every backend has."""


def answer(backend: Backend, kernel: str, arguments: Arguments) -> Words | None:
    """Return the words of ``backend``'s answer, an ``error`` word for a refusal, None for a kernel it does not have."""
    if not has_kernel(backend.name, kernel):
        return None
    try:
        return HANDLERS[kernel](backend, arguments)
    except SpikeportError as error:
        return {"error": [error.code]}


def has_kernel(backend: str, kernel: str) -> bool:
    """Whether a backend of this name, called directly, has the kernel."""
    return kernel in HANDLERS and backend in ONLY_OF.get(kernel.split(".")[0], (backend,))


def _array(arguments: Arguments, key: str, shape: Any = None) -> Any:
    values = np.array([float(value) for value in arguments[key]])
    with np.errstate(over="ignore"):  # a double beyond float32 is refused by the kernel
        typed = as_whole(key, values) if _dtype(arguments) in WHOLE else values.astype(_dtype(arguments))
    return _shaped_as(key, typed, shape)


def _weight(arguments: Arguments, key: str, shape: Any) -> Any:
    """Return weights; those of integers have 16 bits."""
    weight, narrow = _array(arguments, key, shape), _dtype(arguments)
    if weight.dtype != np.int32:
        return weight
    return as_integers(key, weight, np.int16 if narrow == np.int32 else narrow)


def _shaped_as(key: str, values: Any, shape: Any) -> Any:
    """Return values in a shape, or as they are for None; `KernelError` for another number of them."""
    if shape is not None and values.size != math.prod(shape):
        raise KernelError("shape", f"{key} has {values.size} values for the shape {shape}")
    return values if shape is None else values.reshape(shape)


def _dtype(arguments: Arguments) -> Any:
    return DTYPES[arguments.get("dtype", "f64")]


def _given(arguments: Arguments, keys: tuple[str, ...]) -> dict[str, Any]:
    """Return the neuron parameters that the case names; a list of one is one number for all."""
    given = {key: arguments[key] for key in keys if key in arguments}
    return {key: [float(v) for v in value] if isinstance(value, list) else float(value) for key, value in given.items()}


def _trace(trace: Any, counts: str = "counts") -> Words:
    return {
        "spikes": array_words(trace.spikes),
        "v": array_words(trace.membrane),
        counts: array_words(trace.counts),
    }


def _if_multistep(backend: Backend, a: Arguments) -> Words:
    return _trace(backend.if_multistep(_array(a, "currents", a["shape"]), **_if_parameters(a)))


def _if_parameters(a: Arguments) -> dict[str, Any]:
    return _given(a, NEURON_KEYS) | {key: a[key] for key in ("max_spikes",) if key in a}


def _if_constant(backend: Backend, a: Arguments) -> Words:
    return _trace(backend.if_constant(_array(a, "current"), timesteps=a["timesteps"], **_if_parameters(a)))


def _st_bif_multistep(backend: Backend, a: Arguments) -> Words:
    given = _given(a, ("threshold", "v_init")) | {key: a[key] for key in TRACER_KEYS if key in a}
    return _trace(backend.st_bif_multistep(_array(a, "currents", a["shape"]), **given), "tracer")


def _operation_currents(backend: Backend, a: Arguments) -> Words:
    word = a["operation"]
    if word not in OPERATIONS:
        raise KernelError("operation", f"{word!r} is none of {', '.join(OPERATIONS)}")
    signals = [_array(a, f"inputs.{k}", a[f"shape.{k}"]) for k in range(len(_numbered_keys(a, "shape")))]
    arrays = {"weight": _weight(a, "weight", a["weight_shape"])} if "weight" in a else {}
    arrays |= {"bias": _array(a, "bias")} if "bias" in a else {}
    keys = ("stride", "padding", "dilation", "groups") if word == "conv" else ("kernel", "stride", "padding")
    given = {key: tuple(a[key]) if isinstance(a[key], list) else a[key] for key in keys if key in a}
    operation = OPERATIONS[word](**arrays, **(given if word == "conv" or word.endswith("pool") else {}))
    currents = backend.operation_currents(operation, *signals)
    return {"shape": [str(n) for n in currents.shape], "currents": array_words(currents)}


def _numbered_keys(a: Arguments, part: str) -> list[str]:
    return list(itertools.takewhile(lambda key: key in a, (f"{part}.{k}" for k in itertools.count())))


def _layer_forward(backend: Backend, a: Arguments) -> Words:
    n_in, n_out = a["size"]
    neuron = Neuron(a["kind"], **_given(a, NEURON_KEYS), **{key: a[key] for key in WHOLE_KEYS if key in a})
    bias = _array(a, "bias") if "bias" in a else None
    weights = _weight(a, "weights", (n_out, n_in))
    return _trace(backend.layer_forward(_array(a, "inputs", a["shape"]), weights, bias, neuron))


def _network_run(backend: Backend, a: Arguments) -> Words:
    graph = load_checkpoint(a["checkpoint"], backend="reference").to_graph()
    inputs = _shaped_as("inputs", np.array([float(value) for value in a["inputs"]]), a["shape"])
    run = backend.network_run(
        graph.layers,
        inputs,
        timesteps=a["timesteps"],
        encoding=a.get("encoding", "current"),
        seed=a.get("seed", 0),
        input_shape=graph.input_shape,
    )
    words = {"drive": array_words(run.drive)}
    for index, (counts, membrane) in enumerate(zip(run.counts, run.membrane, strict=True)):
        words |= {f"counts.{index}": array_words(counts), f"v.{index}": array_words(membrane)}
    return words if run.settled is None else words | {"settled": array_words(run.settled)}


def _encode_poisson(backend: Backend, a: Arguments) -> Words:
    rates = _shaped_as(
        "rates", np.array([float(value) for value in a["rates"]]), a["shape"]
    )  # f64, whatever dtype a case names
    samples = np.array(a["samples"], np.uint64) if "samples" in a else None
    spikes = backend.encode_poisson(rates, timesteps=a["timesteps"], seed=a.get("seed", 0), samples=samples)
    return {"spikes": array_words(spikes), "keys": array_words(sample_keys(rates))}


def _qcfs(backend: Backend, a: Arguments) -> Words:
    return {"y": array_words(backend.qcfs(_array(a, "x"), timesteps=a["timesteps"], **_given(a, ("threshold",))))}


def _schedule(_: Backend, a: Arguments) -> Words:
    until = a["until_name"] if "until_name" in a else a["until_index"]
    rest = {key: float(a[key]) for key in ("lr_backbone", "lr_head") if key in a}
    result = finetune.schedule(a["names"], freeze_until=until, frozen=a.get("frozen", []), head=a.get("head"), **rest)
    return {"frozen": result.frozen, "rates": array_words(np.array(result.rates, np.float64))}


def _unfreeze(_: Backend, a: Arguments) -> Words:
    free = {"names": a.get("layers", []), "all_layers": bool(a.get("all", 0))}
    return {"frozen": finetune.unfreeze(a["names"], a["frozen"], **free)}


def _step(_: Backend, a: Arguments) -> Words:
    weights, velocities = finetune.step(
        _numbered(a, "weights"),
        _numbered(a, "gradients"),
        [float(rate) for rate in a["rates"]],
        layer_names=a["names"],
        frozen=a.get("frozen", []),
        momentum=float(a.get("momentum", 0.0)),
        velocities=_numbered(a, "velocities") or None,
    )
    words = {}
    for k, (w, u) in enumerate(zip(weights, velocities, strict=True)):
        words |= {f"weights.{k}": array_words(w), f"velocities.{k}": array_words(u)}
    return words


def _numbered(a: Arguments, part: str) -> list[Any]:
    """Return ``part.0``, ``part.1``, … up to the first that is not given."""
    return [_array(a, key) for key in _numbered_keys(a, part)]


def _read(backend: Backend, a: Arguments) -> Words:
    checkpoint = load_checkpoint(a["path"], backend=backend.name)
    _, sidecar = checkpoint_paths(a["path"])
    text = sidecar.read_bytes()
    fields = read_sidecar(text, sidecar.name)
    _, layers = checkpoint.parts()
    arrays = hashlib.sha256()
    for array in named_arrays(layers).values():
        arrays.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return {
        "names": checkpoint.layer_names,
        **_structure_words(checkpoint),
        "kinds": checkpoint.neuron_types,
        "frozen": checkpoint.frozen_layers,
        "metadata": [dump(checkpoint.metadata)],
        "params": [str(checkpoint.total_params)],
        "digest": [fields.archive_sha256],
        "arrays": [arrays.hexdigest()],
    }


def _structure_words(checkpoint: SNNCheckpoint) -> Words:
    if checkpoint.structure is None:
        return {"sizes": [str(n) for size in checkpoint.layer_sizes for n in size]}
    words = {"input_shape": [str(n) for n in checkpoint.structure.input_shape]}
    words["operations"] = [node.operation for node in checkpoint.structure.nodes]
    for k, node in enumerate(checkpoint.structure.nodes):
        words |= {f"reads.{k}": list(node.inputs), f"shape.{k}": [str(n) for n in node.shape]}
        for key, value in node.attributes.items():
            words[f"{key}.{k}"] = [str(n) for n in (value if isinstance(value, tuple) else (value,))]
    return words


def checkpoint_of(a: Arguments) -> SNNCheckpoint:
    """Return the checkpoint that a case of ``checkpoint.write`` describes."""
    return _graph_of(a) if "input_shape" in a else _chain_of(a)


def _graph_of(a: Arguments) -> SNNCheckpoint:
    """Return a checkpoint of version 2: from a sidecar's fields, as `load_checkpoint` makes it from a file's."""
    names = a["names"]
    if not len(names) == len(a["kinds"]) == len(a["operations"]):
        raise CheckpointError("sidecar_schema", "give a name, a kind and an operation for each node")
    nodes = []
    for k, (name, kind, word) in enumerate(zip(names, a["kinds"], a["operations"], strict=True)):
        node = {"name": name, "neuron": kind, "operation": word, "inputs": a[f"reads.{k}"], "shape": a[f"shape.{k}"]}
        nodes.append(node | {key: a[f"{key}.{k}"] for key in ATTRIBUTES.get(word, ()) if f"{key}.{k}" in a})
    frozen = a.get("frozen", [])
    if unknown := [name for name in frozen if name not in names]:
        raise CheckpointError("sidecar_schema", f"frozen names that no node has: {unknown}")
    raw = {
        "archive": {"bytes": 0, "sha256": "0" * 64},
        "format": FORMAT,
        "frozen_layers": [name for name in names if name in frozen],
        "input_shape": a["input_shape"],
        "metadata": _metadata(a.get("metadata", "{}")),
        "nodes": nodes,
        "total_params": 1,
        "version": 2,
    }
    sidecar = check_sidecar(raw, "checkpoint")
    assert sidecar.structure is not None
    weights, biases, neurons = [], [], []
    reads = sidecar.structure.reads(names)
    for k, node in enumerate(sidecar.structure.nodes):
        weight = _weight(a, f"weight.{k}", None) if f"weight.{k}" in a else None
        shape = node.weight_shape(reads[k][0])
        if (weight is None) != (shape is None) or (weight is not None and weight.size != math.prod(shape)):
            raise CheckpointError("shape", f"weight.{k} does not have the values of shape {shape}")
        weights.append(None if weight is None else weight.reshape(shape))
        biases.append(_array(a, f"bias.{k}") if f"bias.{k}" in a else None)
        rows = a.get(f"neuron.{k}")
        neurons.append(None if rows is None else _neuron(a["kinds"][k], rows, node.shape[0], 8))
    sizes = sidecar.layer_sizes
    kept = {"biases": biases, "neurons": neurons, "structure": sidecar.structure}
    checkpoint = SNNCheckpoint(weights, names, sizes, a["kinds"], raw["metadata"], raw["frozen_layers"], **kept)
    if checkpoint.structure is None:
        raise CheckpointError("version", "it is said in version 2, and version 1 can hold it")
    return checkpoint


def _chain_of(a: Arguments) -> SNNCheckpoint:
    if not 2 * len(a["names"]) == 2 * len(a["kinds"]) == len(a["sizes"]):
        raise CheckpointError("sidecar_schema", "give a name, a kind and two sizes for each layer")
    sizes = list(zip(a["sizes"][::2], a["sizes"][1::2], strict=True))
    weights, biases, neurons = _numbered(a, "weight"), [], []
    if len(weights) != len(sizes):
        raise CheckpointError("shape", f"{len(weights)} weights for {len(sizes)} layers: give one for each")
    for k, (n_in, n_out) in enumerate(sizes):
        if weights[k].size != n_in * n_out:
            raise CheckpointError("shape", f"weight.{k} has {weights[k].size} values for ({n_out}, {n_in})")
        weights[k] = weights[k].reshape(n_out, n_in)
        biases.append(_array(a, f"bias.{k}") if f"bias.{k}" in a else None)
        rows = a.get(f"neuron.{k}")
        neurons.append(None if rows is None else _neuron(a["kinds"][k], rows, n_out))
    return SNNCheckpoint(
        weights,
        a["names"],
        sizes,
        a["kinds"],
        _metadata(a.get("metadata", "{}")),
        a.get("frozen", []),
        biases=biases,
        neurons=neurons,
    )


def _write(backend: Backend, a: Arguments) -> Words:
    save_checkpoint(checkpoint_of(a), a["path"], backend=backend.name)
    return written_files(Path(a["path"]))


def _neuron(kind: str, rows: list[Any], n: int, parts: int = 7) -> Neuron:
    values = np.array([float(value) for value in rows])
    if len(values) not in (parts, parts * n):
        raise CheckpointError("shape", f"{len(values)} values for a neuron: give {parts}, or as many for each of {n}")
    if not np.isfinite(values).all():
        raise CheckpointError("non_finite", "a neuron's parameter is NaN or infinite")
    return neuron_from_rows(kind, values.reshape(parts, -1))


def _metadata(text: str) -> Any:
    try:
        value = parse(text.encode())
    except ValueError as error:
        raise CheckpointError("sidecar_schema", f"metadata: {error}") from None
    if not isinstance(value, dict):
        raise CheckpointError("sidecar_schema", f"metadata: {text} is no object")
    return value


def written_files(path: Path) -> Words:
    """Return the digests of the two files at ``path``: what was written, not what a runner says of it."""
    names = zip(("archive", "sidecar"), checkpoint_paths(path), strict=True)
    return {name: [hashlib.sha256(file.read_bytes()).hexdigest()] for name, file in names if file.exists()}


HANDLERS: dict[str, Callable[[Backend, Arguments], Words]] = {
    "if.multistep": _if_multistep,
    "if.constant": _if_constant,
    "st_bif.multistep": _st_bif_multistep,
    "operation.currents": _operation_currents,
    "layer.forward": _layer_forward,
    "network.run": _network_run,
    "encode.poisson": _encode_poisson,
    "qcfs": _qcfs,
    "finetune.schedule": _schedule,
    "finetune.unfreeze": _unfreeze,
    "finetune.step": _step,
    "checkpoint.read": _read,
    "checkpoint.write": _write,
    "checkpoint.reject": _read,
}
