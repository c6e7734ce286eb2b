"""Integrate-and-fire neurons that may send several spikes in one step.

    v = v + I[t]
    s = how many m in 1, 2, …, max_spikes have v >= m·θ
    v = v - s·θ where s > 0

`m·θ` and `s·θ` are one rounded product each: build with
`--fp-mode contract=off`.
"""
from std.sys.info import simd_width_of

comptime MOST_SPIKES = 127
"""Spikes of one neuron in one step, at most: a spike is one byte."""


def several_steps[
    dtype: DType, //
](
    currents: ImmPointer[Scalar[dtype], _],
    steps: Int,
    stride: Int,
    batch: Int,
    neurons: Int,
    threshold: ImmPointer[Scalar[dtype], _],
    max_spikes: Int,
    spikes: MutPointer[Int8, _],
    membrane: MutPointer[Scalar[dtype], _],
    counts: MutPointer[Int64, _],
):
    """Runs checked neurons on buffers as `if_steps` does, under soft reset and
    without a leak, and allocates nothing."""
    comptime lanes = simd_width_of[dtype]()
    var size = batch * neurons

    def block[width: Int](sample: Int, k: Int) {imm}:
        var theta = threshold.unsafe_load[width=width](k)
        var at = sample * neurons + k
        var v = membrane.unsafe_load[width=width](at)
        var count = SIMD[DType.int64, width](0)
        for t in range(steps):
            v = v + currents.unsafe_load[width=width](t * stride + at)
            var s = SIMD[dtype, width](0)
            for m in range(1, max_spikes + 1):
                s += v.ge(Scalar[dtype](m) * theta).cast[dtype]()
            v = s.gt(0).select(v - s * theta, v)
            spikes.unsafe_store(t * size + at, s.cast[DType.int8]())
            count += s.cast[DType.int64]()
        membrane.unsafe_store(at, v)
        var before = counts.unsafe_load[width=width](at)
        counts.unsafe_store(at, before + count)

    for sample in range(batch):
        var k = 0
        while k + lanes <= neurons:
            block[lanes](sample, k)
            k += lanes
        while k < neurons:
            block[1](sample, k)
            k += 1
