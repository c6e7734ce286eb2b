"""QCFS, the quantisation-clip-floor-shift activation.

    y = (clip(floor((x·T)/θ + 1/2), 0, T)·θ)/T

It is the rate, times θ, of an IF neuron with `v_init = 1/2` under a constant
current `x` for `T` steps (Bu et al. 2022, eq. 15).
"""
from std.math import floor
from std.sys.info import simd_width_of

from .checks import as_parameter, check_finite, check_timesteps, refusal, spread
from .integrate_fire import check_threshold


def qcfs[
    dtype: DType, //
](
    x: List[Scalar[dtype]],
    *,
    timesteps: Int,
    threshold: List[Float64] = [1.0],
) raises -> List[Scalar[dtype]]:
    """Returns QCFS of every value: `timesteps + 1` levels in [0, θ].

    Parameters:
        dtype: Element type.

    Args:
        x: Values of shape (N,).
        timesteps: Number of steps T, at least 1.
        threshold: θ, one number, or one for each value.

    Returns:
        The quantised values.

    Raises:
        Error: `timesteps`, `non_finite`, `threshold`, `shape`.
    """
    check_timesteps(timesteps)
    if timesteps < 1:
        raise refusal("timesteps", "qcfs needs at least 1 step")
    check_finite("x", x)
    var theta = as_parameter[dtype]("threshold", threshold, len(x))
    check_threshold(theta)
    var each = spread(theta^, len(x))
    var y = List[Scalar[dtype]](length=len(x), fill=0)
    # Sound: the three buffers are of one length.
    quantise(
        x.unsafe_ptr(), 1, len(x), timesteps, each.unsafe_ptr(), y.unsafe_ptr()
    )
    return y^


def quantise[
    dtype: DType, //
](
    x: ImmPointer[Scalar[dtype], _],
    batch: Int,
    neurons: Int,
    timesteps: Int,
    threshold: ImmPointer[Scalar[dtype], _],
    y: MutPointer[Scalar[dtype], _],
):
    """Quantises checked values (batch, neurons) into `y`, with a threshold for
    each of the neurons; allocates nothing."""
    comptime lanes = simd_width_of[dtype]()
    var T = Scalar[dtype](timesteps)

    def block[width: Int](row: Int, k: Int) {imm}:
        var theta = threshold.unsafe_load[width=width](k)
        var value = x.unsafe_load[width=width](row * neurons + k)
        var level = floor(value * T / theta + 0.5).clamp(0, T)
        y.unsafe_store(row * neurons + k, level * theta / T)

    for row in range(batch):
        var k = 0
        while k + lanes <= neurons:
            block[lanes](row, k)
            k += lanes
        while k < neurons:
            block[1](row, k)
            k += 1
