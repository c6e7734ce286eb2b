"""Poisson encoding from a counter-based generator.

Every draw is a hash of where it stands, so four languages, any number of
threads and any order draw the same spikes. With SplitMix64's finaliser
(Steele, Lea and Flood 2014), modulo 2^64 and G = 0x9E3779B97F4A7C15:

    mix(z):  z = (z ⊕ z>>30)·0xBF58476D1CE4E5B9
             z = (z ⊕ z>>27)·0x94D049BB133111EB
             z ⊕ z>>31
    h     = mix((mix((mix((mix(seed + G) ⊕ sample) + G) ⊕ t) + G) ⊕ k) + G)
    u     = (h >> 11)·2^-53
    spike = 1 if u < rate else 0
    key   = ⊕_k mix((bits(rate[k] + 0.0) ⊕ mix(k + G)) + G)
"""
from std.memory import bitcast
from std.sys.info import simd_width_of

from .checks import check_finite, check_shape, check_timesteps, product, refusal

comptime GOLDEN = UInt64(0x9E3779B97F4A7C15)
"""The increment of SplitMix64."""


def mix(z: SIMD[DType.uint64, _]) -> type_of(z):
    """Mixes the bits of every lane: SplitMix64's finaliser."""
    var a = (z ^ (z >> 30)) * UInt64(0xBF58476D1CE4E5B9)
    var b = (a ^ (a >> 27)) * UInt64(0x94D049BB133111EB)
    return b ^ (b >> 31)


def sample_key(rates: ImmPointer[Float64, _], neurons: Int) -> UInt64:
    """Returns the key of a sample: equal rows, equal keys."""
    var key = UInt64(0)
    for k in range(neurons):
        var bits = bitcast[DType.uint64](rates[unsafe_offset=k] + 0.0)
        key ^= mix((bits ^ mix(UInt64(k) + GOLDEN)) + GOLDEN)
    return key


def sample_keys(
    rates: List[Float64], batch: Int, neurons: Int
) raises -> List[UInt64]:
    """Returns a key for every sample.

    Args:
        rates: Rates of shape (batch, neurons).
        batch: Number of samples B.
        neurons: Number of neurons N.

    Returns:
        One key for each sample.

    Raises:
        Error: `shape`.
    """
    check_shape("rates", len(rates), product(batch, neurons))
    # Sound: row b ends at (b + 1)·neurons <= len(rates).
    return [
        sample_key(rates.unsafe_ptr().unsafe_offset(b * neurons), neurons)
        for b in range(batch)
    ]


def encode_poisson(
    rates: List[Float64],
    batch: Int,
    neurons: Int,
    *,
    timesteps: Int,
    seed: UInt64 = 0,
    samples: Optional[List[UInt64]] = None,
) raises -> List[Int8]:
    """Draws spikes of shape (timesteps, batch, neurons).

    Args:
        rates: Rates of shape (batch, neurons), in [0, 1].
        batch: Number of samples B.
        neurons: Number of neurons N.
        timesteps: Number of steps T.
        seed: Seed of all draws.
        samples: One key for each sample; those of `sample_keys` if None.

    Returns:
        The spikes, 0 or 1.

    Raises:
        Error: `timesteps`, `shape`, `non_finite`, `rate_range`.
    """
    check_timesteps(timesteps)
    check_shape("rates", len(rates), product(batch, neurons))
    check_finite("rates", rates)
    for rate in rates:
        if not (rate >= 0 and rate <= 1):
            raise refusal(
                "rate_range",
                String("a rate is ", rate, ": Poisson encoding wants [0, 1]"),
            )
    var keys = samples.copy().or_else(sample_keys(rates, batch, neurons))
    if len(keys) != batch:
        raise refusal(
            "shape",
            String("samples has ", len(keys), " keys for ", batch, " samples"),
        )
    var spikes = List[Int8](length=timesteps * len(rates), fill=0)
    # Sound: the three buffers have the lengths of their shapes.
    poisson_steps(
        rates.unsafe_ptr(),
        batch,
        neurons,
        0,
        timesteps,
        seed,
        keys.unsafe_ptr(),
        spikes.unsafe_ptr(),
    )
    return spikes^


def poisson_steps(
    rates: ImmPointer[Float64, _],
    batch: Int,
    neurons: Int,
    first: Int,
    steps: Int,
    seed: UInt64,
    keys: ImmPointer[UInt64, _],
    spikes: MutPointer[Int8, _],
):
    """Draws spikes (steps, batch, neurons) from step `first` on, for checked
    rates (batch, neurons) and one key for each sample; allocates nothing."""
    comptime lanes = simd_width_of[DType.uint64]()

    def draw[
        width: Int
    ](stream: UInt64, source: Int, target: Int, k: Int) {imm}:
        var index = SIMD[DType.uint64, width](0)
        comptime for lane in range(width):
            index[lane] = UInt64(k + lane)
        var h = mix((index ^ stream) + GOLDEN)
        var u = (h >> 11).cast[DType.float64]() * Float64(2.0**-53)
        var p = rates.unsafe_load[width=width](source + k)
        spikes.unsafe_store(target + k, u.lt(p).cast[DType.int8]())

    var start = mix(seed + GOLDEN)
    for b in range(batch):
        var sample = mix((start ^ keys[unsafe_offset=b]) + GOLDEN)
        for t in range(steps if neurons > 0 else 0):
            var stream = mix((sample ^ UInt64(first + t)) + GOLDEN)
            var target = (t * batch + b) * neurons
            var k = 0
            while k + lanes <= neurons:
                draw[lanes](stream, b * neurons, target, k)
                k += lanes
            while k < neurons:
                draw[1](stream, b * neurons, target, k)
                k += 1
