# What an operation is, and what it reads.

"""
What a node does with the signals it reads, before its neurons; `T` is the type of its arrays and of its currents.

An operation is one file: a struct whose docstring is its equation, checked when it is made, and three methods,
[`width`](@ref), [`currents!`](@ref) and [`from_row_major`](@ref). Its word stands in [`OPERATIONS`](@ref).
"""
abstract type Operation{T<:Float} end

"""
What one sample passes from node to node: a column for each step, or, where every step is the same, one column.

- `values`: (n, steps), or (n, 1) where `is_steady`
- `is_steady`: whether every step is the same
"""
struct Signal{S<:Real}
    values::Matrix{S}
    is_steady::Bool
end

"""
    width(operation, widths) -> Int

Return how many currents there are at each step, where the signals read have `widths` values each.

Throws [`KernelError`](@ref) with `shape` for signals that the operation cannot read.
"""
function width end

"""
    currents!(currents, operation, signals...)

Set `currents` (n, steps) to what `operation` gives for these signals of one sample, in the order of the contract.

Where all signals are steady, `currents` has one column. The matrix has served before: every value has to be set.
"""
function currents! end

"""
    from_row_major(type, find) -> Operation

Return the operation whose arrays `find(name)` gives as row-major languages store them, or nothing where there is none.
"""
function from_row_major end
