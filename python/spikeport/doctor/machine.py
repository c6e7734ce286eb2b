"""The machine: its processor and what that can do, its system, the programs of other languages."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np

CPUINFO = Path("/proc/cpuinfo")
TELLING = (
    *("ssse3", "sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx_vnni"),
    *("avx512_bf16", "amx_int8", "asimd", "asimddp", "neon", "sve", "sve2"),
)
"""Instruction sets that decide which code a library takes; the rest of a processor's many flags is left out."""

PROGRAMS = {"cargo": "Rust", "julia": "Julia", "mojo": "Mojo", "cc": "C"}
"""Programs by which the mirrors and exported C are built outside Python: none is needed by a backend that works."""


def machine() -> dict[str, Any]:
    """Return the system, the processor's name, its instruction sets, and how many cores this process may use."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "libc": " ".join(platform.libc_ver()).strip() or None,
        "architecture": platform.machine(),
        "processor": _line("model name") or platform.processor() or None,
        "cores": count,
        "instructions": instructions(),
    }


def instructions() -> list[str]:
    """Return the instruction sets of `TELLING` that this processor has, by the system, elsewhere by NumPy."""
    flags = (_line("flags") or _line("Features") or "").split()
    if flags:
        return [name for name in TELLING if name in flags]
    extensions: dict[str, Any] = dict(np.show_config(mode="dicts").get("SIMD Extensions", {}))
    return [name.lower() for name in (*extensions.get("baseline", []), *extensions.get("found", []))]


def programs() -> dict[str, str | None]:
    """Return the first line that each of `PROGRAMS` says of its version, None where it is not found or does not run."""
    places = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    return {name: _says(shutil.which(name, path=places)) for name in PROGRAMS}


def _says(program: str | None) -> str | None:
    if program is None:
        return None
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.strip().splitlines()
    return lines[0].strip() if lines else None


def _line(key: str) -> str | None:
    try:
        found = re.search(rf"^{key}\s*:\s*(.+)$", CPUINFO.read_text("utf-8", "replace"), re.MULTILINE)
    except OSError:
        return None
    return found[1].strip() if found else None
