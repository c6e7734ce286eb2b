# Networks of integers at rest: weights `<i1` or `<i2`, biases `<i4`, written, read and refused.

using SpikePort: npy_bytes

const FOUR = Neuron("IF"; threshold = 4, v_init = 0.5)
chain_of(weights, bias = nothing; neuron = FOUR) = Checkpoint([weights], ["only"]; biases = [bias], neurons = [neuron])
stored(operation, neuron = FOUR; options...) = StoredNode("last", operation; neuron = neuron, options...)

@testset "a chain of integers is version 2, and loads as it was saved" begin
    for W in (Int8, Int16)
        checkpoint = chain_of(W[1 -2 3; -4 5 typemin(W)], Int32[typemax(Int32), -7])
        @test version_of(checkpoint) == 2
        mktempdir() do folder
            path = joinpath(folder, "net")
            save_checkpoint(checkpoint, path)
            loaded = load_checkpoint(path)
            @test checkpoint_bytes(loaded) == checkpoint_bytes(checkpoint)
            @test only(loaded.weights) == only(checkpoint.weights) && eltype(only(loaded.weights)) == W
            @test only(loaded.biases) isa Vector{Int32} && network(loaded) isa Network{Int32}
        end
    end
end

@testset "weights and biases have as many bytes as they need, row by row, the lowest byte first" begin
    parts(array) = (npy = npy_bytes(array); (String(npy[11:26]), npy[129:end]))
    @test parts(Int8[1 -2; 3 4]) == ("{'descr': '<i1',", UInt8[1, 0xfe, 3, 4])
    @test parts(Int16[258 -1]) == ("{'descr': '<i2',", UInt8[2, 1, 0xff, 0xff])
    @test parts(Int32[0x04030201]) == ("{'descr': '<i4',", UInt8[1, 2, 3, 4])
end

@testset "a graph of integers with every operation runs after loading as before" begin
    nodes = whole_network(Int16, "ST-BIF")
    at_rest(node) = StoredNode(node.name, node.operation; neuron = node.neuron, inputs = node.inputs)
    mktempdir() do folder
        path = joinpath(folder, "net")
        save_checkpoint(Checkpoint(at_rest.(nodes), (2, 4, 4)), path)
        run = network_run(network(load_checkpoint(path)), images(1, 2); timesteps = 9)
        expected = network_run(nodes, images(1, 2); timesteps = 9)
        @test run.counts == expected.counts && run.membrane == expected.membrane && run.drive == expected.drive
    end
end

"The code for which a pair is refused in which an archive of these arrays stands beside the sidecar of `checkpoint`."
function refused_arrays(checkpoint, arrays)
    archive = write_archive(arrays)
    mktempdir() do folder
        path = joinpath(folder, "net")
        write(path * ".npz", archive)
        write(path * ".json", write_sidecar(SpikePort.describe(checkpoint, archive)))
        return code_of(() -> load_checkpoint(path))
    end
end

@testset "a file of integers that cannot run is refused with its code" begin
    W, b = Int8[1 2], Int32[3]
    checkpoint, rows = chain_of(W, b), [4.0, 0.5, 0, 0, 1, 0, 31, 1]
    refused(; weight = W, bias = b, neuron = rows) = refused_arrays(
        checkpoint,
        ["layer_0.weight" => weight, "layer_0.bias" => bias, "layer_0.neuron" => reshape(neuron, 8, 1)],
    )
    changed(row, value) = (copied = copy(rows); copied[row] = value; copied)
    @test refused() === nothing
    @test refused(bias = Int32[typemin(Int32)]) === nothing # it is refused when it runs
    @test refused(bias = Int16[3]) == refused(bias = [3.0]) == refused(weight = Int32[1 2]) == "dtype"
    @test refused(weight = [1.0 2.0]) == refused(neuron = Int32.(round.(rows))) == "dtype"
    @test refused(neuron = changed(1, 4.5)) == refused(neuron = changed(1, 3.0)) == "neuron"
    @test refused(neuron = changed(1, 2.0^31)) == refused(neuron = changed(2, 2.0^30)) == "neuron"
    hard(value) = (copied = changed(3, 1.0); copied[4] = value; copied)
    @test refused(neuron = hard(-3.0)) === nothing && refused(neuron = hard(-3.5)) == "neuron"
end

@testset "content that would not load is refused before it is written" begin
    refusal(nodes...; shape = (1, 4)) = code_of(() -> Checkpoint(collect(StoredNode, nodes), shape))
    conv = StoredNode("conv", Conv(ones(Int8, 1, 1, 1)); neuron = FOUR)
    @test refusal(conv, stored(SumPool((2,)), IDENTITY)) === nothing
    @test refusal(conv, stored(AvgPool((2,)), IDENTITY)) == "operation"
    @test refusal(conv, stored(SumPool((2,)), Neuron("LIF"))) == "neuron"
    @test refusal(conv, stored(SumPool((2,)), Neuron("IF"; threshold = 0.5))) == "neuron"
    @test refusal(conv, stored(SumPool((2,)), Neuron("ST-BIF"; threshold = [3], v_init = 0.5))) == "neuron"
    @test refusal(conv, stored(SumPool((2,)), Neuron("identity"; threshold = 0.5))) === nothing
    @test refusal(conv, stored(Conv(ones(Int16, 1, 1, 1)))) == "dtype"
    @test code_of(() -> chain_of(Int8[1 2], [1.0])) == code_of(() -> chain_of([1.0 2.0], Int32[1])) == "dtype"
end

@testset "a label that leaks is refused, one that is no kind loads and does not run" begin
    @test code_of(() -> Checkpoint([Int8[1 2]], ["only"])) == "neuron"
    unknown = Checkpoint([Int8[1 2]], ["only"]; neuron_types = ["Izhikevich"])
    @test code_of(() -> network(unknown)) == "neuron"
    @test network(Checkpoint([Int8[1 2]], ["only"]; neuron_types = ["IF"])) isa Network{Int32}
end
