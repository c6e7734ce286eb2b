"""The runner protocol: cases as lines of plain words, replies back into values of one spelling.

Every value that is compared is a list of words: floats as bit patterns, integers as decimals, texts as they are.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from conformance.cases import FILES, Case

SAFE = "._-/:"
PATH_KEYS = ("path", "checkpoint")
GEOMETRY = ("shape", "kernel", "stride", "padding", "dilation", "groups")
WHOLE = (*GEOMETRY, "size", "sizes", "weight_shape", "input_shape", "params", "timesteps", "seed", "samples")
WHOLE += ("tracer_min", "tracer_max", "max_spikes", "until_index", "all")
ONE_TEXT = ("dtype", "kind", "operation", "encoding", "checkpoint", "path", "metadata")
TEXT = (*ONE_TEXT, "names", "kinds", "frozen", "operations", "reads")
SINGLE = (*ONE_TEXT, "groups", "timesteps", "seed", "tracer_min", "tracer_max", "max_spikes")
Words = dict[str, list[str]]


def resolve(case: Case, scratch: Path) -> dict[str, Any]:
    """Return the arguments of a case with its files as absolute paths; files that are written go to ``scratch``."""
    arguments = dict(case.arguments)
    if case.kernel == "checkpoint.write":
        arguments["path"] = str(scratch / case.id)
    elif "pad_sidecar_to" in arguments:
        arguments["path"] = str(_padded(FILES / arguments["path"], arguments.pop("pad_sidecar_to"), scratch / case.id))
    else:
        for key in PATH_KEYS:
            if key in arguments:
                arguments[key] = str(FILES / arguments[key])
    return arguments


def _padded(pair: Path, length: int, copy: Path) -> Path:
    """Copy a pair with spaces behind the sidecar up to ``length`` bytes: too large a file to commit."""
    copy.with_name(copy.name + ".npz").write_bytes(pair.with_name(pair.name + ".npz").read_bytes())
    text = pair.with_name(pair.name + ".json").read_bytes()
    copy.with_name(copy.name + ".json").write_bytes(text.ljust(length))
    return copy


def encode_line(number: int, kernel: str, arguments: Mapping[str, Any]) -> str:
    """Return the line of one case, without its line end."""
    return " ".join([str(number), kernel, *(f"{key}={_encode(value)}" for key, value in arguments.items())])


def _encode(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(_encode(item) for item in value)
    return quote(value, safe=SAFE) if isinstance(value, str) else repr(value)


def decode_line(line: str) -> tuple[int, str, dict[str, Any]]:
    """Return number, kernel and arguments of a line of `encode_line`; a list of one parameter is one number for all."""
    number, kernel, *pairs = line.split(" ")
    arguments: dict[str, Any] = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        name = key.split(".")[0]  # ``reads.3`` is node 3's
        kind = int if is_whole(key) else unquote if name in TEXT else float
        items = [kind(item) for item in value.split(",")] if value or name in SINGLE else []
        arguments[key] = items[0] if name in SINGLE else items
    return int(number), kernel, arguments


def is_whole(key: str) -> bool:
    """Whether the numbers of an argument are whole; ``stride.3`` is node 3's."""
    return key in WHOLE or (key.split(".")[0] in GEOMETRY and key.rpartition(".")[2].isdigit())


def encode_reply(number: int, words: Words) -> str:
    """Return the line of a reply, without its line end."""
    return " ".join([str(number), *(f"{key}={_encode(value)}" for key, value in words.items())])


def decode_reply(line: str, number: int) -> Words:
    """Return the words of a reply, or raise `ValueError` where the line is not the reply to case ``number``."""
    first, *pairs = line.rstrip("\n").split(" ")
    if first != str(number) and first.isdigit():
        raise ValueError(f"a reply to line {first} of this run, where line {number} was asked: {line[:120]!r}")
    if first != str(number) or not pairs:
        raise ValueError(f"expected a line that begins with {number} and a word, got {line[:120]!r}")
    words: Words = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator:
            raise ValueError(f"{pair[:60]!r} is not key=value")
        words[key] = [unquote(word, errors="strict") for word in value.split(",")] if value else []
    return words


def expected_words(case: Case) -> Words:
    """Return what a case expects, in the spelling of `decode_reply`."""
    single = case.arguments.get("dtype") == "f32"
    return {key: [_word(item, single) for item in _as_list(value)] for key, value in case.expected.items()}


def array_words(values: Any) -> list[str]:
    """Return an array's words: bits of floats in its own type, decimals of integers."""
    array = np.asarray(values).ravel()
    return [_word(item.item(), array.dtype == np.float32) for item in array]


def _word(value: Any, single: bool) -> str:
    if isinstance(value, float):
        return struct.pack(">f" if single else ">d", value).hex()
    return str(value)


def _as_list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]
