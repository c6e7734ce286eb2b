# Operations of integers: the currents of exact floats, in any order of summation, and their bounds.

using SpikePort: current_bound

"The operation with weights of `W` instead of floats."
function of_integers(::Type{W}, conv::Conv) where {W}
    window = conv.window
    geometry = (stride = window.stride, padding = window.padding, dilation = window.dilation, groups = conv.groups)
    return Conv(W.(conv.weights), conv.bias === nothing ? nothing : Int32.(conv.bias); geometry...)
end

"A convolution of random geometry whose weights are whole numbers, and the shape that it reads."
function whole_conv(seed)
    conv, shape = random_conv(Float64, seed)
    weights, bias = round.(56 .* conv.weights), conv.bias === nothing ? nothing : round.(1e6 .* conv.bias)
    window = conv.window
    geometry = (stride = window.stride, padding = window.padding, dilation = window.dilation, groups = conv.groups)
    return Conv(weights, bias; geometry...), shape
end

@testset "a convolution of integers has the currents of the same one of floats" begin
    for W in (Int8, Int16), seed in 1:15
        conv, shape = whole_conv(seed)
        x = whole(seed, reverse(shape)..., 2, 3)
        currents = operation_currents(of_integers(W, conv), x)
        @test eltype(currents) == Int32 && currents == operation_currents(conv, Float64.(x))
        @test largest(currents) <= current_bound(of_integers(W, conv), [largest(x)])
    end
end

@testset "a sum of integers has no order" begin
    W, x = Int16.(whole(1, 7, 40; low = -32768 ÷ 16, high = 32767 ÷ 16)), whole(2, 40, 3, 4)
    order = sortperm(vec(W[1, :]))
    @test operation_currents(Linear(W), x) == operation_currents(Linear(W[:, order]), x[order, :, :])
    @test operation_currents(Linear(W), x)[:, 2, 3] == Int.(W) * Int.(x[:, 2, 3])
end

@testset "pools and joins keep Int32, and the numbers of floats" begin
    x, y = whole(1, 6, 5, 3, 2, 4), whole(2, 6, 5, 3, 2, 4)
    for operation in (SumPool(2), MaxPool((2, 3); stride = 1, padding = 1)), signal in (x, -abs.(x))
        currents = operation_currents(operation, signal)
        @test eltype(currents) == Int32 && currents == operation_currents(operation, Float64.(signal))
    end
    for operation in (Add(), Concat())
        currents = operation_currents(operation, x, y)
        @test eltype(currents) == Int32 && currents == operation_currents(operation, Float64.(x), Float64.(y))
    end
    @test eltype(operation_currents(SumPool(2), Int64.(x))) == Float64
end

@testset "a bound is reached, and one above what 32 bits hold is refused" begin
    code(operation, signals...) = code_of(() -> operation_currents(operation, signals...))
    one(value, steps = 1) = reshape(fill(Int32(value), steps), 1, 1, steps)
    @test only(operation_currents(Linear(reshape(Int8[-128], 1, 1)), one(2^24 - 1))) == -2^31 + 128
    @test code(Linear(reshape(Int8[-128], 1, 1)), one(2^24)) == "overflow"
    W, b = Int16[3 -5; 1 1], Int32[MOST-800, 7]
    signs = reshape(Int32[100, -100], 2, 1, 1)
    @test current_bound(Linear(W, b), [100.0]) == maximum(operation_currents(Linear(W, b), signs)) == MOST
    @test code(Linear(W, b), signs .+ Int32[0, -1]) == "overflow"
    @test code(Linear(W, -b), signs) === nothing && code(Linear(W, Int32[typemin(Int32), 0]), signs) == "overflow"
    line(value) = fill(Int32(value), 4, 1, 1, 1)
    @test code(SumPool((4,)), line(2^29 - 1)) === nothing && code(SumPool((4,)), line(-2^29)) == "overflow"
    @test code(Conv(fill(Int8(1), 1, 1, 4)), line(2^29)) == "overflow"
    @test code(Conv(fill(Int8(1), 1, 1, 4); padding = 3), line(2^29 - 1)) === nothing
    steps(value) = reshape(Int32[value, 0, 0], 1, 1, 1, 3)
    @test code(MaxPool((1,)), steps(MOST ÷ 3)) === nothing && code(MaxPool((1,)), steps(MOST ÷ 3 + 1)) == "overflow"
    @test code(Add(), one(MOST - 5), one(5)) === nothing && code(Add(), one(MOST - 5), one(-6)) == "overflow"
    @test code(Concat(), one(MOST), one(-MOST)) === nothing
end

@testset "weights of integers keep their type; what does not fit them is refused" begin
    @test Linear(Int8[1 2], [3.0]).bias isa Vector{Int32}
    @test Conv(ones(Int16, 1, 1, 2)) isa Conv{Int16,Int32}
    @test Linear([1 2]) isa Linear{Float64} && Linear(Int32[1 2]) isa Linear{Float64}
    @test code_of(() -> Linear(Int8[1 2], [0.5])) == "not_whole"
    @test code_of(() -> Linear(Int8[1 2], [2.0^31])) == "overflow"
    @test code_of(() -> Linear(Int8[1 2], [NaN])) == "non_finite"
    x = reshape([1.0, 0.5], 2, 1, 1)
    @test code_of(() -> operation_currents(Linear(Int8[1 2]), x)) == "not_whole"
    @test operation_currents(Linear(Int8[1 2]), 2x) == reshape([4], 1, 1, 1)
    @test code_of(() -> operation_currents(AvgPool(2), ones(Int32, 2, 2, 1, 1, 1))) == "operation"
end

@testset "one layer is its sums and its neurons, inside one bound" begin
    W, b, x = Int8.(whole(1, 4, 6; low = -7, high = 7)), whole(2, 4), whole(3, 6, 2, 9; low = 0, high = 1)
    for neuron in (Neuron("IF"; threshold = 24, v_init = 0.5), Neuron("ST-BIF"; threshold = 24, v_init = 0.5))
        run, fire = layer_forward(x, W, b, neuron), neuron.kind == "IF" ? if_multistep : st_bif_multistep
        alone = fire(operation_currents(Linear(W, b), x); threshold = 24)
        @test (run.spikes, run.membrane, run.counts) == (alone.spikes, alone.membrane, alone.counts)
    end
    passed = layer_forward(x, W, b, Neuron("identity"))
    @test passed.spikes isa Array{Int32} && passed.counts isa Array{Int} && passed.membrane == zeros(Int32, 4, 2)
    @test passed.counts == sum(Int.(passed.spikes); dims = 3)[:, :, 1]
    code(x, kind; given...) =
        code_of(() -> layer_forward(fill(x, 1, 1, 2), ones(Int8, 1, 1), nothing, Neuron(kind; given...)))
    @test code(1, "LIF") == "neuron_kind" && code(0.5, "IF") == "not_whole"
    @test code(2^30 - 1, "identity") === nothing && code(2^30, "identity") == "overflow"
    @test code(2^30 - 1, "IF") === nothing && code(2^30 - 1, "IF"; threshold = 2) == "overflow"
end
