# The window of a convolution and of a pool: on each axis, where tap q of output place p reads, all counted from 0.
#
#     at(p, q) = p·stride + q·dilation - padding
#     o        = floor((n + 2·padding - dilation·(kernel - 1) - 1)/stride) + 1

const LARGEST_PART = 65535

"One number for all axes of a window, or one for each."
const PerAxis = Union{Integer,Tuple{Vararg{Integer}},AbstractVector{<:Integer}}

"""
The geometry of a window over one or two axes: each part has one whole number for each axis.

Throws [`KernelError`](@ref) with `shape` for a geometry that cannot be.
"""
struct Window
    kernel::Shape
    stride::Shape
    padding::Shape
    dilation::Shape

    function Window(kernel::PerAxis; stride::PerAxis = 1, padding::PerAxis = 0, dilation::PerAxis = 1)
        length(kernel) in (1, 2) ||
            throw(KernelError("shape", "a window has one or two axes, not $(length(kernel))"))
        parts = (("kernel", kernel, 1), ("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1))
        return new((per_axis(name, value, length(kernel), least) for (name, value, least) in parts)...)
    end
end

function per_axis(name, value::PerAxis, axes::Int, least::Int)
    numbers = value isa Integer ? ntuple(_ -> value, axes) : Tuple(value)
    length(numbers) == axes && all(n -> least <= n <= LARGEST_PART, numbers) || throw(
        KernelError("shape", "$name $value: give a whole number from $least on, or one for each of $axes axes"),
    )
    return Int.(numbers)
end

"Return how many places the window has along axes of these sizes, or throw `shape` where there is none."
function places(window::Window, sizes::Shape)
    length(sizes) == length(window.kernel) || throw(
        KernelError("shape", "a window over $(length(window.kernel)) axes does not fit a signal over $(length(sizes))"),
    )
    free = @. sizes + 2 * window.padding - window.dilation * (window.kernel - 1) - 1
    minimum(free) >= 0 ||
        throw(KernelError("shape", "a window of $(window.kernel) is larger than its input of $sizes with its padding"))
    return fld.(free, window.stride) .+ 1
end

"""
The window along one axis, of `n` values and `o` places: `hits[i]` are the (tap, place) that read value i.

All are counted from 1, so that they are indices. A window over one axis has a first axis of one value and one tap.
"""
struct Axis
    n::Int
    o::Int
    taps::Int
    hits::Vector{Vector{Tuple{Int,Int}}}
end

Axis(n::Int, o::Int, kernel::Int, stride::Int, padding::Int, dilation::Int) =
    Axis(n, o, kernel, [hits(i, o, kernel, stride, padding, dilation) for i in 0:n-1])

function hits(i::Int, o::Int, kernel::Int, stride::Int, padding::Int, dilation::Int)
    found = Tuple{Int,Int}[]
    for q in 0:kernel-1
        place, rest = fldmod(i + padding - q * dilation, stride)
        rest == 0 && 0 <= place < o && push!(found, (q + 1, place + 1))
    end
    return found
end

"Return the rows and the columns of a signal of this shape, channels first, as the window sees them."
function rows_and_columns(window::Window, shape::Shape)
    sizes = shape[2:end]
    axes = Axis.(sizes, places(window, sizes), window.kernel, window.stride, window.padding, window.dilation)
    return length(axes) == 1 ? (Axis(1, 1, 1, 1, 0, 1), axes[1]) : axes
end
