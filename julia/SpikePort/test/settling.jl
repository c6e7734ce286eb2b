# Several spikes in a step, and pulses that settle on the quantised network.

@testset "several spikes lose nothing, and are QCFS of T·max_spikes levels" begin
    for seed in 1:10, θ in (0.5, 1.0, 1.75), most in (1, 3, 127)
        I = dyadic(seed, 5, 12; high = 96)
        run = if_multistep(I; threshold = θ, max_spikes = most)
        @test vec(sum(I; dims = 2)) == θ .* run.counts .+ run.membrane .- 0.5θ
        @test all(0 .<= run.spikes .<= most)
    end
    x = collect(0:28) ./ 4
    @test if_constant(x; timesteps = 4, max_spikes = 7).counts == 0:28
end

@testset "neurons that can send but one spike a step are refused more" begin
    refused(; given...) = code_of(() -> if_multistep(ones(1, 1); given...))
    @test refused(max_spikes = 0) == refused(max_spikes = 128) == "max_spikes"
    @test refused(max_spikes = 2, v_reset = 0.0) == refused(max_spikes = 2, beta = 0.5) == "max_spikes"
    @test code_of(() -> Neuron("LIF"; max_spikes = 2)) == "max_spikes"
end

"A quantised network on images of two channels: its neurons, and what it answers to `x` (4, 4, 2, batch)."
quantised(levels) = [
    Node(Conv(dyadic(1, 3, 2, 3, 3), dyadic(2, 3); padding = 1), levels; name = "stem"),
    Node(Conv(dyadic(3, 3, 1, 3, 3), dyadic(4, 3); padding = 1, groups = 3), Neuron("identity"); name = "block"),
    Node(Add(), levels; name = "join", inputs = ["block", "stem"]),
    Node(MaxPool(2), Neuron("identity"); name = "max"),
    Node(Linear(dyadic(5, 2, 12), dyadic(6, 2)), Neuron("identity"); name = "out"),
]

function answer(nodes, x)
    signals, before = Dict{String,Array}("input" => x), "input"
    for node in nodes
        reads = isempty(node.inputs) ? [before] : node.inputs
        z = operation_currents(node.operation, (reshape(signals[name], size(signals[name])..., 1) for name in reads)...)
        z = reshape(z, size(z)[1:end-1])
        low, high = node.neuron.tracer_min, node.neuron.tracer_max
        node.neuron.kind == "ST-BIF" && (z = Float64.(clamp.(floor.(z ./ node.neuron.threshold .+ 0.5), low, high)))
        signals[node.name], before = z, node.name
    end
    return signals["out"]
end

@testset "what has settled is the quantised network's answer, at the first step behind which nothing moves" begin
    levels = Neuron("ST-BIF"; threshold = 0.5, v_init = 0.5, tracer_max = 7)
    nodes, x = quantised(levels), dyadic(7, 4, 4, 2, 6)
    run = network_run(nodes, x; timesteps = 64, encoding = "pulse", record = true)
    @test all(run.settled .> 0)
    @test run.drive == answer(nodes, x)
    for (b, s) in enumerate(run.settled)
        of_sample(signal, t) = selectdim(selectdim(signal, ndims(signal), t), ndims(signal) - 1, b)
        moves = [any(any(!=(0), of_sample(signal, t)) for signal in run.spikes) for t in 1:64]
        @test !any(moves[s+1:end]) && all(moves[2:s])
    end
    @test network_run(nodes, x; timesteps = 1, encoding = "pulse").settled == fill(-1, 6)
    @test network_run(nodes, x; timesteps = 4).settled === nothing
end

@testset "a chain is version 2 only where a neuron sends more than one spike a step" begin
    chain(most) = Checkpoint([ones(2, 3)], ["only"]; neurons = [Neuron("IF"; max_spikes = most)])
    @test (SpikePort.version_of(chain(1)), SpikePort.version_of(chain(3))) == (1, 2)
    mktempdir() do folder
        save_checkpoint(chain(3), joinpath(folder, "chain"))
        @test only(load_checkpoint(joinpath(folder, "chain")).neurons).max_spikes == 3
    end
end
