# The operations: what a node does with the signals it reads, before its neurons; one small file for each.

include("operation.jl")
include("weighted.jl")
include("linear.jl")
include("window.jl")
include("conv.jl")
include("pool.jl")
include("max_pool.jl")
include("join.jl")
include("currents.jl")

"The word for an operation, as files and callers have it, and its type."
const OPERATIONS = Dict{String,Type{<:Operation}}(
    "linear" => Linear,
    "conv" => Conv,
    "sum_pool" => SumPool,
    "avg_pool" => AvgPool,
    "max_pool" => MaxPool,
    "add" => Add,
    "concat" => Concat,
)

"Return the word of an operation."
word_of(operation::Operation) = only(word for (word, type) in OPERATIONS if operation isa type)
