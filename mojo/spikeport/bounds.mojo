"""What integers can reach at most: asked before a run starts.

No integer overflows, because whatever could is refused. A bound is a sum or a
product of numbers that are not negative. It is computed in float64: up to
2^31 - 1 that is exact, and what is above stays above.

What an operation's currents reach stands with the operation (`bound`), what its
neurons reach with their parameters.
"""
from .checks import LARGEST_WHOLE, refusal


def largest[dtype: DType, //](values: Span[Scalar[dtype], _]) -> Float64:
    """Returns the largest absolute value, 0 where there is none."""
    var low = Scalar[dtype](0)
    var high = Scalar[dtype](0)
    for value in values:
        low = min(low, value)
        high = max(high, value)
    # The smallest integer has no opposite of its own type.
    return max(high.cast[DType.float64](), -low.cast[DType.float64]())


def check_bound(what: StringSpan, bound: Float64) raises:
    """Refuses, as `overflow`, what could pass 32 bits."""
    if bound > Float64(LARGEST_WHOLE):
        raise refusal(
            "overflow",
            String(
                what,
                " could reach ",
                bound,
                ", beyond 2^31 - 1: give smaller inputs or weights, or fewer",
                " steps",
            ),
        )
