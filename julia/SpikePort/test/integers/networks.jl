# Networks of integers, and the bound that is checked before their first step.

"The nodes of `quantised`, of whole numbers in weights of `W` and thresholds θ; with `kind` for all neurons."
function whole_network(::Type{W}, kind; θ = 24) where {W}
    neuron = Neuron(kind; threshold = θ, v_init = 0.5, tracer_max = 7)
    weights(seed, dims...) = W.(whole(seed, dims...; low = -7, high = 7))
    bias(seed, n) = W <: Integer ? whole(seed, n) : W.(whole(seed, n))
    return [
        Node(Conv(weights(1, 3, 2, 3, 3), bias(2, 3); padding = 1), neuron; name = "stem"),
        Node(Conv(weights(3, 3, 1, 3, 3), bias(4, 3); padding = 1, groups = 3), Neuron("identity"); name = "block"),
        Node(SumPool(1), Neuron("identity"); name = "sum"),
        Node(Add(), neuron; name = "join", inputs = ["sum", "stem"]),
        Node(MaxPool(2), Neuron("identity"); name = "max"),
        Node(Concat(), neuron; name = "both", inputs = ["max", "max"]),
        Node(Linear(weights(5, 2, 24), bias(6, 2)), Neuron("identity"); name = "out"),
    ]
end

images(seed, batch) = whole(seed, 4, 4, 2, batch; low = -4, high = 16)

@testset "a network of integers answers what one of exact floats answers" begin
    for W in (Int8, Int16), encoding in ("current", "spikes", "pulse")
        x = encoding == "spikes" ? cat((images(t, 3) for t in 1:9)...; dims = 5) : images(1, 3)
        options = (timesteps = 9, encoding = encoding, record = true)
        run = network_run(whole_network(W, "IF"), x; options...)
        floats = network_run(whole_network(Float64, "IF"), Float64.(x); options...)
        @test run isa RunResult{Int32} && floats isa RunResult{Float64}
        @test run.spikes == floats.spikes && run.counts == floats.counts && run.membrane == floats.membrane
        @test run.drive == floats.drive && run.settled == floats.settled
        @test run.counts[1] isa Array{Int} && run.counts[2] isa Array{Int} && any(!=(0), run.counts[1])
        @test run.spikes[1] isa Array{Int8} && run.spikes[2] isa Array{Int32}
    end
end

@testset "what has settled is the answer of the quantised network, for thresholds that divide nothing" begin
    for θ in (10, 14, 22)
        nodes, x = whole_network(Int8, "ST-BIF"; θ = θ), images(7, 6)
        run = network_run(nodes, x; timesteps = 200, encoding = "pulse")
        @test all(run.settled .> 0)
        @test run.drive == answer(nodes, x)
    end
end

@testset "a bound is that of the node that reaches furthest, for what reaches it at most" begin
    one(w) = Linear(fill(Int16(w), 1, 1))
    passes(operation, neuron = Neuron("identity")) = Node(operation, neuron)
    chain(neurons...) = [passes(one(100), neuron) for neuron in neurons]
    code(nodes, x, steps; encoding = "current") =
        code_of(() -> network_run(nodes, fill(x, 1, 1); timesteps = steps, encoding = encoding))
    graded, single = IDENTITY, Neuron("IF"; threshold = 10)
    several = Neuron("IF"; threshold = 10, max_spikes = 7)
    @test code(chain(graded, graded), MOST ÷ 30_000, 3) === nothing
    @test code(chain(graded, graded), -(MOST ÷ 30_000) - 1, 3) == "overflow"
    @test code(chain(graded, graded), MOST ÷ 30_000 + 1, 3; encoding = "pulse") == "overflow"
    last_reads(neuron, first) = chain(first, graded, graded, graded, neuron)
    most(spikes) = MOST ÷ (spikes * 10^8) # steps of the last identity, which passes on 10^6 a spike; the neuron adds 10^8
    for (first, spikes) in ((single, 1), (several, 7), (Neuron("ST-BIF"; threshold = 10), 1))
        @test code(last_reads(single, first), 1, most(spikes)) === nothing
        @test code(last_reads(single, first), 1, most(spikes) + 1) == "overflow"
    end
    @test code(chain(single), 1, 0) === nothing && code(chain(single), typemin(Int32), 1) == "overflow"
end

@testset "the bound of a max pool and of a sum counts every sample and every step" begin
    nodes = [Node(MaxPool((2,)), IDENTITY), Node(Linear(Int8[1 1]), IDENTITY)]
    function code(most)
        x = zeros(Int32, 4, 1, 5)
        x[4, 1, 5] = most
        return code_of(() -> network_run(nodes, x; input_shape = (1, 4), timesteps = 3))
    end
    @test code(MOST ÷ 6) === nothing && code(-(MOST ÷ 6)) === nothing
    @test code(MOST ÷ 6 + 1) == code(-(MOST ÷ 6) - 1) == "overflow"
end

@testset "what a network of integers cannot have is refused with its code" begin
    W, x, still = fill(Int8(2), 1, 1), ones(1, 1), Neuron("IF"; threshold = 2)
    code(nodes...; x = x, encoding = "current") =
        code_of(() -> network_run(collect(Node, nodes), x; timesteps = 2, encoding = encoding))
    @test code(Layer(W, nothing, still)) === nothing
    @test code(Layer(W, nothing, Neuron("LIF"))) == "neuron"
    @test code(Node(Conv(ones(Int8, 1, 1, 1)), IDENTITY), Node(AvgPool((1,)), IDENTITY); x = ones(1, 1, 1)) == "operation"
    @test code(Layer(W, nothing, still); encoding = "poisson") == "encoding"
    @test code(Layer(W, nothing, still); x = x ./ 2) == "not_whole"
    @test code(Layer(W, nothing, still); x = x .* 2.0^31) == "overflow"
    @test code(Layer(W, nothing, still); x = x .* NaN) == "non_finite"
    @test code(Layer(W, nothing, Neuron("IF"; v_init = 0.5))) == "not_whole"
    @test code(Layer(W, nothing, still), Layer(Int16.(W), nothing, still)) == "dtype"
    @test code(Layer(W, nothing, still), Layer(Float64.(W), nothing, still)) == "dtype"
end
