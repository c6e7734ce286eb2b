# The operations: what a node does with the signals it reads, before its neurons; one small file for each.

include("operation.jl")
include("weighted.jl")
include("linear.jl")

"The word for an operation, as files and callers have it, and its type."
const OPERATIONS = Dict{String,Type{<:Operation}}("linear" => Linear)
