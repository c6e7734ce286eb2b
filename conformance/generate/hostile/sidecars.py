"""Sidecars that are JSON and say what is not so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.generate.hostile.change import HOSTILE, Pair, change_fields, good_pair, hostile


def _set(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content.update(values)


CONTENT: dict[str, tuple[str, str, Callable[[dict[str, Any]], Any]]] = {
    "unknown_key": ("sidecar_schema", "a key that we do not know", _set(surprise=1)),
    "missing_key": ("sidecar_schema", "a key that is not there", lambda c: c.pop("metadata")),
    "no_format": ("sidecar_schema", "no word of the format", lambda c: c.pop("format")),
    "no_version": ("sidecar_schema", "no word of the version", lambda c: c.pop("version")),
    "no_kind_text": ("sidecar_schema", "a label without letters", _set(neuron_types=["", "IF"])),
    "other_format": ("version", "another format", _set(format="somebody-else")),
    "version_2": ("sidecar_schema", "version 2 with the keys of version 1", _set(version=2)),
    "version_3": ("version", "a later version", _set(version=3)),
    "version_later_keys": ("version", "a later version with other keys", _set(version=7, layers=[])),
    "version_float": ("version", "1.0 is not the integer 1", _set(version=1.0)),
    "version_true": ("version", "true is not the integer 1", _set(version=True)),
    "no_layers": ("sidecar_schema", "no layer", _set(layer_names=[], layer_sizes=[], neuron_types=[], n_layers=0)),
    "names_not_texts": ("sidecar_schema", "names that are numbers", _set(layer_names=[1, 2])),
    "empty_name": ("sidecar_schema", "a name without letters", _set(layer_names=["", "layer1"])),
    "same_names": ("sidecar_schema", "two layers of one name", _set(layer_names=["a", "a"])),
    "names_a_text": ("sidecar_schema", "names in one text", _set(layer_names="ab")),
    "three_kinds": ("sidecar_schema", "three labels for two layers", _set(neuron_types=["IF", "IF", "IF"])),
    "kind_null": ("sidecar_schema", "a label that is null", _set(neuron_types=["IF", None])),
    "one_size": ("sidecar_schema", "one size for two layers", _set(layer_sizes=[[3, 4]])),
    "size_zero": ("sidecar_schema", "a layer of no width", _set(layer_sizes=[[3, 0], [0, 2]])),
    "size_negative": ("sidecar_schema", "a layer of negative width", _set(layer_sizes=[[3, -4], [-4, 2]])),
    "size_float": ("sidecar_schema", "a width with a fraction sign", _set(layer_sizes=[[3.0, 4], [4, 2]])),
    "size_triple": ("sidecar_schema", "three numbers for a size", _set(layer_sizes=[[3, 4, 1], [4, 2]])),
    "size_beyond": ("sidecar_schema", "a width of 2^31", _set(layer_sizes=[[3, 2**31], [2**31, 2]])),
    "size_enormous": ("sidecar_schema", "a width beyond 64 bits", _set(layer_sizes=[[3, 2**70], [2**70, 2]])),
    "frozen_unknown": ("sidecar_schema", "a frozen layer that is none", _set(frozen_layers=["nowhere"])),
    "frozen_unsorted": ("sidecar_schema", "frozen layers out of order", _set(frozen_layers=["layer1", "layer0"])),
    "frozen_twice": ("sidecar_schema", "a layer frozen twice", _set(frozen_layers=["layer0", "layer0"])),
    "wrong_n_layers": ("sidecar_schema", "three layers counted", _set(n_layers=3)),
    "params_zero": ("sidecar_schema", "no parameters", _set(total_params=0)),
    "params_text": ("sidecar_schema", "a count in letters", _set(total_params="many")),
    "metadata_list": ("sidecar_schema", "metadata that is a list", _set(metadata=[])),
    "archive_null": ("sidecar_schema", "no word of the archive", _set(archive=None)),
    "archive_key": ("sidecar_schema", "a further key of the archive", lambda c: c["archive"].update(md5="")),
    "archive_negative": ("sidecar_schema", "a negative length", lambda c: c["archive"].update(bytes=-1)),
    "digest_short": ("sidecar_schema", "a digest of 63 digits", lambda c: c["archive"].update(sha256="0" * 63)),
    "digest_upper": ("sidecar_schema", "a digest in capitals", lambda c: c["archive"].update(sha256="A" * 64)),
    "unchained": ("layer_chain", "four neurons feed five inputs", _set(layer_sizes=[[3, 4], [5, 2]])),
    "declares_a_bomb": (
        "too_large",
        "two small layers and an archive of 2 GiB",
        lambda c: c["archive"].update(bytes=2**31),
    ),
    "declares_beyond_zip": ("too_large", "an archive beyond 4 GiB", lambda c: c["archive"].update(bytes=2**40)),
    "one_byte_less": (
        "archive_digest",
        "a length that is not the file's",
        lambda c: c["archive"].update(bytes=c["archive"]["bytes"] - 1),
    ),
    "other_digest": (
        "archive_digest",
        "a digest that is not the file's",
        lambda c: c["archive"].update(sha256="0" * 64),
    ),
    "wrong_params": ("shape", "one parameter too many counted", lambda c: c.update(total_params=c["total_params"] + 1)),
    "swapped_sizes": ("shape", "another width than the archive's", _set(layer_sizes=[[3, 2], [2, 4]])),
    "wider": ("shape", "one input more than the archive has", _set(layer_sizes=[[4, 4], [4, 2]])),
    "one_layer_less": (
        "too_large",
        "a layer of the archive is not declared: more bytes than one layer needs",
        lambda c: c.update(layer_names=["layer0"], layer_sizes=[[3, 4]], neuron_types=["IF"], n_layers=1),
    ),
    "one_layer_more": (
        "missing_entry",
        "a layer declared is not in the archive",
        lambda c: c.update(
            layer_names=["layer0", "layer1", "more"],
            layer_sizes=[[3, 4], [4, 2], [2, 2]],
            neuron_types=["IF"] * 3,
            n_layers=3,
        ),
    ),
    "no_kind": ("neuron", "neuron parameters of no known kind", _set(neuron_types=["McCulloch-Pitts", "IF"])),
}
for _name, (_code, _comment, _edit) in CONTENT.items():
    HOSTILE[_name] = (_code, _comment, lambda edit=_edit: change_fields(edit))


@hostile("sidecar_schema", "a list instead of an object")
def sidecar_list() -> Pair:
    return good_pair()[0], b"[]"


@hostile("sidecar_schema", "null instead of an object")
def sidecar_null() -> Pair:
    return good_pair()[0], b"null"
