# The kernels of the families `if`, `operation` and `finetune`: a line's arguments in, its reply out.

KERNELS["hello"] = args -> reply(
    "language" => "julia",
    "version" => string(VERSION),
    "protocol" => 1,
    "kernels" => sort([name for name in keys(KERNELS) if occursin('.', name) || name == "qcfs"]),
)

KERNELS["if.multistep"] = function (args)
    T = dtype(args)
    currents = shaped(elements(T, args, "currents"), integers(Int, args, "shape"))
    return reply(if_multistep(currents; integrate_fire(T, args, 0.5)...), "counts")
end

KERNELS["if.constant"] = function (args)
    T = dtype(args)
    given = integrate_fire(T, args, 0.5)
    return reply(if_constant(elements(T, args, "current"); timesteps = integer(args, "timesteps"), given...), "counts")
end

KERNELS["st_bif.multistep"] = function (args)
    T = dtype(args)
    currents = shaped(elements(T, args, "currents"), integers(Int, args, "shape"))
    threshold, v_init = parameter(T, args, "threshold", 1.0), parameter(T, args, "v_init", 0.5)
    return reply(st_bif_multistep(currents; threshold = threshold, v_init = v_init, tracer(args)...), "tracer")
end

KERNELS["layer.forward"] = function (args)
    T = dtype(args)
    inputs = shaped(elements(T, args, "inputs"), integers(Int, args, "shape"))
    weights = permutedims(shaped(elements(weight_type(T), args, "weights"), reverse(integers(Int, args, "size"))))
    bias = haskey(args, "bias") ? elements(T, args, "bias") : nothing
    neuron = Neuron(unquote(args["kind"]); integrate_fire(T, args, 0.0)..., tracer(args)...)
    return reply(layer_forward(inputs, weights, bias, neuron), "counts")
end

KERNELS["operation.currents"] = function (args)
    T, word = dtype(args), unquote(args["operation"])
    haskey(OPERATIONS, word) || throw(KernelError("operation", "there is no operation \"$word\""))
    operation = make(OPERATIONS[word], name -> haskey(args, name) ? part(T, args, name) : nothing)
    shapes = [integers(Int, args, key) for key in given(args, "shape")]
    signals = [shaped(elements(T, args, "inputs.$(k - 1)"), shape) for (k, shape) in enumerate(shapes)]
    currents = operation_currents(operation, signals...)
    return reply("shape" => reverse(size(currents)), "currents" => currents)
end

"Return what an operation is made of: a weight in textbook form, a bias, or whole numbers."
function part(T, args, name)
    if name == "weight"
        return axes_reversed(shaped(elements(weight_type(T), args, name), integers(Int, args, "weight_shape")))
    end
    name == "bias" && return elements(T, args, name)
    return name == "groups" ? integer(args, name) : Tuple(integers(Int, args, name))
end

KERNELS["network.run"] = function (args)
    run = network_run(
        network(load_checkpoint(unquote(args["checkpoint"]))),
        shaped(floats(Float64, args, "inputs"), integers(Int, args, "shape"));
        timesteps = integer(args, "timesteps"),
        encoding = get(args, "encoding", "current"),
        seed = parse(UInt64, get(args, "seed", "0")),
    )
    counts, membrane = numbered("counts", run.counts), numbered("v", run.membrane)
    settled = run.settled === nothing ? () : ("settled" => run.settled,)
    return reply(counts..., membrane..., "drive" => run.drive, settled...)
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
