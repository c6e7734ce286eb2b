# What an operation is, and what it reads.

"The axes of one sample, as the contract has them: (n,), (channels, length) or (channels, height, width)."
const Shape = Tuple{Vararg{Int}}

"""
What a node does with the signals it reads, before its neurons.

An operation is one file: a struct whose docstring is its equation, checked when it is made, and the methods
[`output_shape`](@ref), [`current_bound`](@ref), [`currents!`](@ref), [`make`](@ref) and [`array_shapes`](@ref);
besides, where it has arrays, [`arrays`](@ref), where it has a window, [`attributes`](@ref). Its word stands in [`OPERATIONS`](@ref).
"""
abstract type Operation end

"""
What one sample passes from node to node: a column for each step, or, where every step is the same, one column.

- `values`: (n, steps), or (n, 1) where `is_steady`; each column flat in the order of the contract, the last axis of
  `shape` fastest
- `shape`: of one column
- `is_steady`: whether every step is the same
"""
struct Signal{S<:Real}
    values::Matrix{S}
    shape::Shape
    is_steady::Bool
end

"""
    output_shape(operation, shapes) -> Shape

Return the shape of the currents for signals of these shapes, each channels first; `shapes` is a vector of them.

Throws [`KernelError`](@ref) with `shape` for signals that the operation cannot read.
"""
function output_shape end

"""
    currents!(currents, operation, signals)

Set `currents` (n, steps) to what `operation` gives for a vector of signals of one sample, in the order of the contract.

`currents` has one column where all signals are steady and the operation remembers nothing. The matrix has served
before: every value has to be set.
"""
function currents! end

"""
    current_bound(operation, largest) -> Float64

Return the largest absolute value that currents of integers can have for signals of at most `largest`, one number each.

Without this method an operation runs on floats alone.
"""
function current_bound end

"Return whether an operation can be one of integers: what divides is not."
is_whole(::Operation) = true

"Return whether the currents of a step hang on the steps before it, so that they differ even where no signal does."
remembers(::Operation) = false

"Return what learns, by name, in the order of an archive; in textbook form: a matrix is (out, in)."
arrays(::Operation) = Pair{String,Array}[]

"Return what else belongs to the operation, by name: a number, or one number for each axis of its window."
attributes(::Operation) = Pair{String,Union{Int,Shape}}[]

"Return the type of the operation's weights, nothing where it has none; that of its currents follows from it."
array_type(operation::Operation) = isempty(arrays(operation)) ? nothing : eltype(last(first(arrays(operation))))

"""
    make(type, find) -> Operation

Return the operation whose arrays and attributes `find(name)` gives, or nothing where there is none.
"""
function make end

"""
    array_shapes(type, find, shapes, shape) -> Vector{Shape}

Return the shapes that the arrays of such an operation must have, weight and bias, before there is any array.

It has the attributes that `find(name)` gives, reads signals of `shapes` and gives currents of `shape`. Throws
[`KernelError`](@ref) with `shape` where these do not go together.
"""
function array_shapes(type::Type{<:Operation}, find, shapes, shape::Shape)
    check_output(type, output_shape(make(type, find), shapes), shape)
    return Shape[]
end

check_output(type, expected::Shape, shape::Shape) =
    expected == shape ||
    throw(KernelError("shape", "$(nameof(type)) gives a signal of shape $expected here, not $shape"))

"Return the one shape among `shapes`, or throw `shape` for another number of them."
function one_shape(type, shapes)
    length(shapes) == 1 ||
        throw(
        KernelError("shape", "$(nameof(type)) reads one signal, not $(length(shapes)): Add or Concat joins several"),
    )
    return first(shapes)
end

"Return a text for shapes in a message, however many there are."
listed(shapes) = length(shapes) <= 5 ? join(shapes, ", ") : "$(join(shapes[1:5], ", ")) and $(length(shapes) - 5) more"
