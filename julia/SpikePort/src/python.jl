"""
The kernels for a caller that shares memory and speaks text: what `spikeport.backends.julia` calls.

A call is the kernel's name and words `key=value`. An array is `f64@ADDRESS:4,3`: element type, address and row-major
shape. Arrays of arguments are used where they lie; answers are written into arrays that the caller made. Words of the
k-th node of a network, from 0, end in `.k`; what it reads is `inputs.k=0,2`: 0 is the input, 1 the first node.
"""
module Python

using ..SpikePort: INPUT, KernelError, Neuron, Node, OPERATIONS, SpikePortError, Trace
using ..SpikePort: axes_reversed, make, sample_shape
import ..SpikePort

const TYPES = Dict(
    "f64" => Float64,
    "f32" => Float32,
    "i8" => Int8,
    "i16" => Int16,
    "i32" => Int32,
    "i64" => Int64,
    "u64" => UInt64,
)
const PARAMETERS = ("threshold", "v_init", "v_reset", "beta")

const Words = Dict{String,String}

"""
    answer(kernel, words) -> String

Run one kernel; return nothing but "", or "code message" for a refusal.
"""
function answer(kernel::AbstractString, words::AbstractString)
    arguments = Words(key => value for (key, value) in split.(split(words, ' '), '='; limit = 2))
    try
        KERNELS[kernel](arguments)
    catch err
        err isa SpikePortError || rethrow()
        return "$(err.code) $(err.message)"
    end
    return ""
end

"Return the array that a word describes: no copy, and no claim on its memory."
function array(word::AbstractString)
    type, address, dimensions = split(word, ('@', ':'))
    shape = Tuple(reverse(parse.(Int, split(dimensions, ','))))
    T = TYPES[type]
    prod(shape) == 0 && return zeros(T, shape)
    return unsafe_wrap(Array, Ptr{T}(parse(UInt, address)), shape)
end

integer(words, key) = parse(Int, words[key])

"Return the neuron's parameters that are given; `index` is \".0\" and so on where there are several nodes."
function parameters(words::Words, index = "")
    given = Pair{Symbol,Any}[]
    for key in PARAMETERS
        haskey(words, key * index) || continue
        values = array(words[key*index])
        push!(given, Symbol(key) => length(values) == 1 ? only(values) : values)
    end
    for key in ("tracer_min", "tracer_max", "max_spikes")
        haskey(words, key * index) && push!(given, Symbol(key) => integer(words, key * index))
    end
    return given
end

"Return the operation whose word is `operation`, with the arrays that words of their names describe."
function operation(words::Words, index)
    kind = words["operation"*index]
    haskey(OPERATIONS, kind) || throw(KernelError("operation", "the Julia backend has no operation \"$kind\""))
    find(name) = haskey(words, name * index) ? part(name, words[name*index]) : nothing
    return make(OPERATIONS[kind], find)
end

"Return what an operation is made of: an array in textbook form, or whole numbers, one for each axis of its window."
function part(name::AbstractString, word::AbstractString)
    occursin('@', word) && return axes_reversed(array(word))
    return name == "groups" ? parse(Int, word) : Tuple(parse.(Int, split(word, ',')))
end

neuron(words::Words, index) = Neuron(words["kind"*index]; parameters(words, index)...)

give!(words::Words, key, values) = (copyto!(array(words[key]), values); nothing)

function give!(words::Words, trace::Trace)
    give!(words, "spikes", trace.spikes)
    give!(words, "membrane", trace.membrane)
    give!(words, "counts", trace.counts)
end

if_multistep(words) = give!(words, SpikePort.if_multistep(array(words["currents"]); parameters(words)...))

function if_constant(words)
    timesteps = integer(words, "timesteps")
    return give!(words, SpikePort.if_constant(array(words["current"]); timesteps = timesteps, parameters(words)...))
end

st_bif_multistep(words) = give!(words, SpikePort.st_bif_multistep(array(words["currents"]); parameters(words)...))

function layer_forward(words)
    one = operation(words, "")
    return give!(words, SpikePort.layer_forward(array(words["inputs"]), one.weights, one.bias, neuron(words, "")))
end

function operation_currents(words)
    keys = Iterators.takewhile(key -> haskey(words, key), ("signal.$k" for k in Iterators.countfrom(0)))
    signals = [array(words[key]) for key in keys]
    return give!(words, "currents", SpikePort.operation_currents(operation(words, ""), signals...))
end

"Return node k of a network, called by its place, since its own name may hold anything."
function node(words::Words, k::Int)
    reads = [place == "0" ? INPUT : String(place) for place in split(words["inputs.$k"], ',')]
    return Node(operation(words, ".$k"), neuron(words, ".$k"); name = string(k + 1), inputs = reads)
end

function network_run(words)
    nodes, inputs = [node(words, k) for k in 0:integer(words, "nodes")-1], array(words["inputs"])
    run = SpikePort.network_run(
        nodes,
        inputs;
        input_shape = sample_shape(inputs, words["encoding"]),
        timesteps = integer(words, "timesteps"),
        encoding = words["encoding"],
        seed = parse(UInt64, words["seed"]),
        record = haskey(words, "spikes.0"),
    )
    for k in eachindex(nodes)
        give!(words, "counts.$(k - 1)", run.counts[k])
        give!(words, "membrane.$(k - 1)", run.membrane[k])
        run.spikes === nothing || give!(words, "spikes.$(k - 1)", run.spikes[k])
    end
    run.settled === nothing || give!(words, "settled", run.settled)
    return give!(words, "drive", run.drive)
end

function encode_poisson(words)
    samples = haskey(words, "samples") ? array(words["samples"]) : nothing
    given = (timesteps = integer(words, "timesteps"), seed = parse(UInt64, words["seed"]), samples = samples)
    return give!(words, "spikes", SpikePort.encode_poisson(array(words["rates"]); given...))
end

function qcfs(words)
    timesteps = integer(words, "timesteps")
    return give!(words, "y", SpikePort.qcfs(array(words["x"]); timesteps = timesteps, parameters(words)...))
end

const KERNELS = Dict{String,Function}(
    "if_multistep" => if_multistep,
    "if_constant" => if_constant,
    "st_bif_multistep" => st_bif_multistep,
    "layer_forward" => layer_forward,
    "operation_currents" => operation_currents,
    "network_run" => network_run,
    "encode_poisson" => encode_poisson,
    "qcfs" => qcfs,
)

end
