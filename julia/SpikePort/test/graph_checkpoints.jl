# Checkpoints of version 2: what version 1 cannot hold.

using SHA: sha256
using SpikePort: checkpoint_bytes, version_of

"A residual network on images of one channel, every part of a file in it."
function branched(; T = Float64, options...)
    return Checkpoint(
        [
            StoredNode("conv", Conv(T.(dyadic(1, 4, 1, 3, 3)), T.(dyadic(2, 4)); padding = 1); neuron = channels(4)),
            StoredNode("pool", MaxPool(2); neuron_type = "identity"),
            StoredNode("skip", Conv(T.(dyadic(3, 4, 2, 1, 1)); groups = 2); neuron = IDENTITY, inputs = ["pool"]),
            StoredNode("join", Add(); neuron = Neuron("ST-BIF"; tracer_min = -2), inputs = ["skip", "pool"]),
            StoredNode("out \"é\"", Linear(T.(dyadic(4, 3, 16)), T.(dyadic(5, 3)))),
        ],
        (1, 4, 4);
        metadata = "{\"rate\": 0.10}",
        frozen_layers = ["pool", "conv"],
        options...,
    )
end

channels(n) = Neuron("IF"; threshold = collect(1:n) ./ 4, v_init = 0.5)

"The nodes of `branched` as they stand in its sidecar, each on a line."
const NODES = [
    "{\"dilation\": [1, 1], \"groups\": 1, \"inputs\": [\"input\"], \"kernel\": [3, 3], \"name\": \"conv\", " *
    "\"neuron\": \"IF\", \"operation\": \"conv\", \"padding\": [1, 1], \"shape\": [4, 4, 4], \"stride\": [1, 1]}",
    "{\"inputs\": [\"conv\"], \"kernel\": [2, 2], \"name\": \"pool\", \"neuron\": \"identity\", " *
    "\"operation\": \"max_pool\", \"padding\": [0, 0], \"shape\": [4, 2, 2], \"stride\": [2, 2]}",
    "{\"dilation\": [1, 1], \"groups\": 2, \"inputs\": [\"pool\"], \"kernel\": [1, 1], \"name\": \"skip\", " *
    "\"neuron\": \"identity\", \"operation\": \"conv\", \"padding\": [0, 0], \"shape\": [4, 2, 2], \"stride\": [1, 1]}",
    "{\"inputs\": [\"skip\", \"pool\"], \"name\": \"join\", \"neuron\": \"ST-BIF\", \"operation\": \"add\", " *
    "\"shape\": [4, 2, 2]}",
    "{\"inputs\": [\"join\"], \"name\": \"out \\\"é\\\"\", \"neuron\": \"LIF\", " *
    "\"operation\": \"linear\", \"shape\": [3]}",
]

@testset "a graph is written as the contract has it, and loads again" begin
    for T in (Float32, Float64)
        checkpoint = branched(T = T)
        archive, sidecar = checkpoint_bytes(checkpoint)
        @test version_of(checkpoint) == 2
        @test String(copy(sidecar)) == """
        {
          "archive": {"bytes": $(length(archive)), "sha256": "$(bytes2hex(sha256(archive)))"},
          "format": "spikeport-checkpoint",
          "frozen_layers": ["conv", "pool"],
          "input_shape": [1, 4, 4],
          "metadata": {"rate": 0.10},
          "nodes": [
            $(join(NODES, ",\n    "))
          ],
          "total_params": 99,
          "version": 2
        }
        """
        mktempdir() do folder
            path = joinpath(folder, "net")
            save_checkpoint(checkpoint, path)
            loaded = load_checkpoint(path)
            @test checkpoint_bytes(loaded) == (archive, sidecar)
            x = T.(dyadic(6, 4, 4, 1, 2; low = 0, high = 16))
            runs = [network_run(network(one), x; timesteps = 6) for one in (checkpoint, loaded)]
            @test runs[1].counts == runs[2].counts && runs[1].drive == runs[2].drive
            @test eltype(runs[2].drive) == T
        end
    end
end

@testset "the lists of a graph have nothing where an operation has no array" begin
    checkpoint = branched()
    @test checkpoint.layer_names[2:3] == ["pool", "skip"] && checkpoint.neuron_types[4:5] == ["ST-BIF", "LIF"]
    @test checkpoint.weights[[2, 4]] == [nothing, nothing] && checkpoint.biases[3] === nothing
    @test layer_sizes(checkpoint) == [(16, 64), (64, 16), (16, 16), (32, 16), (16, 3)]
    @test network(checkpoint).shapes == [(4, 4, 4), (4, 2, 2), (4, 2, 2), (4, 2, 2), (3,)]
end

@testset "a chain of linear layers is version 1, in whatever words it is said" begin
    W = ones(2, 3), ones(1, 2)
    plain = Checkpoint(collect(W), ["a", "b"])
    nodes = [StoredNode("a", Linear(W[1]); inputs = ["input"]), StoredNode("b", Linear(W[2]); inputs = ["a"])]
    @test checkpoint_bytes(plain) == checkpoint_bytes(Checkpoint(nodes, (3,)))
    @test version_of(Checkpoint([StoredNode("a", Linear(ones(2, 4)))], (1, 4))) == 2
    skipping = [StoredNode("a", Linear(ones(3, 3))), StoredNode("b", Linear(ones(1, 3)); inputs = ["input"])]
    @test version_of(Checkpoint(skipping, (3,))) == 2
end

@testset "a graph that would not load is refused before anything is written" begin
    node(operation; options...) = StoredNode("a", operation; options...)
    refusal(nodes...; shape = (4,)) = code_of(() -> Checkpoint(collect(StoredNode, nodes), shape))
    W = Linear(ones(4, 4))
    @test refusal(node(W), StoredNode("b", Add(); inputs = ["a", "c"])) == "layer_chain"
    @test refusal(node(MaxPool(2))) == "layer_chain"
    @test refusal(node(W), node(Add(); inputs = ["a", "input"])) == "sidecar_schema"
    @test refusal(node(W), StoredNode("input", Add(); inputs = ["a", "input"])) == "sidecar_schema"
    @test refusal(node(W; inputs = ["input"]), StoredNode("", Add(); inputs = ["a", "a"])) == "sidecar_schema"
    @test refusal(node(Add(); inputs = ["input", "input"])) == "sidecar_schema"
    @test refusal(node(W); shape = (4, 0)) == "layer_chain"
    @test refusal(node(W), StoredNode("b", Linear(ones(Float32, 4, 4)); inputs = ["input"])) == "dtype"
    @test refusal(node(Conv(ones(2, 1, 1)); neuron = channels(4)); shape = (1, 4)) == "shape"
    mislabelled = StoredNode("b", Conv(ones(2, 1, 1)); neuron = channels(2), neuron_type = "LIF")
    @test refusal(mislabelled; shape = (1, 4)) == "neuron"
end
