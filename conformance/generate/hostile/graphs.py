"""Pairs of version 2 that say what is not so."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.generate.hostile.change import HOSTILE, Members, Pair, hostile, put_archive, weights, zip_of
from conformance.generate.networks import NETWORKS
from spikeport.transfer.saving import checkpoint_bytes

Edit = Callable[[dict[str, Any]], Any]
GOOD = "residual"


def _pair() -> Pair:
    return checkpoint_bytes(NETWORKS[GOOD]())


def _fields(change: Edit) -> Pair:
    archive, sidecar = _pair()
    content = json.loads(sidecar)
    change(content)
    return archive, json.dumps(content).encode()


def _members(change: Callable[[Members], Members]) -> Pair:
    archive, sidecar = _pair()
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        members = [(name, opened.read(name)) for name in opened.namelist()]
    return put_archive(zip_of(change(members)), sidecar)


def _node(k: int, **values: Any) -> Edit:
    return lambda content: content["nodes"][k].update(values)


def _without(k: int, key: str) -> Edit:
    return lambda content: content["nodes"][k].pop(key)


SCHEMA: dict[str, tuple[str, Edit]] = {
    "key": ("a key of version 1", lambda c: c.update(n_layers=6)),
    "no_input_shape": ("no shape of the input", lambda c: c.pop("input_shape")),
    "input_shape_empty": ("a shape without axes", lambda c: c.update(input_shape=[])),
    "input_shape_four": ("a shape of four axes", lambda c: c.update(input_shape=[1, 2, 4, 3])),
    "input_shape_zero": ("an axis of no length", lambda c: c.update(input_shape=[2, 0, 3])),
    "input_shape_giant": ("a shape of 2^31 values", lambda c: c.update(input_shape=[2, 2**15, 2**15])),
    "nodes_empty": ("no node", lambda c: c.update(nodes=[], frozen_layers=[])),
    "nodes_object": ("nodes by name", lambda c: c.update(nodes={})),
    "node_list": ("a node that is a list", lambda c: c["nodes"].__setitem__(0, [])),
    "operation_unknown": ("an operation that does not exist", _node(1, operation="attention")),
    "operation_missing": ("no word of the operation", _without(1, "operation")),
    "node_key_unknown": ("a key that the operation does not have", _node(3, stride=[1, 1])),
    "node_key_missing": ("a convolution without its stride", _without(0, "stride")),
    "name_input": ("a node that bears the input's name", _node(1, name="input")),
    "name_twice": ("two nodes of one name", lambda c: (c["nodes"][1].update(name="skip"), c.update(frozen_layers=[]))),
    "name_empty": ("a name without letters", _node(1, name="")),
    "neuron_null": ("a label that is null", _node(1, neuron=None)),
    "inputs_empty": ("a node that reads nothing", _node(1, inputs=[])),
    "inputs_empty_name": ("a node that reads a name without letters", _node(2, inputs=[""])),
    "inputs_text": ("inputs in one text", _node(1, inputs="stem")),
    "shape_float": ("an axis with a fraction sign", _node(1, shape=[4.0, 4, 3])),
    "shape_number": ("a shape that is a number", _node(1, shape=4)),
    "kernel_three": ("a window of three axes", _node(0, kernel=[3, 3, 3], stride=[1, 1, 1], padding=[1, 1, 1])),
    "kernel_number": ("a window that is a number", _node(0, kernel=3)),
    "kernel_null": ("a window that is null", _node(0, kernel=None)),
    "stride_one": ("one stride for two axes", _node(0, stride=[1])),
    "stride_zero": ("a stride of 0", _node(0, stride=[1, 0])),
    "padding_negative": ("a padding below 0", _node(0, padding=[-1, 1])),
    "dilation_giant": ("a dilation of 65536", _node(0, dilation=[65536, 1])),
    "groups_zero": ("no group", _node(1, groups=0)),
    "groups_list": ("groups for each axis", _node(1, groups=[2])),
    "frozen_order": ("frozen nodes out of order", lambda c: c.update(frozen_layers=["a", "stem"])),
}
CHAIN: dict[str, tuple[str, Edit]] = {
    "reads_later": ("a node that reads one behind it", _node(1, inputs=["skip"])),
    "reads_itself": ("a node that reads itself", _node(1, inputs=["a"])),
    "reads_nobody": ("a node that reads what is not there", _node(2, inputs=["nowhere"])),
    "two_into_conv": ("two signals for one convolution", _node(1, inputs=["stem", "stem"])),
    "one_into_add": ("one signal is no sum", _node(3, inputs=["a"])),
    "add_differs": ("two shapes are added", _node(3, inputs=["a", "input"])),
    "shape_wrong": ("a shape that the operation does not give", _node(1, shape=[4, 3, 4])),
    "shape_flat": ("an image that is declared flat", _node(1, shape=[48])),
    "linear_axes": ("a linear layer that gives an image", _node(5, shape=[3, 1, 1])),
    "channels": ("three groups for four channels", _node(1, groups=3)),
    "groups_out": ("as many groups as channels read, and not given", _node(0, groups=2, shape=[5, 4, 3])),
    "window_large": ("a window larger than its input", _node(0, kernel=[9, 9])),
    "window_axes": (
        "a window of one axis for an image",
        _node(0, kernel=[3], stride=[1], padding=[1], dilation=[1]),
    ),
    "input_smaller": ("an input for which no shape is right", lambda c: c.update(input_shape=[2, 3, 3])),
    "input_vector": ("an image's convolution on a vector", lambda c: c.update(input_shape=[24])),
}
MORE: dict[str, tuple[str, str, Edit]] = {
    "params": ("shape", "one parameter too many counted", lambda c: c.update(total_params=c["total_params"] + 1)),
    "weight_giant": (
        "too_large",
        "a linear layer of more than 2^31 - 1 weights",
        lambda c: c["nodes"].__setitem__(5, {**c["nodes"][5], "shape": [2**31 - 1]}),
    ),
    "kernel_other": ("shape", "another kernel than the archive's", _node(0, kernel=[1, 1], padding=[0, 0])),
    "label": ("neuron", "neuron parameters of no known kind", _node(0, neuron="McCulloch-Pitts")),
}
for _name, (_comment, _edit) in SCHEMA.items():
    HOSTILE[f"graph_{_name}"] = ("sidecar_schema", _comment, lambda edit=_edit: _fields(edit))
for _name, (_comment, _edit) in CHAIN.items():
    HOSTILE[f"graph_{_name}"] = ("layer_chain", _comment, lambda edit=_edit: _fields(edit))
for _name, (_code, _comment, _edit) in MORE.items():
    HOSTILE[f"graph_{_name}"] = (_code, _comment, lambda edit=_edit: _fields(edit))


def _bound(extra: int) -> Pair:
    """Declare as many bytes as the nodes can need, and ``extra`` more."""
    sizes = [4 * 2 * 9, 4 * 2 * 9, 4, 0, 0, 3 * 120]
    first = [4, 4, 4, 4, 10, 3]
    members = [3 if size else 1 for size in sizes]
    needed = 22 + 268 * sum(members)
    needed += 8 * sum(size + (9 if size else 8) * c for size, c in zip(sizes, first, strict=True))
    return _fields(lambda c: c["archive"].update(bytes=needed + extra))


HOSTILE["graph_bytes_at_the_bound"] = ("archive_digest", "the most bytes that the nodes can need", lambda: _bound(0))
HOSTILE["graph_bytes_beyond"] = ("too_large", "one byte more than the nodes can need", lambda: _bound(1))


def _replaced(name: str, array: Any) -> Pair:
    return _members(lambda members: [(n, weights(array) if n == name else data) for n, data in members])


def _with(name: str, array: Any, behind: str) -> Pair:
    def change(members: Members) -> Members:
        place = [n for n, _ in members].index(behind) + 1
        return [*members[:place], (name, weights(array)), *members[place:]]

    return _members(change)


@hostile("unexpected_entry", "a weight of an operation that has none")
def graph_weight_of_add() -> Pair:
    return _with("layer_3.weight.npy", np.ones((4, 4)), "layer_2.neuron.npy")


@hostile("unexpected_entry", "a bias of an operation that has none")
def graph_bias_of_concat() -> Pair:
    return _with("layer_4.bias.npy", np.ones(10), "layer_3.neuron.npy")


@hostile("missing_entry", "a convolution without weight")
def graph_no_weight() -> Pair:
    return _members(lambda members: [member for member in members if member[0] != "layer_1.weight.npy"])


@hostile("shape", "a convolution's weight as a matrix")
def graph_weight_flat() -> Pair:
    return _replaced("layer_0.weight.npy", np.ones((4, 18)))


@hostile("shape", "seven rows of a neuron, as in version 1")
def graph_seven_rows() -> Pair:
    return _replaced("layer_3.neuron.npy", np.array([[1.0, 0.5, 0.0, 0.0, 1.0, 0.0, 31.0]]).T)


@hostile("shape", "two columns of a neuron for four channels")
def graph_columns() -> Pair:
    column = np.array([[1.0, 0.5, 0.0, 0.0, 1.0, 0.0, 31.0, 1.0]]).T
    return _replaced("layer_3.neuron.npy", np.repeat(column, 2, axis=1))


def _spikes(*rows: float, name: str = "layer_3.neuron.npy") -> Pair:
    return _replaced(name, np.array([rows]).T)


@hostile("neuron", "no spike in a step")
def graph_max_spikes() -> Pair:
    return _spikes(1.0, 0.5, 0.0, 0.0, 1.0, 0.0, 31.0, 0.0)


@hostile("neuron", "128 spikes in a step")
def graph_max_spikes_128() -> Pair:
    return _spikes(1.0, 0.5, 0.0, 0.0, 1.0, 0.0, 31.0, 128.0)


@hostile("neuron", "two and a half spikes in a step")
def graph_max_spikes_fraction() -> Pair:
    return _spikes(1.0, 0.5, 0.0, 0.0, 1.0, 0.0, 31.0, 2.5)


@hostile("neuron", "another number of spikes for each channel")
def graph_max_spikes_differ() -> Pair:
    rows = np.repeat(np.array([[1.0, 0.5, 0.0, 0.0, 1.0, 0.0, 31.0, 2.0]]).T, 4, axis=1)
    rows[7, 2] = 3.0
    return _replaced("layer_3.neuron.npy", rows)


@hostile("neuron", "two spikes in a step under hard reset")
def graph_max_spikes_hard() -> Pair:
    return _spikes(1.0, 0.5, 1.0, 0.0, 1.0, 0.0, 31.0, 2.0)


@hostile("neuron", "two spikes in a step of a layer without neurons")
def graph_max_spikes_identity() -> Pair:
    return _spikes(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 31.0, 2.0, name="layer_1.neuron.npy")


def _several(*rows: float) -> Pair:
    """Return a chain of linear layers, the first of which sends several spikes, with other rows for its neurons."""
    archive, sidecar = checkpoint_bytes(NETWORKS["several_chain"]())
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        members = [(name, opened.read(name)) for name in opened.namelist()]
    changed = [(n, weights(np.array([rows]).T) if n == "layer_0.neuron.npy" else data) for n, data in members]
    return put_archive(zip_of(changed), sidecar)


@hostile("version", "a chain of linear layers, of one spike a step, in version 2")
def graph_could_be_version_1() -> Pair:
    return _several(1.0, 0.5, 0.0, 0.0, 1.0, 0.0, 31.0, 1.0)


@hostile("neuron", "a chain that version 1 could hold, but for a threshold that is not above 0")
def graph_could_be_version_1_threshold() -> Pair:
    return _several(0.0, 0.5, 0.0, 0.0, 1.0, 0.0, 31.0, 1.0)


@hostile("dtype", "weights of two types")
def graph_two_types() -> Pair:
    return _replaced("layer_1.weight.npy", np.ones((4, 2, 3, 3), np.float32))


@hostile("dtype", "weights of two types, before a neuron of another shape: layer by layer")
def graph_two_types_first() -> Pair:
    changed = {
        "layer_1.weight.npy": np.ones((4, 2, 3, 3), np.float32),
        "layer_3.neuron.npy": np.array([[1.0, 0.5, 0.0, 0.0, 1.0, 0.0, 31.0]]).T,
    }
    return _members(lambda members: [(n, weights(changed[n]) if n in changed else data) for n, data in members])


@hostile("non_finite", "a weight of a convolution that is infinite")
def graph_infinite() -> Pair:
    return _replaced("layer_1.weight.npy", np.full((4, 2, 3, 3), np.inf))
