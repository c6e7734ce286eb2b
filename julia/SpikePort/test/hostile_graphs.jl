# Files that say they are checkpoints of version 2, and are not: each is refused with its code.

using SHA: sha256
using SpikePort: NodeEntry, Sidecar, checkpoint_bytes, neuron_from_rows, read_sidecar, write_sidecar

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
            ("\"input_shape\": [1, 4, 4]" => "\"input_shape\": [2147483647, 2147483647]") => "sidecar_schema",
            ("\"nodes\": [" => "\"nodes\": [7, ") => "sidecar_schema",
            ("\"version\": 2" => "\"version\": 1") => "sidecar_schema",
            ("\"total_params\": 99" => "\"total_params\": 98") => "shape",
            ("\"neuron\": \"identity\", \"operation\": \"c" => "\"neuron\": \"IF\", \"operation\": \"c") => nothing,
            ("\"neuron\": \"ST-BIF\"" => "\"neuron\": \"Izhikevich\"") => "neuron",
        ]
            @test (change, refused(folder, text -> replace(text, change))) == (change, code)
        end
    end
end

@testset "a chain that says it is version 2 is refused unless a neuron sends several spikes" begin
    node(name) = NodeEntry("a", "IF", "linear", [name], (1,), [], [])
    sidecar(name) = read_sidecar(write_sidecar(Sidecar(2, (1,), [node(name)], [], 1, 0, "0"^64, "{}")), "net.json")
    @test code_of(() -> sidecar("a")) == "layer_chain"
    checked(most) = code_of() do
        neurons = [Neuron("IF"; max_spikes = most)]
        SpikePort.check_version(sidecar("input"), Checkpoint([ones(1, 1)], ["a"]; neurons = neurons))
    end
    @test (checked(1), checked(2)) == ("version", nothing)
end

@testset "a row of spikes that no neuron sends is refused" begin
    rows(most...) = [1.0, 0, 0, 0, 1, 0, 31, 0] .* ones(1, length(most)) .+ [zeros(7, length(most)); [most...]']
    @test neuron_from_rows("IF", rows(3)) == Neuron("IF"; max_spikes = 3)
    for wrong in ((0,), (128,), (2.5,), (2, 3))
        @test code_of(() -> neuron_from_rows("IF", rows(wrong...))) == "neuron"
    end
    @test code_of(() -> neuron_from_rows("LIF", rows(2))) == "neuron"
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

@testset "a node that reads a hundred thousand signals is read as any other" begin
    many = "\"inputs\": [" * join(fill("\"skip\"", 100_000), ", ") * "]"
    mktempdir() do folder
        @test refused(folder, text -> replace(text, "\"inputs\": [\"skip\", \"pool\"]" => many)) === nothing
        other = replace(many, "\"skip\"]" => "\"conv\"]")
        @test refused(folder, text -> replace(text, "\"inputs\": [\"skip\", \"pool\"]" => other)) == "layer_chain"
    end
end
