# Checkpoints of version 2: what version 1 cannot hold, and hostile files that say they are such.

using SHA: sha256
using SpikePort: checkpoint_bytes, version_of

"A residual network on images of one channel, every part of a file in it."
function branched(; T = Float64, options...)
    return Checkpoint(
        [
            StoredNode("conv", Conv(T.(dyadic(1, 4, 1, 3, 3)), T.(dyadic(2, 4)); padding = 1); neuron = channels(4)),
            StoredNode("pool", MaxPool(2); neuron_type = "identity"),
            StoredNode("skip", Conv(T.(dyadic(3, 4, 2, 1, 1)); groups = 2); neuron = Neuron("identity"), inputs = ["pool"]),
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
            {"dilation": [1, 1], "groups": 1, "inputs": ["input"], "kernel": [3, 3], "name": "conv", "neuron": "IF", "operation": "conv", "padding": [1, 1], "shape": [4, 4, 4], "stride": [1, 1]},
            {"inputs": ["conv"], "kernel": [2, 2], "name": "pool", "neuron": "identity", "operation": "max_pool", "padding": [0, 0], "shape": [4, 2, 2], "stride": [2, 2]},
            {"dilation": [1, 1], "groups": 2, "inputs": ["pool"], "kernel": [1, 1], "name": "skip", "neuron": "identity", "operation": "conv", "padding": [0, 0], "shape": [4, 2, 2], "stride": [1, 1]},
            {"inputs": ["skip", "pool"], "name": "join", "neuron": "ST-BIF", "operation": "add", "shape": [4, 2, 2]},
            {"inputs": ["join"], "name": "out \\"é\\"", "neuron": "LIF", "operation": "linear", "shape": [3]}
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
    named = Checkpoint([StoredNode("a", Linear(W[1]); inputs = ["input"]), StoredNode("b", Linear(W[2]); inputs = ["a"])], (3,))
    @test checkpoint_bytes(plain) == checkpoint_bytes(named)
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
    @test refusal(StoredNode("b", Conv(ones(2, 1, 1)); neuron = channels(2), neuron_type = "LIF"); shape = (1, 4)) == "neuron"
end

"The code for which a pair is refused whose files were changed."
function refused(folder, change_sidecar, change_archive = identity)
    path = joinpath(folder, "net")
    archive, sidecar = checkpoint_bytes(branched())
    changed = change_archive(archive)
    text = replace(String(sidecar), bytes2hex(sha256(archive)) => bytes2hex(sha256(changed)))
    write(path * ".npz", changed)
    write(path * ".json", change_sidecar(text))
    return code_of(() -> load_checkpoint(path))
end

@testset "a hostile graph is refused with its code" begin
    mktempdir() do folder
        @test refused(folder, identity) === nothing
        for (change, code) in [
            ("\"operation\": \"add\"" => "\"operation\": \"lstm\"") => "sidecar_schema",
            ("\"operation\": \"add\"" => "\"operation\": 7") => "sidecar_schema",
            ("\"operation\": \"add\"" => "\"operation\": \"linear\"") => "layer_chain",
            ("\"operation\": \"add\"" => "\"operation\": \"max_pool\"") => "sidecar_schema",
            ("\"groups\": 2" => "\"groups\": 3") => "layer_chain",
            ("\"groups\": 2" => "\"groups\": 0") => "sidecar_schema",
            ("\"groups\": 2" => "\"groups\": 2.0") => "sidecar_schema",
            ("\"groups\": 2, " => "") => "sidecar_schema",
            ("\"kernel\": [3, 3]" => "\"kernel\": [3]") => "sidecar_schema",
            ("\"kernel\": [3, 3]" => "\"kernel\": [5, 3]") => "layer_chain",
            ("\"kernel\": [3, 3]" => "\"kernel\": [65536, 3]") => "sidecar_schema",
            ("\"kernel\": [3, 3]" => "\"kernel\": [65535, 65535]") => "layer_chain",
            ("\"kernel\": [3, 3]" => "\"kernel\": 3") => "sidecar_schema",
            ("\"max_pool\", \"padding\": [0, 0]" => "\"max_pool\", \"padding\": [2, 2]") => "layer_chain",
            ("\"inputs\": [\"skip\", \"pool\"]" => "\"inputs\": [\"skip\", \"out \\\"é\\\"\"]") => "layer_chain",
            ("\"inputs\": [\"skip\", \"pool\"]" => "\"inputs\": [\"skip\", \"conv\"]") => "layer_chain",
            ("\"inputs\": [\"skip\", \"pool\"]" => "\"inputs\": [\"skip\"]") => "layer_chain",
            ("\"inputs\": [\"skip\", \"pool\"]" => "\"inputs\": []") => "sidecar_schema",
            ("\"inputs\": [\"skip\", \"pool\"]" => "\"inputs\": \"pool\"") => "sidecar_schema",
            ("\"name\": \"join\"" => "\"name\": \"skip\"") => "sidecar_schema",
            ("\"name\": \"join\"" => "\"name\": \"input\"") => "sidecar_schema",
            ("\"name\": \"join\"" => "\"name\": \"\"") => "sidecar_schema",
            ("\"shape\": [3]" => "\"shape\": [3, 1]") => "layer_chain",
            ("\"shape\": [3]" => "\"shape\": [4]") => "shape",
            ("\"shape\": [3]" => "\"shape\": [0]") => "sidecar_schema",
            ("\"shape\": [3]" => "\"shape\": [65536, 65536]") => "sidecar_schema",
            ("\"shape\": [3]" => "\"shape\": [2147483647]") => "too_large",
            ("\"input_shape\": [1, 4, 4]" => "\"input_shape\": [1, 4, 5]") => "layer_chain",
            ("\"input_shape\": [1, 4, 4]" => "\"input_shape\": [1, 1, 4, 4]") => "sidecar_schema",
            ("\"input_shape\": [1, 4, 4]" => "\"input_shape\": [9223372036854775807, 9223372036854775807, 4]") => "sidecar_schema",
            ("\"nodes\": [" => "\"nodes\": [7, ") => "sidecar_schema",
            ("\"version\": 2" => "\"version\": 1") => "sidecar_schema",
            ("\"total_params\": 99" => "\"total_params\": 98") => "shape",
            ("\"neuron\": \"identity\", \"operation\": \"conv\"" => "\"neuron\": \"IF\", \"operation\": \"conv\"") => nothing,
            ("\"neuron\": \"ST-BIF\"" => "\"neuron\": \"Izhikevich\"") => "neuron",
        ]
            @test (change, refused(folder, text -> replace(text, change))) == (change, code)
        end
    end
end

@testset "a chain that says it is version 2 is refused, and so is a neuron of two spikes" begin
    sidecar(name) = SpikePort.write_sidecar(
        SpikePort.Sidecar(2, (1,), [SpikePort.NodeEntry("a", "IF", "linear", [name], (1,), [], [])], [], 1, 0, "0"^64, "{}"),
    )
    @test code_of(() -> SpikePort.read_sidecar(sidecar("input"), "net.json")) == "version"
    @test code_of(() -> SpikePort.read_sidecar(sidecar("a"), "net.json")) == "layer_chain"
    row = reshape([1.0, 0, 0, 0, 1, 0, 31, 2], 8, 1)
    @test code_of(() -> SpikePort.neuron_from_rows("IF", row)) == "neuron"
    row[8] = 1
    @test SpikePort.neuron_from_rows("IF", row) == Neuron("IF")
    @test code_of(() -> SpikePort.neuron_from_rows("IF", row[1:7, :])) === nothing
end

@testset "no byte of a graph's sidecar can change into anything but a code or the same network" begin
    mktempdir() do folder
        _, sidecar = checkpoint_bytes(branched())
        codes = map(1:11:length(sidecar)) do at
            refused(folder, text -> (bytes = Vector{UInt8}(text); bytes[at] ⊻= 0x15; String(bytes)))
        end
        @test all(code -> code === nothing || code isa String, codes)
    end
end
