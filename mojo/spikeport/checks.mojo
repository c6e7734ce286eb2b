"""What every kernel asks of its arguments, before any work.

An error's text begins with its code, a word of `conformance/SPEC.md`, then a
colon and what was given, what was expected and the way out.
"""
from std.math import floor, isfinite
from std.sys.info import simd_width_of

comptime LARGEST_WHOLE = (1 << 31) - 1
"""The largest absolute value of an integer of 32 bits."""
comptime LARGEST_WEIGHT = (1 << 15) - 1
"""The largest weight of an integer network; the smallest is one further out."""


def refusal(code: StringSpan, message: String) -> Error:
    """Makes the error of a faulty call."""
    return Error(String(code, ": ", message))


def code_of(error: Error) -> String:
    """Finds the code of an error that this package raised: the text before
    the first colon."""
    var text = String(error)
    var colon = text.find(":")
    return String(text[byte=0:colon]) if colon >= 0 else text^


def product(*sizes: Int) -> Int:
    """Multiplies sizes: -1 where one is negative, `Int.MAX` beyond that."""
    var total = 1
    for size in sizes:
        if size < 0:
            return -1
    for size in sizes:
        if size == 0:
            return 0
    for size in sizes:
        if total > Int.MAX // size:
            return Int.MAX
        total *= size
    return total


def product(sizes: List[Int]) -> Int:
    """Multiplies the sizes of a shape, none of them negative: `Int.MAX` beyond
    that."""
    var total = 1
    for size in sizes:
        total = product(total, size)
    return total


def all_finite[
    dtype: DType, //
](values: ImmPointer[Scalar[dtype], _], count: Int) -> Bool:
    """Tells whether no value is NaN or infinite."""
    comptime if dtype.is_integral():
        return True
    comptime width = simd_width_of[dtype]()
    var zeros = SIMD[dtype, width](0)
    var k = 0
    # x·0 is 0 for a finite x and NaN for every other: one sum tells.
    while k + width <= count:
        zeros += values.unsafe_load[width=width](k) * 0
        k += width
    var finite = zeros.eq(0).reduce_and()
    while k < count:
        finite = finite and isfinite(values[unsafe_offset=k])
        k += 1
    return finite


def check_finite[
    dtype: DType, //
](name: StringSpan, values: Span[Scalar[dtype], _]) raises:
    """Refuses NaN and infinity."""
    if not all_finite(values.unsafe_ptr(), len(values)):
        raise refusal("non_finite", String(name, " holds NaN or infinity"))


def check_whole(
    name: StringSpan,
    value: Float64,
    lowest: Int = -LARGEST_WHOLE,
    highest: Int = LARGEST_WHOLE,
) raises:
    """Refuses what is no whole number in a range: by `non_finite`, `not_whole`,
    `overflow`."""
    if not isfinite(value):
        raise refusal("non_finite", String(name, " holds NaN or infinity"))
    if floor(value) != value:
        raise refusal(
            "not_whole",
            String(name, " holds ", value, ": integers have no fraction"),
        )
    if not Float64(lowest) <= value <= Float64(highest):
        raise refusal(
            "overflow",
            String(name, " holds ", value, ": give ", lowest, " to ", highest),
        )


def as_elements[
    dtype: DType
](name: StringSpan, values: List[Float64]) raises -> List[Scalar[dtype]]:
    """Rounds numbers to the element type; raises `non_finite`, `not_whole`,
    `overflow` where that is one of integers, and they are none."""
    comptime if dtype.is_integral():
        for value in values:
            check_whole(name, value)
    return [value.cast[dtype]() for value in values]


def check_weights[
    dtype: DType, //
](name: StringSpan, values: Span[Scalar[dtype], _]) raises:
    """Refuses NaN and infinity, and integers of more than 16 bits."""
    check_finite(name, values)
    comptime if dtype.is_integral():
        for value in values:
            check_whole(
                name, Float64(value), -LARGEST_WEIGHT - 1, LARGEST_WEIGHT
            )


def check_shape(name: StringSpan, count: Int, expected: Int) raises:
    """Refuses a flat array that does not have the length of its shape."""
    if count != expected:
        raise refusal(
            "shape", String(name, " has ", count, " values, not ", expected)
        )


def check_timesteps(timesteps: Int) raises:
    """Refuses a negative number of steps."""
    if timesteps < 0:
        raise refusal(
            "timesteps",
            String("timesteps must be at least 0, not ", timesteps),
        )


def as_parameter[
    dtype: DType
](name: StringSpan, values: List[Float64], neurons: Int) raises -> List[
    Scalar[dtype]
]:
    """Rounds one number, or one for each neuron, to the element type; raises
    `shape`, `non_finite`, and of integers `not_whole`, `overflow`."""
    if len(values) != 1 and len(values) != neurons:
        raise refusal(
            "shape",
            String(name, " has ", len(values), " values: give 1, or ", neurons),
        )
    var rounded = as_elements[dtype](name, values)
    check_finite(name, rounded)
    return rounded^


def spread[
    dtype: DType, //
](var values: List[Scalar[dtype]], entries: Int, each: Int = 1) -> List[
    Scalar[dtype]
]:
    """Gives every neuron its own copy of a parameter that is one number, or one
    for each of so many entries of `each` neurons."""
    if len(values) == entries and each == 1:
        return values^
    if len(values) != entries:
        return List[Scalar[dtype]](length=entries * each, fill=values[0])
    var result = List[Scalar[dtype]](capacity=entries * each)
    for value in values:
        for _ in range(each):
            result.append(value)
    return result^
