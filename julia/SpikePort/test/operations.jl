# The seams of a network: operations of another's own, signals by name, which of them are steady, and their matrices.

using SpikePort: current_at

"I = (0 + a) + b + …, of as many signals as there are; `columns` says how many each call has worked out."
struct Sum <: Operation
    columns::Vector{Int}
    Sum() = new(Int[])
end

function SpikePort.output_shape(::Sum, shapes::AbstractVector)
    all(==(first(shapes)), shapes) || throw(KernelError("shape", "signals of $shapes do not add up"))
    return first(shapes)
end

function SpikePort.currents!(currents, operation::Sum, signals::Vector{Signal})
    push!(operation.columns, size(currents, 2))
    fill!(currents, 0)
    for t in axes(currents, 2), signal in signals
        view(currents, :, t) .+= current_at(signal.values, t)
    end
end

const IF, IDENTITY = Neuron("IF"; v_init = 0.5), Neuron("identity")
linear(seed, n_out, n_in, neuron = IF; options...) =
    Node(Linear(dyadic(seed, n_out, n_in), dyadic(seed + 1, n_out)), neuron; options...)
rates(seed, n, batch) = dyadic(seed, n, batch; low = 0, high = 16)
over_steps(x, steps) = repeat(reshape(x, size(x)..., 1), 1, 1, steps)
forward(node, x) = layer_forward(x, node.weights, node.bias, node.neuron)

@testset "a layer is a node of a linear operation" begin
    W, b = dyadic(1, 2, 3), dyadic(2, 2)
    layer = Layer(W, b, IF)
    @test layer isa Node && layer isa Layer
    @test (layer.weights, layer.bias, layer.neuron) == (W, b, IF)
    @test layer.operation isa Linear{Float64}
    @test SpikePort.OPERATIONS["linear"] == Linear
    @test Linear(Float32.(W), b).bias isa Vector{Float32}
end

@testset "an operation or a node that cannot be is refused" begin
    @test code_of(() -> Linear(ones(3))) == "shape"
    @test code_of(() -> Linear(ones(2, 3, 1))) == "shape"
    @test code_of(() -> Linear(ones(2, 3), ones(3))) == "shape"
    @test code_of(() -> Linear(ones(2, 3), ones(2, 1))) == "shape"
    @test code_of(() -> Linear([1.0 NaN])) == "non_finite"
    @test code_of(() -> Linear(ones(2, 3), [1.0, Inf])) == "non_finite"
    @test code_of(() -> Linear(ones(Float32, 1, 1), [1e300])) == "non_finite"
    @test code_of(() -> Layer(ones(2, 3), [1.0], IF)) == "shape"
    @test code_of(() -> Network([Node(Sum(), IF; name = "input", inputs = ["input"])]; input_shape = (2,))) == "name"
end

@testset "two nodes read one signal, and a third reads both" begin
    for encoding in ("current", "poisson")
        left = linear(1, 4, 3; name = "left", inputs = ["stem"])
        right = linear(3, 4, 3; name = "right", inputs = ["stem"])
        stem, join = linear(5, 3, 2; name = "stem"), Node(Sum(), IF; inputs = ["right", "left"])
        x = rates(7, 2, 5)
        run = network_run([stem, left, right, join], x; timesteps = 6, encoding = encoding, record = true)

        fed = encoding == "current" ? over_steps(x, 6) : encode_poisson(x; timesteps = 6)
        first_spikes = forward(stem, fed).spikes
        sides = (forward(left, first_spikes), forward(right, first_spikes))
        added = Float64.(sides[1].spikes .+ sides[2].spikes)
        last_trace = if_multistep(added; v_init = 0.5)
        @test run.spikes == [first_spikes, sides[1].spikes, sides[2].spikes, last_trace.spikes]
        @test run.counts == [sum(Int, spikes; dims = 3)[:, :, 1] for spikes in run.spikes]
        @test run.membrane[4] == last_trace.membrane
        @test run.drive == sum(added; dims = 3)[:, :, 1]
        @test run.timesteps == 6
    end
end

@testset "a node reads past the one before it, and the input by its name" begin
    skip, hidden = Node(Sum(), IF; inputs = ["input", "hidden"]), linear(1, 3, 3; name = "hidden")
    x = rates(2, 3, 4)
    run = network_run([hidden, linear(8, 5, 3), skip], x; timesteps = 9, record = true)
    spikes = forward(hidden, over_steps(x, 9)).spikes
    @test run.spikes[3] == if_multistep(over_steps(x, 9) .+ spikes; v_init = 0.5).spikes
end

@testset "signals are handed over in the order in which a node names them" begin
    tenth(k, name) = Node(Linear(fill(k / 10, 1, 1)), IDENTITY; name = name, inputs = ["input"])
    drive(inputs...) = begin
        nodes = [tenth(1, "a"), tenth(2, "b"), tenth(3, "c"), Node(Sum(), IDENTITY; inputs = collect(inputs))]
        only(network_run(nodes, ones(1, 1); timesteps = 1).drive)
    end
    @test drive("a", "b", "c") == (0.1 + 0.2) + 0.3
    @test drive("c", "b", "a") == (0.3 + 0.2) + 0.1 != (0.1 + 0.2) + 0.3
end

@testset "what reads only steady signals, and has no neurons, is steady: its currents are worked out once" begin
    columns(nodes; encoding) = begin
        network_run(nodes, rates(1, 2, 1); timesteps = 7, encoding = encoding)
        [only(node.operation.columns) for node in nodes]
    end
    sums(neurons...) = [Node(Sum(), neuron) for neuron in neurons]
    @test columns(sums(IDENTITY, IDENTITY, IF, IDENTITY); encoding = "current") == [1, 1, 1, 7]
    @test columns(sums(IDENTITY, IF); encoding = "poisson") == [7, 7]
    joined = [
        Node(Sum(), IDENTITY; name = "still"),
        Node(Sum(), IF; name = "moving"),
        Node(Sum(), IDENTITY; inputs = ["still", "moving"]),
        Node(Sum(), IDENTITY; inputs = ["still", "input"]),
    ]
    @test columns(joined; encoding = "current") == [1, 1, 7, 1]
end

@testset "a steady signal without neurons counts and drives as one that is given at every step" begin
    nodes = [linear(1, 3, 2, IDENTITY), linear(3, 3, 3, IDENTITY)]
    x = 0.1 .* rates(5, 2, 3)
    still = network_run(nodes, x; timesteps = 5, record = true)
    given = network_run(nodes, over_steps(x, 5); timesteps = 5, encoding = "spikes", record = true)
    @test still.counts == given.counts && still.drive == given.drive && still.spikes == given.spikes
end

@testset "a signal is forgotten after its last reader, and its matrix serves again" begin
    chain = [linear(k, 4, 4) for k in 1:20]
    different(matrices) = length(Set(objectid(matrix) for matrix in matrices))
    function matrices(nodes)
        network = Network(nodes; input_shape = (4,))
        input = SpikePort.input_signal(rates(1, 4, 1), (4,), 3, "poisson")
        parts = SpikePort.lay_out(network, input, 1, 3, false)
        return different(part.currents for part in parts), different(part.signal.values for part in parts)
    end
    @test matrices(chain) == (1, 2)
    keeps = [linear(1, 4, 4; name = "kept"); chain; Node(Sum(), IF; inputs = ["kept", "input"])]
    @test matrices(keeps) == (1, 3)
    x = rates(9, 4, 2)
    run = network_run(keeps, x; timesteps = 5, record = true)
    kept = forward(keeps[1], over_steps(x, 5)).spikes
    @test run.spikes[end] == if_multistep(kept .+ over_steps(x, 5); v_init = 0.5).spikes
end

@testset "a network that cannot be is refused with its code" begin
    x, node = rates(1, 2, 1), linear(1, 2, 2; name = "a")
    refusal(nodes...) = code_of(() -> network_run(collect(Node, nodes), x; timesteps = 2))
    @test refusal(node) === nothing
    @test refusal() == "shape"
    @test refusal(node, linear(1, 2, 3)) == "shape"
    @test refusal(linear(1, 2, 3)) == "shape"
    @test refusal(node, linear(1, 2, 2; inputs = ["a", "input"])) == "shape"
    @test refusal(node, linear(1, 3, 2), Node(Sum(), IF; inputs = ["a", "b"])) == "inputs"
    @test refusal(linear(1, 2, 2; inputs = ["a"]), node) == "inputs"
    @test refusal(linear(1, 2, 2; name = "a", inputs = ["a"])) == "inputs"
    @test refusal(node, linear(3, 2, 2; name = "a", inputs = ["a"])) == "name"
    @test refusal(node, node) == "name"
    @test refusal(node, Layer(ones(Float32, 2, 2), nothing, IF)) == "dtype"
end
