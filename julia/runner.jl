# The conformance runner: `NUMBER KERNEL KEY=VALUE…` lines in, `NUMBER KEY=VALUE…` lines out (conformance/SPEC.md).
#
#     julia --startup-file=no --project=julia/SpikePort julia/runner.jl CASES
#
# The contract's arrays are row-major, so a flat list read with its shape backwards is Julia's array.
module Runner

using SHA: sha256
using SpikePort
using SpikePort: Float, NEURON_ROWS, arrays_digest, checkpoint_paths, decimal, neuron_from_rows, read_checkpoint

# Arguments

const Arguments = Dict{String,String}

unquote(text) = String(occursin('%', text) ? percent_decoded(codeunits(text)) : codeunits(text))

function percent_decoded(bytes)
    decoded, i = UInt8[], 1
    while i <= length(bytes)
        if bytes[i] == UInt8('%')
            push!(decoded, parse(UInt8, String(bytes[i+1:i+2]); base = 16))
            i += 3
        else
            push!(decoded, bytes[i])
            i += 1
        end
    end
    return decoded
end

items(text) = isempty(text) ? SubString{String}[] : split(text, ',')
texts(args, key) = haskey(args, key) ? unquote.(items(args[key])) : String[]
integers(::Type{T}, args, key) where {T} = parse.(T, items(args[key]))
integer(args, key, default) = haskey(args, key) ? parse(Int, args[key]) : default
integer(args, key) = parse(Int, args[key])
floats(::Type{T}, args, key) where {T<:Float} = T[T(decimal(item)) for item in items(args[key])]
number(args, key, default) = haskey(args, key) ? decimal(args[key]) : default

"Return the keys `name.0`, `name.1`, … up to the first that the case has not."
given(args, name) = collect(Iterators.takewhile(key -> haskey(args, key), ("$name.$k" for k in Iterators.countfrom(0))))

"Return the element type of a case."
dtype(args) = get(args, "dtype", "f64") == "f32" ? Float32 : Float64

"Return the values of `key` as an array of the contract's `shape`, or throw `shape`."
function shaped(values::Vector, shape)
    prod(shape) == length(values) ||
        throw(KernelError("shape", "$(length(values)) values do not fill shape ($(join(shape, ", ")))"))
    return reshape(values, reverse(shape)...)
end

# Parameters are always vectors, of one value or of one for each neuron: fewer types, less to compile.
parameter(::Type{T}, args, key, default) where {T<:Float} = haskey(args, key) ? floats(T, args, key) : T[default]
optional(::Type{T}, args, key) where {T<:Float} = haskey(args, key) ? floats(T, args, key) : nothing

integrate_fire(T, args, v_init) = (
    threshold = parameter(T, args, "threshold", 1.0),
    v_init = parameter(T, args, "v_init", v_init),
    v_reset = optional(T, args, "v_reset"),
    beta = parameter(T, args, "beta", 1.0),
)
tracer(args) = (tracer_min = integer(args, "tracer_min", 0), tracer_max = integer(args, "tracer_max", 31))

# Replies

word(value::Integer) = string(value)
word(value::Float64) = string(reinterpret(UInt64, value); base = 16, pad = 16)
word(value::Float32) = string(reinterpret(UInt32, value); base = 16, pad = 8)
word(text::AbstractString) = join(quoted(byte) for byte in codeunits(text))

quoted(byte::UInt8) =
    isascii(Char(byte)) && (isletter(Char(byte)) || isdigit(Char(byte)) || Char(byte) in "._-/:") ? string(Char(byte)) :
    "%" * uppercase(string(byte; base = 16, pad = 2))

words(values) = join([word(value) for value in values], ',')
words(value::Union{AbstractString,Integer}) = word(value)
reply(pairs::Pair{String}...) = join([string(key, '=', words(values)) for (key, values) in pairs], ' ')
numbered(key, arrays) = [Pair{String,Any}("$key.$(k - 1)", array) for (k, array) in enumerate(arrays)]
reply(trace::Trace, counts) = reply("spikes" => trace.spikes, "v" => trace.membrane, counts => trace.counts)

# Kernels

const KERNELS = Dict{String,Function}()

KERNELS["hello"] = args -> reply(
    "language" => "julia",
    "version" => string(VERSION),
    "protocol" => 1,
    "kernels" => sort([name for name in keys(KERNELS) if occursin('.', name) || name == "qcfs"]),
)

KERNELS["if.multistep"] = function (args)
    T = dtype(args)
    currents = shaped(floats(T, args, "currents"), integers(Int, args, "shape"))
    return reply(if_multistep(currents; integrate_fire(T, args, 0.5)...), "counts")
end

KERNELS["if.constant"] = function (args)
    T = dtype(args)
    given = integrate_fire(T, args, 0.5)
    return reply(if_constant(floats(T, args, "current"); timesteps = integer(args, "timesteps"), given...), "counts")
end

KERNELS["st_bif.multistep"] = function (args)
    T = dtype(args)
    currents = shaped(floats(T, args, "currents"), integers(Int, args, "shape"))
    threshold, v_init = parameter(T, args, "threshold", 1.0), parameter(T, args, "v_init", 0.5)
    return reply(st_bif_multistep(currents; threshold = threshold, v_init = v_init, tracer(args)...), "tracer")
end

KERNELS["layer.forward"] = function (args)
    T = dtype(args)
    inputs = shaped(floats(T, args, "inputs"), integers(Int, args, "shape"))
    weights = permutedims(shaped(floats(T, args, "weights"), reverse(integers(Int, args, "size"))))
    bias = haskey(args, "bias") ? floats(T, args, "bias") : nothing
    neuron = Neuron(unquote(args["kind"]); integrate_fire(T, args, 0.0)..., tracer(args)...)
    return reply(layer_forward(inputs, weights, bias, neuron), "counts")
end

KERNELS["network.run"] = function (args)
    layers = network(load_checkpoint(unquote(args["checkpoint"])))
    run = network_run(
        layers,
        shaped(floats(Float64, args, "inputs"), integers(Int, args, "shape"));
        timesteps = integer(args, "timesteps"),
        encoding = get(args, "encoding", "current"),
        seed = parse(UInt64, get(args, "seed", "0")),
    )
    counts, membrane = numbered("counts", run.counts), numbered("v", run.membrane)
    return reply(counts..., membrane..., "drive" => run.drive)
end

KERNELS["encode.poisson"] = function (args)
    rates = shaped(floats(Float64, args, "rates"), integers(Int, args, "shape"))
    samples = haskey(args, "samples") ? integers(UInt64, args, "samples") : nothing
    seed = parse(UInt64, get(args, "seed", "0"))
    spikes = encode_poisson(rates; timesteps = integer(args, "timesteps"), seed = seed, samples = samples)
    return reply("spikes" => spikes, "keys" => sample_keys(rates))
end

KERNELS["qcfs"] = function (args)
    T = dtype(args)
    threshold = parameter(T, args, "threshold", 1.0)
    return reply("y" => qcfs(floats(T, args, "x"); timesteps = integer(args, "timesteps"), threshold = threshold))
end

KERNELS["finetune.schedule"] = function (args)
    schedule = finetune_schedule(
        texts(args, "names");
        freeze_until = haskey(args, "until_name") ? unquote(args["until_name"]) : integer(args, "until_index", -1),
        lr_backbone = number(args, "lr_backbone", 0.0),
        lr_head = number(args, "lr_head", 0.01),
        frozen = texts(args, "frozen"),
        head = haskey(args, "head") ? unquote(args["head"]) : nothing,
    )
    return reply("frozen" => schedule.frozen, "rates" => schedule.rates)
end

KERNELS["finetune.unfreeze"] = function (args)
    free = (names = texts(args, "layers"), all_layers = integer(args, "all", 0) == 1)
    return reply("frozen" => finetune_unfreeze(texts(args, "names"), texts(args, "frozen"); free...))
end

KERNELS["finetune.step"] = function (args)
    T, names = dtype(args), texts(args, "names")
    part(name) = [floats(T, args, key) for key in given(args, name)]
    weights, velocities = finetune_step(
        part("weights"),
        part("gradients"),
        floats(Float64, args, "rates");
        layer_names = names,
        frozen = texts(args, "frozen"),
        momentum = number(args, "momentum", 0.0),
        velocities = haskey(args, "velocities.0") ? part("velocities") : nothing, # for all layers, or for none
    )
    return reply(numbered("weights", weights)..., numbered("velocities", velocities)...)
end

KERNELS["checkpoint.read"] = function (args)
    checkpoint, digest = read_checkpoint(unquote(args["path"]))
    return reply(
        "names" => checkpoint.layer_names,
        "sizes" => Iterators.flatten(layer_sizes(checkpoint)),
        "kinds" => checkpoint.neuron_types,
        "frozen" => checkpoint.frozen_layers,
        "metadata" => checkpoint.metadata,
        "params" => total_params(checkpoint),
        "digest" => digest,
        "arrays" => arrays_digest(checkpoint),
    )
end

KERNELS["checkpoint.reject"] = KERNELS["checkpoint.read"]

KERNELS["checkpoint.write"] = function (args)
    T, sizes, kinds = dtype(args), integers(Int, args, "sizes"), texts(args, "kinds")
    names = texts(args, "names")
    2length(names) == 2length(kinds) == length(sizes) ||
        throw(CheckpointError("sidecar_schema", "give a name, a kind and two sizes for each layer"))
    count = length(given(args, "weight"))
    count == length(names) || throw(CheckpointError("shape", "$count weights for $(length(names)) layers"))
    there = 0:length(kinds)-1
    weights = [permutedims(shaped(floats(T, args, "weight.$k"), (sizes[2k+2], sizes[2k+1]))) for k in there]
    biases = [haskey(args, "bias.$k") ? floats(T, args, "bias.$k") : nothing for k in there]
    checkpoint = Checkpoint(
        weights,
        names;
        biases = biases,
        neurons = [neuron(args, "neuron.$k", kinds[k+1], sizes[2k+2]) for k in there],
        neuron_types = kinds,
        metadata = unquote(get(args, "metadata", "{}")),
        frozen_layers = texts(args, "frozen"),
    )
    path = unquote(args["path"])
    save_checkpoint(checkpoint, path)
    archive, sidecar = (bytes2hex(open(sha256, file)) for file in checkpoint_paths(path))
    return reply("archive" => archive, "sidecar" => sidecar)
end

function neuron(args, key, kind, n)
    haskey(args, key) || return nothing
    values = floats(Float64, args, key)
    length(values) in (7, 7n) ||
        throw(CheckpointError("shape", "$(length(values)) values for a neuron: give 7, or 7 for each"))
    all(isfinite, values) || throw(CheckpointError("non_finite", "a neuron's parameter is NaN or infinite"))
    return neuron_from_rows(kind, permutedims(reshape(values, :, length(NEURON_ROWS))))
end

# Timing

"The value `g(i)` of the contract's timed calls, for i = 0 … n - 1 and a stride."
grid(n, stride = 1) = [((stride * i) % 17) / 16 for i in 0:n-1]

"Return the call to time and what to say of its answer, for each kernel that is timed."
function timed_call(kernel, n, args)
    kernel == "if.multistep" && return let currents = reshape(grid(64n, 7), n, 64)
        () -> if_multistep(currents), run -> sum(run.counts)
    end
    kernel == "if.constant" && return let current = grid(n)
        () -> if_constant(current; timesteps = 64), run -> sum(run.counts)
    end
    kernel == "st_bif.multistep" && return let currents = reshape(grid(64n, 5) .- 0.5, n, 64)
        () -> st_bif_multistep(currents), run -> sum(run.counts)
    end
    kernel == "layer.forward" && return let inputs = reshape([i % 4 == 0 ? 1.0 : 0.0 for i in 0:16n-1], n, 1, 16),
        weights = permutedims(reshape((grid(n * n, 11) .- 0.5) ./ 8, n, n)),
        neuron = Neuron("IF"; v_init = 0.5)

        () -> layer_forward(inputs, weights, nothing, neuron), run -> sum(run.counts)
    end
    kernel == "network.run" && return let layers = network(load_checkpoint(unquote(args["checkpoint"])))
        n_in = size(first(layers).weights, 2)
        inputs = reshape(grid(n * n_in, 3), n_in, n)
        () -> network_run(layers, inputs; timesteps = 16), run -> sum(last(run.counts))
    end
    kernel == "encode.poisson" && return let rates = reshape(grid(n), n, 1)
        () -> encode_poisson(rates; timesteps = 64, seed = 1), spikes -> sum(Int, spikes)
    end
    kernel == "qcfs" && return let x = grid(n)
        () -> qcfs(x; timesteps = 16), y -> Int(16 * foldl(+, y))
    end
    kernel == "finetune.step" && return let w = [grid(n)], g = [grid(n, 3)]
        () -> finetune_step(w, g, [0.5]; layer_names = ["layer"], momentum = 0.5), _ -> 0
    end
    kernel == "checkpoint.read" && return let path = unquote(args["checkpoint"])
        () -> load_checkpoint(path), total_params
    end
    return nothing
end

KERNELS["bench"] = function (args)
    timed = timed_call(unquote(args["kernel"]), integer(args, "size", 0), args)
    timed === nothing && return "skip=unsupported"
    call, check = timed
    answer = call()
    seconds = map(1:integer(args, "repeats")) do _
        start = time_ns()
        call()
        (time_ns() - start) / 1e9
    end
    return "seconds=$(join(seconds, ',')) check=$(check(answer))"
end

# Lines

function answer(kernel, args)
    haskey(KERNELS, kernel) || return "skip=unsupported"
    try
        return KERNELS[kernel](args)
    catch err
        err isa SpikePortError && return "error=$(err.code) message=$(word(err.message))"
        return "error=internal message=$(word(sprint(showerror, err)))"
    end
end

function main(path)
    for line in eachline(path)
        parts = split(line, ' ')
        number, kernel = parts[1], parts[2]
        args = Arguments(key => value for (key, value) in split.(parts[3:end], '='; limit = 2))
        println(number, ' ', answer(kernel, args))
        flush(stdout)
    end
end

end

Runner.main(ARGS[1])
