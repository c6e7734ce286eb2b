# Networks with images, branches and joins: every node keeps its books, and any neuron stands behind any operation.

"An IF neuron under soft reset, of dyadic threshold and start."
soft(threshold, v_init) = Neuron("IF"; threshold = threshold, v_init = v_init)

"A residual block on images of two channels, and its last layer."
residual(neuron) = [
    Node(Conv(dyadic(1, 4, 2, 3, 3), dyadic(2, 4); padding = 1), neuron; name = "conv1"),
    Node(SumPool(2), Neuron("identity"); name = "pool"),
    Node(Conv(dyadic(3, 4, 2, 3, 3); padding = 1, groups = 2), neuron; name = "conv2"),
    Node(Conv(dyadic(5, 4, 4, 1, 1), dyadic(6, 4)), Neuron("identity"); name = "skip", inputs = ["pool"]),
    Node(Add(), neuron; name = "join", inputs = ["conv2", "skip"]),
    Node(Concat(), neuron; name = "both", inputs = ["join", "pool"]),
    Node(MaxPool(2), Neuron("identity"); name = "max"),
    Node(Linear(dyadic(7, 3, 8)), Neuron("IF"); name = "out"),
]

images(seed, batch...) = dyadic(seed, 4, 4, 2, batch...; low = 0, high = 16)

"What each node received at every step, by its operation on the signals that were recorded."
function currents_of(nodes, spikes, x)
    signals = Dict{String,Array}(node.name => signal for (node, signal) in zip(nodes, spikes))
    signals["input"] = x
    before = ["input"; [node.name for node in nodes]]
    reads(k) = isempty(nodes[k].inputs) ? before[k:k] : nodes[k].inputs
    return [operation_currents(nodes[k].operation, (signals[name] for name in reads(k))...) for k in eachindex(nodes)]
end

@testset "every node keeps its books: what it received is θ·count + v_end - v_start" begin
    θ, v0 = [0.5, 1.0, 1.75, 2.0], 0.25
    nodes, x = residual(soft(θ, v0))[1:5], images(1, 3)
    run = network_run(nodes, x; timesteps = 8, record = true)
    for (k, currents) in enumerate(currents_of(nodes, run.spikes, repeat(x, 1, 1, 1, 1, 8)))
        received, channel = sum(currents; dims = 5)[:, :, :, :, 1], reshape(θ, 1, 1, 4, 1)
        kept = channel .* run.counts[k] .+ run.membrane[k] .- v0 .* channel
        @test received == (nodes[k].neuron.kind == "identity" ? run.counts[k] : kept)
        k == length(nodes) && @test received == run.drive
    end
end

"What neurons make of currents."
function fired(neuron, currents)
    neuron.kind == "identity" && return currents
    neuron.kind == "ST-BIF" && return st_bif_multistep(currents; tracer_min = neuron.tracer_min).spikes
    return if_multistep(currents; v_init = 0.0, beta = neuron.beta, v_reset = neuron.v_reset).spikes
end

@testset "a network is its operations and neurons, one node after the other, whatever the neurons" begin
    bipolar = Neuron("ST-BIF"; tracer_min = -3, v_init = 0.5)
    for neuron in (Neuron("LIF"; beta = 0.5), bipolar, Neuron("IF"; v_reset = 0.0))
        nodes, x = residual(neuron), images(2, 2, 6)
        run = network_run(nodes, x; timesteps = 6, encoding = "spikes", record = true)
        @test run.spikes == [fired(node.neuron, I) for (node, I) in zip(nodes, currents_of(nodes, run.spikes, x))]
    end
end

@testset "a sample's answer does not depend on its place in a batch" begin
    nodes, x = residual(soft(1.0, 0.5)), images(3, 4)
    together = network_run(nodes, x; timesteps = 5, encoding = "poisson", seed = 2)
    for b in 1:4
        alone = network_run(nodes, x[:, :, :, b:b]; timesteps = 5, encoding = "poisson", seed = 2)
        @test alone.drive == together.drive[:, b:b]
        @test all(one == many[:, :, :, b:b] for (one, many) in zip(alone.counts[1:7], together.counts[1:7]))
    end
end

@testset "a steady image is convolved once, but a max pool of it moves" begin
    nodes = [Node(AvgPool(2), Neuron("identity")), Node(MaxPool(2), Neuron("identity"))]
    network = Network(nodes; input_shape = (2, 4, 4))
    x = images(4, 1)
    parts = SpikePort.lay_out(network, SpikePort.input_signal(reshape(x, 32, 1), (2, 4, 4), 6, "current"), 1, 6, false)
    @test [size(part.currents, 2) for part in parts] == [1, 6]
    run = network_run(network, x; timesteps = 6)
    means = operation_currents(AvgPool(2), reshape(x, 4, 4, 2, 1, 1))
    @test run.counts[2] == 6 .* maximum(means; dims = (1, 2))[:, :, :, :, 1]
end

@testset "a parameter has one number, or one for each channel" begin
    node(θ) = Node(Conv(ones(2, 1, 1, 1)), Neuron("IF"; threshold = θ, v_init = 0.5))
    x = fill(0.75, 2, 2, 1, 1)
    counts = network_run([node([1.0, 2.0])], x; timesteps = 8).counts[1]
    @test counts[:, :, :, 1] == cat(fill(6, 2, 2), fill(3, 2, 2); dims = 3)
    @test code_of(() -> network_run([node(ones(4))], x; timesteps = 1)) == "shape"
end

@testset "inputs have the shape that the network takes" begin
    network = Network(residual(Neuron("IF")); input_shape = (2, 4, 4))
    @test network.shapes[[1, 2, 6, 7, 8]] == [(4, 4, 4), (4, 2, 2), (8, 2, 2), (8, 1, 1), (3,)]
    @test code_of(() -> network_run(network, ones(32, 1); timesteps = 1)) == "shape"
    @test code_of(() -> network_run(network, ones(4, 4, 2); timesteps = 1)) == "shape"
    @test code_of(() -> network_run(network, ones(4, 4, 2, 1, 3); timesteps = 2, encoding = "spikes")) == "shape"
    @test code_of(() -> Network(residual(Neuron("IF")))) == "shape"
    @test code_of(() -> Network(residual(Neuron("IF")); input_shape = (2, 4, 0))) == "shape"
    @test code_of(() -> Network(residual(Neuron("IF")); input_shape = (2, 4))) == "shape"
end
