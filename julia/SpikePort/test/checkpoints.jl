using SHA: sha256
using SpikePort: checkpoint_bytes, checkpoint_paths, crc32, read_checkpoint

function example(; T = Float64, options...)
    return Checkpoint(
        [T.(dyadic(1, 4, 3)), T.(dyadic(2, 2, 4))],
        ["hidden", "out \"é\""];
        biases = [nothing, T[0.5, -0.25]],
        neurons = [Neuron("LIF"; beta = [0.5, 0.25, 1.0, 0.0], v_reset = -0.5), Neuron("ST-BIF"; tracer_min = -7)],
        metadata = "{\"rate\": 0.10, \"note\": \"é\"}",
        frozen_layers = ["hidden"],
        options...,
    )
end

same(a, b) = checkpoint_bytes(a) == checkpoint_bytes(b)

@testset "the checksum is ZIP's" begin
    @test crc32(Vector{UInt8}("123456789")) == 0xcbf43926
    @test crc32(UInt8[]) == 0
    @test crc32(fill(0x61, 1000)) == 0x9a38da03
end

@testset "what was saved loads, in both types" begin
    mktempdir() do folder
        for T in (Float32, Float64)
            path = joinpath(folder, "net")
            @test save_checkpoint(example(T = T), path) == path * ".json"
            @test same(load_checkpoint(path), example(T = T))
            @test eltype(load_checkpoint(path * ".npz").weights[1]) == T
            @test sort(readdir(folder)) == ["net.json", "net.npz"]
        end
    end
end

@testset "a layer without stored neurons has the default ones" begin
    loaded = network(Checkpoint([ones(2, 3)], ["only"]))
    @test loaded.nodes[1].neuron == Neuron("LIF")
    @test code_of(() -> network(Checkpoint([ones(2, 3)], ["only"]; neuron_types = ["Izhikevich"]))) == "neuron"
    mixed = Checkpoint(Matrix[ones(2, 3), ones(Float32, 1, 2)], ["a", "b"])
    @test code_of(() -> network(mixed)) == "dtype"
end

@testset "a stored layer may be called input, since a chain reads nothing by name" begin
    loaded = network(Checkpoint([ones(2, 3), ones(1, 2)], ["hidden", "input"]))
    @test network_run(loaded, ones(3, 1); timesteps = 2).counts == [fill(2, 2, 1), fill(2, 1, 1)]
end

@testset "the bytes are those of the contract" begin
    checkpoint = Checkpoint([reshape([1.0, 2.0], 1, 2)], ["a"])
    archive, sidecar = checkpoint_bytes(checkpoint)
    @test length(archive) == 30 + 18 + 128 + 16 + 46 + 18 + 22
    @test String(sidecar) == """
    {
      "archive": {"bytes": 278, "sha256": "$(bytes2hex(sha256(archive)))"},
      "format": "spikeport-checkpoint",
      "frozen_layers": [],
      "layer_names": ["a"],
      "layer_sizes": [[2, 1]],
      "metadata": {},
      "n_layers": 1,
      "neuron_types": ["LIF"],
      "total_params": 2,
      "version": 1
    }
    """
    @test occursin("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }", String(archive[49:176]))
    @test archive[177:192] == reinterpret(UInt8, [1.0, 2.0])
end

@testset "content that would not load is refused before anything is written" begin
    @test code_of(() -> Checkpoint([ones(2, 3), ones(2, 3)], ["a", "b"])) == "layer_chain"
    @test code_of(() -> Checkpoint([ones(2, 3)], ["a", "b"])) == "sidecar_schema"
    @test code_of(() -> Checkpoint([fill(NaN, 2, 3)], ["a"])) == "non_finite"
    @test code_of(() -> Checkpoint([ones(2, 3)], ["a"]; biases = [[1.0]])) == "shape"
    @test code_of(() -> Checkpoint([ones(2, 3)], ["a"]; biases = [Float32[1, 2]])) == "dtype"
    @test code_of(() -> Checkpoint([ones(2, 3)], ["a"]; metadata = "[]")) == "sidecar_schema"
    @test code_of(() -> Checkpoint([ones(2, 3)], ["a"]; metadata = "{")) == "sidecar_schema"
    @test code_of(() -> Checkpoint([ones(2, 3)], ["a"]; metadata = "{\"a\":"^64 * "1" * "}"^64)) == "sidecar_schema"
    @test code_of(() -> Checkpoint([ones(2, 3)], ["a"]; frozen_layers = ["b"])) == "sidecar_schema"
    @test code_of(() -> example(neuron_types = ["IF", "ST-BIF"])) == "neuron"
end

@testset "a damaged or hostile pair is refused with its code" begin
    mktempdir() do folder
        path = joinpath(folder, "net")
        @test code_of(() -> load_checkpoint(path)) == "missing_file"
        save_checkpoint(example(), path)
        archive, sidecar = read(path * ".npz"), read(path * ".json", String)
        restore() = (write(path * ".npz", archive); write(path * ".json", sidecar))
        function with_sidecar(change)
            restore()
            write(path * ".json", replace(sidecar, change))
            return code_of(() -> load_checkpoint(path))
        end

        @test with_sidecar("\"version\": 1" => "\"version\": 3") == "version"
        @test with_sidecar("\"version\": 1" => "\"version\": 2") == "sidecar_schema"
        @test with_sidecar("\"version\": 1" => "\"version\": 1, \"version\": 1") == "sidecar_syntax"
        @test with_sidecar("\"n_layers\": 2" => "\"n_layers\": 2.0") == "sidecar_schema"
        @test with_sidecar("[[3, 4], [4, 2]]" => "[[3, 4], [5, 2]]") == "layer_chain"
        @test with_sidecar("\"bytes\": $(length(archive))" => "\"bytes\": 4000000") == "too_large"
        @test with_sidecar("\"total_params\": 22" => "\"total_params\": 23") == "shape"
        @test with_sidecar("LIF" => "IF") == "neuron"

        restore()
        write(path * ".npz", archive[1:end-1])
        @test code_of(() -> load_checkpoint(path)) == "archive_digest"
        rm(path * ".npz")
        @test code_of(() -> load_checkpoint(path)) == "missing_file"
        symlink(path * ".json", path * ".npz")
        @test code_of(() -> load_checkpoint(path)) == "symlink"
        for impossible in ("", "nul\0", joinpath(folder, "n"^300))
            @test code_of(() -> load_checkpoint(impossible)) == "missing_file"
        end
    end
end

@testset "no byte of an archive can change unseen, or end in anything but a code" begin
    mktempdir() do folder
        path = joinpath(folder, "net")
        save_checkpoint(example(), path)
        archive, sidecar = read(path * ".npz"), read(path * ".json", String)
        digest = bytes2hex(sha256(archive))
        for at in 1:7:length(archive)
            changed = copy(archive)
            changed[at] ⊻= 0x41
            write(path * ".npz", changed)
            write(path * ".json", replace(sidecar, digest => bytes2hex(sha256(changed))))
            @test code_of(() -> load_checkpoint(path)) !== nothing
        end
    end
end

@testset "a save that stopped half-way leaves the old checkpoint or the new one" begin
    mktempdir() do folder
        path, old, new = joinpath(folder, "net"), example(), example(T = Float32)
        archive_path, sidecar_path = checkpoint_paths(path)
        archive, sidecar = checkpoint_bytes(new)
        staged = SpikePort.staged_path(archive_path, bytes2hex(sha256(archive)))
        save_checkpoint(old, path)
        write(staged, archive)
        @test same(load_checkpoint(path), old)
        write(sidecar_path, sidecar)
        @test same(load_checkpoint(path), new)
        rm(archive_path)
        mkdir(archive_path)
        @test same(load_checkpoint(path), new)
        rm(archive_path)
        mv(staged, archive_path)
        @test same(load_checkpoint(path), new)
        write(staged, "what a stopped save left")
        write(joinpath(folder, ".net.json.0123456789abcdef"), "what a stopped save left")
        mine = [".net.npz.0123456789abcdeg", ".net.npz.mine"]
        foreach(name -> write(joinpath(folder, name), "mine"), mine)
        save_checkpoint(old, path)
        @test sort(readdir(folder)) == [mine; "net.json"; "net.npz"]
    end
end

@testset "what a stopped save has left stays when the next one fails" begin
    mktempdir() do folder
        path = joinpath(folder, "net")
        archive_path, sidecar_path = checkpoint_paths(path)
        archive, _ = checkpoint_bytes(example())
        staged = SpikePort.staged_path(archive_path, bytes2hex(sha256(archive)))
        mkdir(sidecar_path)
        @test_throws Base.IOError save_checkpoint(example(), path)
        @test readdir(folder) == ["net.json"]
        write(staged, archive)
        @test_throws Base.IOError save_checkpoint(example(), path)
        @test sort(readdir(folder)) == sort([basename(staged), "net.json"])
    end
end
