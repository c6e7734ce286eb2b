# The calls that are timed (conformance/SPEC.md, section 6).

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
    kernel == "network.run" && return let loaded = network(load_checkpoint(unquote(args["checkpoint"])))
        given = grid(n * prod(loaded.input_shape), 3)
        values = loaded isa Network{Int32} ? Int32.(16given) : given
        inputs = reshape(values, reverse(loaded.input_shape)..., n)
        () -> network_run(loaded, inputs; timesteps = 16), run -> sum(last(run.counts))
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
