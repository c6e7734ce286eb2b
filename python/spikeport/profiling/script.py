"""Profile a training script as it is: the first model with spiking neurons that it calls is watched."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from spikeport.errors import MissingExtra
from spikeport.profiling.pathology import ProfilingError
from spikeport.profiling.profiler import SpikeProfiler


def profile_script(
    path: str | PathLike[str],
    arguments: Sequence[str] = (),
    profiler: SpikeProfiler | None = None,
    every: int | None = None,
) -> SpikeProfiler:
    """Run the script at ``path`` as ``python path arguments…`` would, and return the profiler that watched it.

    A script that ends by ``sys.exit`` is profiled all the same; any other exception is the caller's.
    Raises ProfilingError (``no_neurons``) where no model with known neurons was called, MissingExtra without torch.
    """
    profiler = SpikeProfiler() if profiler is None else profiler
    try:
        from torch.nn.modules.module import register_module_forward_pre_hook
    except ImportError:
        raise MissingExtra("torch", "torch", "profiling a script") from None
    from spikeport.profiling.watching.libraries.registry import neurons_of

    script = Path(path)
    if not script.is_file():
        raise FileNotFoundError(f"there is no script {script}")
    looked_at: set[int] = set()

    def look(module: Any, inputs: tuple[Any, ...]) -> None:
        if id(module) in looked_at:
            return
        looked_at.add(id(module))
        if any(neurons_of(part) is not None for part in module.modules()):
            handle.remove()
            profiler.watch(module, every).join(module)

    handle = register_module_forward_pre_hook(look)
    before, path_before = sys.argv, sys.path[:]
    sys.argv = [str(script), *arguments]
    sys.path.insert(0, str(script.resolve().parent))
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as leaving:
        if leaving.code not in (None, 0):
            raise
    finally:
        sys.argv, sys.path[:] = before, path_before
        handle.remove()
        profiler.close()
    if not profiler.layer_stats():
        raise ProfilingError(
            "no_neurons",
            f"{script} called no model with spiking neurons that are known: register_neuron tells spikeport of others",
        )
    return profiler
