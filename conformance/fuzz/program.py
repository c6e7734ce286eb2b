"""The guided target, as Atheris runs it: both codecs on bytes that hold a pair, mutated as the random cases are.

An input is the length of the sidecar in two bytes, the sidecar and the archive, as the targets in Rust read it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["spikeport.transfer"]):
    import spikeport.transfer.files.archive
    import spikeport.transfer.files.sidecar
    import spikeport.transfer.store  # noqa: F401

from conformance.fuzz.difference import Readers, fast_folder
from conformance.random.damage import damaged
from conformance.random.values import Draw


def parts(data: bytes) -> tuple[bytes, bytes]:
    """Return the archive and the sidecar of an input."""
    end = 2 + int.from_bytes(data[:2], "little")
    return data[end:], data[2:end]


def mutated(data: bytes, most: int, seed: int) -> bytes:
    """Return an input damaged as the random cases are; where that cannot be, or now and then, byte by byte."""
    draw = Draw(np.random.default_rng(seed), Path("nowhere"))
    try:
        if draw.chance(0.7):
            archive, sidecar = damaged(draw, *parts(data))
            made = len(sidecar).to_bytes(2, "little") + sidecar + archive
            if len(made) <= most:
                return made
    except Exception:  # what was damaged before cannot be taken apart: `zipfile` says so in many ways
        pass
    return bytes(atheris.Mutate(data, most))


def main() -> None:
    """Run until what the arguments of libFuzzer say."""
    with tempfile.TemporaryDirectory(dir=fast_folder()) as folder:
        readers = Readers(Path(folder))
        atheris.Setup(sys.argv, lambda data: readers.compare(*parts(data)), custom_mutator=mutated)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
