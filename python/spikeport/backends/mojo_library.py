"""The Mojo kernels as a shared library: compiled from their sources on first use, then found in the user's cache.

A C library under ctypes, not a Python extension: it needs neither Python's headers nor Mojo's runtime (it links to
libc alone), works with every Python, and a call costs microseconds. Contraction is off: a fused multiply-add would
change bits. What is compiled is for this machine's processor, so the cache's key holds the processor's features beside
the sources and the compiler's version.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Final

from spikeport.errors import BackendError

HERE: Final = Path(__file__).resolve()
SOURCES: Final = (HERE.parents[1] / "_sources" / "mojo", HERE.parents[3] / "mojo")
ENTRY: Final = Path("extension", "kernels.mojo")
FLAGS: Final = ("--fp-mode", "contract=off", "--emit", "shared-lib")
LONGEST_BUILD: Final = 900  # seconds

_INT, _SEED, _BUFFER = ctypes.c_ssize_t, ctypes.c_uint64, ctypes.c_void_p
FUNCTIONS: Final = {
    "all_finite": (_INT, _BUFFER, _INT),
    "if_steps": (_INT, _INT, _INT, _BUFFER, *[_INT] * 4, *[_BUFFER] * 6),
    "st_bif_steps": (_INT, _BUFFER, *[_INT] * 4, _BUFFER, *[_INT] * 2, *[_BUFFER] * 3),
    "packed_length": (_INT, _INT, _INT),
    "pack": (_INT, _BUFFER, _INT, _INT, _BUFFER),
    "active_length": (_INT,),
    "weighted_sum": (_INT, _INT, _BUFFER, _INT, _BUFFER, _INT, _INT, _BUFFER, _INT, _BUFFER, _BUFFER),
    "padded": (_INT, _INT),
    "pack_taps": (_INT, _BUFFER, _INT, _INT, _INT, _BUFFER),
    "scatter": (_INT, _INT, _BUFFER, *[_INT] * 4, *[_BUFFER] * 3, _INT, *[_BUFFER] * 3),
    "pool": (_INT, _INT, _INT, _BUFFER, _INT, _BUFFER, _BUFFER),
    "max_pool": (_INT, _INT, _BUFFER, _INT, _INT, _INT, *[_BUFFER] * 4),
    "add": (_INT, _INT, _BUFFER, _INT, _BUFFER),
    "put_rows": (_INT, _INT, _BUFFER, *[_INT] * 3, _BUFFER),
    "quantise": (_INT, _BUFFER, _INT, _INT, _INT, _BUFFER, _BUFFER),
    "sample_keys": (_BUFFER, _INT, _INT, _BUFFER),
    "poisson_steps": (_BUFFER, _INT, _INT, _INT, _INT, _SEED, _BUFFER, _BUFFER),
}
RETURNING: Final = ("all_finite", "packed_length", "active_length", "padded")


def load_library() -> ctypes.CDLL:
    """Return the library, compiled if need be.

    Raises `BackendError` with ``backend_unavailable`` where there is no Mojo, or where it cannot compile.
    """
    sources = next((folder for folder in SOURCES if (folder / ENTRY).is_file()), None)
    if sources is None:
        raise _unavailable("the Mojo sources are not there", "install spikeport again")
    mojo = find_mojo()
    if mojo is None:
        raise _unavailable("there is no mojo", "pip install 'spikeport[mojo]'")
    path = library_path(sources, _version(mojo))
    try:
        if not path.is_file():
            _compile(mojo, sources, path)
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise _unavailable(
            str(error), f"remove {path.parent}, or point XDG_CACHE_HOME at a folder to write in"
        ) from error
    for name, arguments in FUNCTIONS.items():
        function = getattr(library, f"spikeport_{name}")
        function.argtypes = list(arguments)
        function.restype = _INT if name in RETURNING else None
    return library


def find_mojo() -> str | None:
    """Return the path of ``mojo``: this environment's, else the one on PATH."""
    return shutil.which("mojo", path=sysconfig.get_path("scripts")) or shutil.which("mojo")


def library_path(sources: Path, version: str) -> Path:
    """Return where the library of these sources, this compiler and this processor is kept."""
    digest = hashlib.sha256("\0".join([version, *FLAGS, platform.machine(), _processor()]).encode())
    for source in [*sorted((sources / "spikeport").rglob("*.mojo")), sources / ENTRY]:
        content = source.read_bytes()
        digest.update(f"{source.relative_to(sources).as_posix()} {len(content)}\n".encode() + content)
    suffix = "dylib" if sys.platform == "darwin" else "so"
    return cache_folder() / digest.hexdigest()[:32] / f"libspikeport.{suffix}"


def cache_folder() -> Path:
    """Return the folder of all compiled libraries, in the user's cache."""
    default = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return Path(os.environ.get("XDG_CACHE_HOME") or default) / "spikeport" / "mojo"


def _compile(mojo: str, sources: Path, path: Path) -> None:
    """Compile to a name of its own, then rename: whoever comes at the same time finds a whole library or none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".build-", dir=path.parent) as folder:
        target = Path(folder) / path.name
        command = [mojo, "build", *FLAGS, "-I", str(sources), str(sources / ENTRY), "-o", str(target)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_BUILD, check=False)
        except subprocess.TimeoutExpired:
            raise _unavailable(
                f"mojo took more than {LONGEST_BUILD} seconds", "try again on a calmer machine"
            ) from None
        if done.returncode != 0 or not target.is_file():
            last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-20:])
            raise _unavailable(f"mojo could not compile the kernels:\n{last}", "pip install 'spikeport[mojo]'")
        os.replace(target, path)


def _version(mojo: str) -> str:
    try:
        done = subprocess.run([mojo, "--version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise _unavailable(f"{mojo} does not run ({error})", "pip install 'spikeport[mojo]'") from error
    return done.stdout.strip()


def _processor() -> str:
    """Return what tells this processor's instructions from another's."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.lower().startswith(("flags", "features")):
                return line
    return platform.processor() or platform.node()


def _unavailable(what: str, remedy: str) -> BackendError:
    return BackendError("backend_unavailable", f"the Mojo backend cannot run here: {what}; {remedy}")
