# While Julia precompiles the package, a small network is run, written and read, so that what this compiles is kept and a
# first use waits less. Julia 1.9 and later keep machine code, those before what was inferred.

function workload(folder)
    for T in (Float32, Float64)
        weights = [T[0.5 -0.25 0.75; 0.25 0.5 -0.5], T[1.0 -0.5; -0.25 0.75]]
        neurons = [Neuron("IF"; v_init = 0.5), Neuron("IF"; v_init = 0.5)]
        path = joinpath(folder, string(T))
        save_checkpoint(Checkpoint(weights, ["hidden", "output"]; neurons = neurons), path)
        loaded = network(load_checkpoint(path))
        for encoding in ("current", "poisson")
            network_run(loaded, fill(T(0.5), 3, 2); timesteps = 2, encoding = encoding)
        end
        if_multistep(fill(T(0.5), 2, 3))
    end
end

ccall(:jl_generating_output, Cint, ()) == 1 && mktempdir(workload)
