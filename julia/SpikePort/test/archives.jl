# The archive's reader by itself: members that no layer has, and which of two faults is named.

using SpikePort: Member, NodeEntry, Sidecar, expected_members, largest_archive, layers_of, read_archive, write_archive

read_all(arrays, expected) = collect(read_archive(write_archive(arrays), expected, "net.npz"))

"The members of a chain of linear layers of these (in, out) sizes."
function chain(sizes...)
    entry(n_in, n_out) = NodeEntry("a$n_out", "IF", "linear", [], (n_out,), [], [(n_out, n_in), (n_out,)])
    nodes = [entry(n_in, n_out) for (n_in, n_out) in sizes]
    return expected_members(Sidecar(1, (first(sizes)[1],), nodes, [], 1, 0, "", "{}"))
end

"Members of other names, shapes and types than a layer's."
const OTHERS = [
    Member("kernel", [(2, 3), (1, 3)], [Float32], true),
    Member("scale", [(2,)], [Float32, Float64], false),
    Member("offset", [(4,)], [Float64], false),
]

@testset "the reader gives what its list says, and nothing for what is not there" begin
    kernel, offset = Float32[1 2 3; 4 5 6], [1.0, 2.0, 3.0, 4.0]
    @test read_all(["kernel" => kernel, "offset" => offset], OTHERS) == [kernel, nothing, offset]
    @test read_all(["kernel" => kernel[1:1, :]], OTHERS) == [kernel[1:1, :], nothing, nothing]
    @test read_all(Pair{String,Vector{Float64}}[], OTHERS[2:3]) == [nothing, nothing]
end

@testset "the reader refuses what its list does not hold" begin
    kernel = "kernel" => ones(Float32, 2, 3)
    @test code_of(() -> read_all([kernel, "layer_0.weight" => ones(2, 3)], OTHERS)) == "unexpected_entry"
    @test code_of(() -> read_all(["scale" => [1.0, 2.0]], OTHERS)) == "missing_entry"
    @test code_of(() -> read_all([kernel, kernel], OTHERS)) == "duplicate_entry"
    @test code_of(() -> read_all(["scale" => [1.0, 2.0], kernel], OTHERS)) == "archive_syntax"
    @test code_of(() -> read_all(["kernel" => ones(2, 3)], OTHERS)) == "dtype"
    @test code_of(() -> read_all(["kernel" => ones(Float32, 3, 2)], OTHERS)) == "shape"
    @test code_of(() -> read_all([kernel, "scale" => [1.0, Inf]], OTHERS)) == "non_finite"
end

@testset "of two faults, the one that is looked for first is named" begin
    kernel = "kernel" => ones(Float32, 2, 3)
    unknown, bad = "other" => [1.0], "scale" => [NaN, 1.0]
    @test code_of(() -> read_all([kernel, kernel, unknown], OTHERS)) == "duplicate_entry"
    @test code_of(() -> read_all([unknown, kernel, kernel], OTHERS)) == "unexpected_entry"
    @test code_of(() -> read_all([unknown], OTHERS)) == "unexpected_entry"
    @test code_of(() -> read_all([bad, kernel], OTHERS)) == "archive_syntax"
    @test code_of(() -> read_all([kernel, bad, "offset" => [1.0]], OTHERS)) == "non_finite"
end

@testset "a layer's types are compared before the next layer is looked at" begin
    expected = chain((3, 2), (2, 1))
    weight, nan = "layer_0.weight" => ones(2, 3), "layer_1.weight" => fill(NaN, 1, 2)
    read_layers(arrays...; options...) =
        layers_of(read_archive(write_archive(collect(arrays)), expected, "net.npz"), expected, "net.npz"; options...)
    @test code_of(() -> read_layers(weight, "layer_0.bias" => ones(Float32, 2), nan)) == "dtype"
    @test code_of(() -> read_layers(weight, "layer_0.neuron" => ones(Float32, 7, 1), nan)) == "dtype"
    @test code_of(() -> read_layers(weight, "layer_0.neuron" => fill(NaN32, 7, 1), nan)) == "non_finite"
    @test code_of(() -> read_layers(weight, nan)) == "non_finite"
    single = "layer_1.weight" => ones(Float32, 1, 2)
    @test code_of(() -> read_layers(weight, single; one_type = true)) == "dtype"
    @test code_of(() -> read_layers(weight, single)) === nothing
    layers = read_layers(weight, "layer_1.weight" => ones(1, 2), "layer_1.bias" => [0.5])
    @test [layer.bias for layer in layers] == [nothing, [0.5]]
end

@testset "an archive is at most as long as its members allow, and no size overflows the sum" begin
    @test largest_archive(OTHERS) == 22 + 3 * 268 + 4 * 6 + 8 * 2 + 8 * 4
    @test largest_archive(chain((3, 2))) == 22 + 804 + 8 * (6 + 8 * 2)
    widest = Int128(2)^31 - 1
    @test largest_archive(chain((2^31 - 1, 2^31 - 1))) == 22 + 804 + 8 * (widest^2 + 8 * widest)
end
