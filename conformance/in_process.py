"""A backend called directly, and the reference itself, answering the same cases as the runners."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from conformance.lines import Words, array_words
from spikeport.backends import Backend
from spikeport.errors import SpikeportError
from spikeport.kernels import finetune, sample_keys
from spikeport.neuron import Neuron
from spikeport.transfer import CheckpointError, SNNCheckpoint, load_checkpoint, save_checkpoint
from spikeport.transfer.files.sidecar import read_sidecar
from spikeport.transfer.files.strict_json import dump, parse
from spikeport.transfer.files.version_1 import named_arrays
from spikeport.transfer.neurons import neuron_from_rows
from spikeport.transfer.store import checkpoint_paths

Arguments = dict[str, Any]
DTYPES = {"f64": np.float64, "f32": np.float32}
NEURON_KEYS = ("threshold", "v_init", "v_reset", "beta")
TRACER_KEYS = ("tracer_min", "tracer_max")


def answer(backend: Backend, kernel: str, arguments: Arguments) -> Words | None:
    """Return the words of ``backend``'s answer, an ``error`` word for a refusal, None for a kernel it does not have."""
    handler = HANDLERS.get(kernel)
    if handler is None or (backend.name != "reference" and kernel.split(".")[0] in ("finetune", "checkpoint")):
        return None
    try:
        return handler(backend, arguments)
    except SpikeportError as error:
        return {"error": [error.code]}


def _array(arguments: Arguments, key: str, shape: Any = None) -> Any:
    dtype = DTYPES[arguments.get("dtype", "f64")]
    array = np.array([float(value) for value in arguments[key]], dtype)
    return array if shape is None else array.reshape(shape)


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
    return _trace(backend.if_multistep(_array(a, "currents", a["shape"]), **_given(a, NEURON_KEYS)))


def _if_constant(backend: Backend, a: Arguments) -> Words:
    given = _given(a, NEURON_KEYS)
    return _trace(backend.if_constant(_array(a, "current"), timesteps=a["timesteps"], **given))


def _st_bif_multistep(backend: Backend, a: Arguments) -> Words:
    given = _given(a, ("threshold", "v_init")) | {key: a[key] for key in TRACER_KEYS if key in a}
    return _trace(backend.st_bif_multistep(_array(a, "currents", a["shape"]), **given), "tracer")


def _layer_forward(backend: Backend, a: Arguments) -> Words:
    n_in, n_out = a["size"]
    neuron = Neuron(a["kind"], **_given(a, NEURON_KEYS), **{key: a[key] for key in TRACER_KEYS if key in a})
    bias = _array(a, "bias") if "bias" in a else None
    weights = _array(a, "weights", (n_out, n_in))
    return _trace(backend.layer_forward(_array(a, "inputs", a["shape"]), weights, bias, neuron))


def _network_run(backend: Backend, a: Arguments) -> Words:
    graph = load_checkpoint(a["checkpoint"]).to_graph()
    inputs = np.array([float(value) for value in a["inputs"]]).reshape(a["shape"])
    run = backend.network_run(
        graph.layers,
        inputs,
        timesteps=a["timesteps"],
        encoding=a.get("encoding", "current"),
        seed=a.get("seed", 0),
    )
    words = {"drive": array_words(run.drive)}
    for index, (counts, membrane) in enumerate(zip(run.counts, run.membrane, strict=True)):
        words |= {f"counts.{index}": array_words(counts), f"v.{index}": array_words(membrane)}
    return words


def _encode_poisson(backend: Backend, a: Arguments) -> Words:
    rates = np.array([float(value) for value in a["rates"]]).reshape(a["shape"])  # f64, whatever dtype a case names
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
    given = itertools.takewhile(lambda key: key in a, (f"{part}.{k}" for k in itertools.count()))
    return [_array(a, key) for key in given]


def _read(_: Backend, a: Arguments) -> Words:
    checkpoint = load_checkpoint(a["path"])
    _, sidecar = checkpoint_paths(a["path"])
    text = sidecar.read_bytes()
    fields = read_sidecar(text, sidecar.name)
    _, layers = checkpoint.parts()
    arrays = hashlib.sha256()
    for array in named_arrays(layers).values():
        arrays.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return {
        "names": checkpoint.layer_names,
        "sizes": [str(n) for size in checkpoint.layer_sizes for n in size],
        "kinds": checkpoint.neuron_types,
        "frozen": checkpoint.frozen_layers,
        "metadata": [dump(checkpoint.metadata)],
        "params": [str(checkpoint.total_params)],
        "digest": [fields.archive_sha256],
        "arrays": [arrays.hexdigest()],
    }


def _write(_: Backend, a: Arguments) -> Words:
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
    checkpoint = SNNCheckpoint(
        weights,
        a["names"],
        sizes,
        a["kinds"],
        _metadata(a.get("metadata", "{}")),
        a.get("frozen", []),
        biases=biases,
        neurons=neurons,
    )
    save_checkpoint(checkpoint, a["path"])
    return written_files(Path(a["path"]))


def _neuron(kind: str, rows: list[Any], n: int) -> Neuron:
    values = np.array([float(value) for value in rows])
    if len(values) not in (7, 7 * n):
        raise CheckpointError("shape", f"{len(values)} values for a neuron: give 7, or 7 for each of {n}")
    if not np.isfinite(values).all():
        raise CheckpointError("non_finite", "a neuron's parameter is NaN or infinite")
    return neuron_from_rows(kind, values.reshape(7, -1))


def _metadata(text: str) -> Any:
    try:
        return parse(text.encode())
    except ValueError as error:
        raise CheckpointError("sidecar_schema", f"metadata: {error}") from None


def written_files(path: Path) -> Words:
    """Return the digests of the two files at ``path``: what was written, not what a runner says of it."""
    names = zip(("archive", "sidecar"), checkpoint_paths(path), strict=True)
    return {name: [hashlib.sha256(file.read_bytes()).hexdigest()] for name, file in names if file.exists()}


HANDLERS: dict[str, Callable[[Backend, Arguments], Words]] = {
    "if.multistep": _if_multistep,
    "if.constant": _if_constant,
    "st_bif.multistep": _st_bif_multistep,
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
