"""The C library that makes calls fail: compiled with the C compiler, loaded into a process before it starts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("shim.c")
COMPILERS: Final = ("cc", "gcc", "clang")


def absent() -> str:
    """Return why no fault can be put into calls here, or nothing."""
    if not hasattr(os, "fork") or os.uname().sysname != "Linux":
        return "the shim is for Linux"
    return "" if _compiler() else f"there is no C compiler: {', '.join(COMPILERS)}"


def compiled(library: Path, source: Path = SOURCE) -> Path:
    """Compile ``source`` into ``library`` and return that."""
    command = [_compiler() or COMPILERS[0], "-O1", "-Wall", "-Werror", "-shared", "-fPIC", str(source)]
    subprocess.run([*command, "-o", str(library), "-ldl"], check=True)
    return library


def _compiler() -> str | None:
    return next((name for name in COMPILERS if shutil.which(name)), None)
