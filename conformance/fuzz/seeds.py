"""What fuzzing starts from: the pairs of the vectors, good and hostile, and the small inputs that runs have found.

``python -m conformance.fuzz.seeds TARGET FOLDER`` puts a folder of such inputs into ``rust/fuzz/corpus/TARGET.zip``.
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from conformance.cases import VECTORS

FILES: Final = VECTORS / "checkpoint" / "files"
TARGETS: Final = Path(__file__).parents[2] / "rust" / "fuzz"
LARGEST: Final = 6000
"""Bytes of a seed, at most: larger ones are slow, and show nothing that small ones do not."""


def networks() -> list[str]:
    """Return the names of the networks that the targets know, which the first byte of an input picks."""
    listed = re.search(r"networks!\(\n(.*?)\);", (TARGETS / "src" / "lib.rs").read_text("utf-8"), re.DOTALL)
    assert listed
    return re.findall(r'"(\w+)"', listed[1])


def pairs() -> Iterator[tuple[int, bytes, bytes]]:
    """Yield of each pair of the vectors the network that it is or was made of, the archive and the sidecar."""
    known = networks()
    for sidecar in sorted(FILES.glob("*/*.json")):
        archive = sidecar.with_suffix(".npz")
        if any(path.is_symlink() or not path.exists() for path in (archive, sidecar)):
            continue
        which = known.index(sidecar.stem) if sidecar.stem in known else 0
        yield which, archive.read_bytes(), sidecar.read_bytes()


def write(folder: Path) -> None:
    """Write the seeds of each target into a folder of its name."""
    for number, (which, archive, sidecar) in enumerate(pairs()):
        both = len(sidecar).to_bytes(2, "little") + sidecar + archive if len(sidecar) < 1 << 16 else b""
        metadata = re.search(rb'^  "metadata": (.*),$', sidecar, re.MULTILINE)
        made = {
            "archive": bytes([which]) + archive,
            "sidecar": bytes([which]) + sidecar,
            "pair": both,
            "disk": both,
            "json": metadata[1] if metadata else sidecar,
        }
        for target, content in made.items():
            (folder / target).mkdir(parents=True, exist_ok=True)
            if 0 < len(content) <= LARGEST:
                (folder / target / f"{number:03}").write_bytes(content)
    for packed in sorted((TARGETS / "corpus").glob("*.zip")):
        with zipfile.ZipFile(packed) as corpus:
            for name in corpus.namelist():
                (folder / packed.stem / f"found-{name}").write_bytes(corpus.read(name))


def pack(target: str, folder: Path) -> int:
    """Put the inputs of a folder into the corpus of a target, in place of what it had; return how many they are."""
    inputs = sorted({path.read_bytes() for path in folder.iterdir()})
    (TARGETS / "corpus").mkdir(exist_ok=True)
    with zipfile.ZipFile(TARGETS / "corpus" / f"{target}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as corpus:
        for number, content in enumerate(inputs):
            corpus.writestr(zipfile.ZipInfo(f"{number:04}"), content, zipfile.ZIP_DEFLATED)
    return len(inputs)


if __name__ == "__main__":
    print(f"{pack(sys.argv[1], Path(sys.argv[2]))} inputs")
