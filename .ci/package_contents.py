"""Whether the wheel and the sdist in a folder hold what is needed: ``python .ci/package_contents.py FOLDER``."""

import sys
import tarfile
import zipfile
from pathlib import Path

IN_BOTH = (
    *("spikeport/py.typed", "spikeport/_rust.pyi", "spikeport/interop/c/program.c", "spikeport/demo/full/run.jl"),
    *("spikeport/profiling/report.schema.json", "spikeport/roberta/network/transform_cfg.yaml"),
    *("spikeport/_sources/mojo/extension/kernels.mojo", "spikeport/_sources/mojo/spikeport/__init__.mojo"),
    *("spikeport/_sources/julia/SpikePort/Project.toml", "spikeport/_sources/julia/SpikePort/src/SpikePort.jl"),
    "LICENSE",
)
IN_WHEEL = ("spikeport/_rust.abi3.so", "entry_points.txt")
IN_SDIST = ("rust/Cargo.lock", "rust/crates/spikeport/src/lib.rs", "pyproject.toml", "docs/package.md")
NEVER = ("/tests/", "__pycache__", ".ipynb", "/target/")


def main(folder: Path) -> None:
    """Leave with a message where something is lacking, or is there that ought not to be."""
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    root = Path(__file__).resolve().parents[1]
    with zipfile.ZipFile(wheel) as zipped, tarfile.open(sdist) as tarred:
        held = ((wheel, zipped.namelist(), IN_BOTH + IN_WHEEL), (sdist, tarred.getnames(), IN_BOTH + IN_SDIST))
    for archive, names, needed in held:
        lacking = [name for name in needed if not any(found.endswith(name) for found in names)]
        for language, pattern in (("mojo/spikeport", "*.mojo"), ("julia/SpikePort/src", "*.jl")):
            for source in (root / language).rglob(pattern):
                name = f"spikeport/_sources/{source.relative_to(root).as_posix()}"
                lacking += [] if any(found.endswith(name) for found in names) else [name]
        extra = [name for name in names if any(word in name for word in NEVER) and "/crates/" not in name]
        if lacking or extra:
            sys.exit(f"{archive.name} lacks {lacking} and ought not to hold {extra[:9]}")
        print(f"  {archive.name}: {archive.stat().st_size:,} bytes, {len(names)} files")
    if "cp310-abi3-manylinux" not in wheel.name and sys.platform == "linux":
        sys.exit(f"{wheel.name} is no abi3 wheel for manylinux")


main(Path(sys.argv[1]))
