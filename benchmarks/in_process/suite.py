"""The kernels by every backend in this process, for pytest-benchmark; `bench_kernels` runs it and keeps the samples."""

from __future__ import annotations

import pytest

from benchmarks.in_process.workloads import IN_PROCESS, KERNELS
from spikeport.backends import BIT_EQUAL, available_backends, get_backend

BACKENDS = [name for name in BIT_EQUAL if available_backends()[name] is None]


@pytest.mark.parametrize("size", [256, 1024])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_kernel(benchmark, backend, kernel, size):
    call = IN_PROCESS[kernel](get_backend(backend), size)
    benchmark.extra_info.update(kernel=kernel, size=size, backend=backend)
    benchmark.pedantic(call, rounds=7, iterations=1, warmup_rounds=1)
