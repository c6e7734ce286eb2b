# Convolutions, pools and joins, each held to the sum of its equation, term by term in the order of the contract.

using SpikePort: output_shape

"Whole numbers, one of each range, that look like chance, from one seed."
choices(seed, ranges) =
    [first(r) + Int(SpikePort.mix(UInt64(seed) << 32 + UInt64(k)) % UInt64(length(r))) for (k, r) in enumerate(ranges)]

"Values that do not add up exactly, a third of them 0."
function uneven(T, seed, dims...)
    is_zero = reshape(choices(seed, fill(0:2, prod(dims))) .== 0, dims...)
    return T.(ifelse.(is_zero, 0, dyadic(seed, dims...) ./ 7))
end

"A convolution of random geometry and what it reads: channels, then sizes."
function random_conv(T, seed)
    axes, groups, per_group, out = choices(seed, [1:2, 1:3, 1:3, 1:2])
    per_axis(k, range) = Tuple(choices(100k + seed, fill(range, axes)))
    kernel, stride, padding, dilation = per_axis(1, 1:3), per_axis(2, 1:3), per_axis(3, 0:2), per_axis(4, 1:2)
    sizes = per_axis(5, 5:7)
    weights = uneven(T, seed, groups * out, per_group, kernel...)
    bias = isodd(seed) ? uneven(T, seed + 1, groups * out) : nothing
    conv = Conv(weights, bias; stride = stride, padding = padding, dilation = dilation, groups = groups)
    return conv, (groups * per_group, sizes...)
end

"The matrix that does the same: the weights at the places that they read, 0 elsewhere."
function unrolled(conv::Conv{T}, shape) where {T}
    out, window = output_shape(conv, [shape]), conv.window
    matrix = zeros(T, prod(out), prod(shape))
    rows, columns = LinearIndices(reverse(out)), LinearIndices(reverse(shape))
    per_group, each = size(conv.weights, 2), out[1] ÷ conv.groups
    for place in CartesianIndices(out), tap in CartesianIndices(size(conv.weights)[2:end])
        p, q = Tuple(place)[2:end] .- 1, Tuple(tap)[2:end] .- 1
        at = p .* window.stride .+ q .* window.dilation .- window.padding
        all(0 .<= at .< shape[2:end]) || continue
        channel = (place[1] - 1) ÷ each * per_group + tap[1]
        matrix[rows[reverse(Tuple(place))...], columns[reverse((channel, (at .+ 1)...))...]] =
            conv.weights[place[1], Tuple(tap)...]
    end
    bias = conv.bias === nothing ? nothing : repeat(conv.bias; inner = prod(out[2:end]))
    return Linear(matrix, bias)
end

@testset "a convolution has the bits of the linear layer that does the same" begin
    for T in (Float32, Float64), seed in 1:30
        conv, shape = random_conv(T, seed)
        x = uneven(T, seed + 7, reverse(shape)..., 2, 3)
        currents = operation_currents(conv, x)
        flat = operation_currents(unrolled(conv, shape), reshape(x, prod(shape), 2, 3))
        @test eltype(currents) == T
        @test size(currents) == (reverse(output_shape(conv, [shape]))..., 2, 3)
        @test reinterpret(UInt8, vec(currents)) == reinterpret(UInt8, vec(flat))
    end
end

"The values in the window of each place: those inside, in ascending order."
function windows(x, kernel, stride, padding)
    sizes = size(x)
    places = ntuple(k -> (sizes[k] + 2padding[k] - kernel[k]) ÷ stride[k] + 1, length(sizes))
    inside(p, k) = filter(i -> 1 <= i <= sizes[k], (p - 1) * stride[k] - padding[k] .+ (1:kernel[k]))
    return [vec(x[(inside(place[k], k) for k in eachindex(sizes))...]) for place in CartesianIndices(places)]
end

"Return one channel of one sample at one step."
image(x, channel, step) = x[fill(:, ndims(x) - 3)..., channel, 1, step]

"Sizes of a signal and, of a window over it, kernel, stride and padding, all with the first index first."
const GEOMETRIES = [
    (6,) => ((2,), (2,), (0,)),
    (7,) => ((3,), (1,), (2,)),
    (5, 6) => ((2, 3), (2, 3), (0, 0)),
    (5, 7) => ((3, 2), (2, 1), (1, 1)),
    (4, 4) => ((2, 2), (3, 3), (0, 1)),
]

"Return the pool: an operation takes rows first, where an array has columns first."
pool(type, kernel, stride, padding) = type(reverse(kernel); stride = reverse(stride), padding = reverse(padding))

@testset "a pool sums or averages its window, channel by channel, from +0 in ascending order" begin
    for T in (Float32, Float64), (k, (sizes, geometry)) in enumerate(GEOMETRIES)
        x = uneven(T, k, sizes..., 2, 1, 1)
        sums = operation_currents(pool(SumPool, geometry...), x)
        @test vec(sums) == [foldl(+, window) for c in 1:2 for window in windows(image(x, c, 1), geometry...)]
        @test operation_currents(pool(AvgPool, geometry...), x) == sums ./ T(prod(geometry[1]))
    end
end

@testset "a max pool of spikes gives spikes, and its count is the largest count in the window, after every step" begin
    for T in (Float32, Float64), (k, (sizes, geometry)) in enumerate(GEOMETRIES)
        x = T.(reshape(choices(k, fill(0:1, 2prod(sizes) * 9)), sizes..., 2, 1, 9))
        given = operation_currents(pool(MaxPool, geometry...), x)
        @test all(in((0, 1)), given)
        counts, largest = cumsum(x; dims = ndims(x)), cumsum(given; dims = ndims(x))
        for t in 1:9, c in 1:2
            @test image(largest, c, t) == maximum.(windows(image(counts, c, t), geometry...))
        end
    end
end

@testset "a max pool follows what falls, too" begin
    x = reshape([1.0 -2.0 0.0; -3.0 -4.0 9.0], 2, 1, 1, 3)
    @test vec(operation_currents(MaxPool((2,)), x)) == [1.0, -2.0, 3.0]
    @test vec(operation_currents(MaxPool((2,); stride = 1, padding = 1), x[:, :, :, 1:1])) == [1.0, 1.0, -3.0]
end

@testset "add adds in the order given, from +0; concat puts one behind the other" begin
    a, b, c = (fill(x, 1, 1, 1) for x in (0.1, 0.2, 0.3))
    @test only(operation_currents(Add(), a, b, c)) == (0.1 + 0.2) + 0.3
    @test only(operation_currents(Add(), c, b, a)) == (0.3 + 0.2) + 0.1
    @test 1 / only(operation_currents(Add(), fill(-0.0, 1, 1, 1), fill(-0.0, 1, 1, 1))) == Inf
    x, y = dyadic(1, 3, 2, 4, 2, 5), dyadic(2, 3, 2, 1, 2, 5)
    @test operation_currents(Concat(), x, y) == cat(x, y; dims = 3)
end

@testset "shapes follow from the operation, and what does not fit is refused" begin
    conv = Conv(ones(4, 2, 3, 2); stride = (2, 1), padding = (1, 0), groups = 2)
    @test output_shape(conv, [(4, 6, 5)]) == (4, 3, 4)
    @test output_shape(MaxPool(2), [(3, 5, 4)]) == (3, 2, 2)
    @test output_shape(AvgPool((3,); stride = 1, padding = 1), [(3, 5)]) == (3, 5)
    @test output_shape(Concat(), [(2, 5, 5), (3, 5, 5)]) == (5, 5, 5)
    @test output_shape(Linear(ones(2, 12)), [(3, 2, 2)]) == (2,)
    refused = [
        () -> output_shape(conv, [(3, 6, 5)]),
        () -> output_shape(conv, [(4, 6)]),
        () -> output_shape(conv, [(4, 1, 1)]),
        () -> output_shape(conv, [(4, 6, 5), (4, 6, 5)]),
        () -> output_shape(MaxPool(2), [(3, 1, 4)]),
        () -> output_shape(Add(), [(3,)]),
        () -> output_shape(Add(), [(3,), (1, 3)]),
        () -> output_shape(Concat(), [(2, 5, 5), (2, 5, 4)]),
        () -> output_shape(Linear(ones(2, 12)), [(3, 2)]),
        () -> Conv(ones(4, 2, 3, 2); groups = 3),
        () -> Conv(ones(4, 2, 3, 2); groups = 0),
        () -> Conv(ones(4, 2, 3, 2); stride = (1,)),
        () -> Conv(ones(4, 2, 3, 2); dilation = 0),
        () -> Conv(ones(4, 2, 3, 2); padding = -1),
        () -> Conv(ones(4, 2)),
        () -> Conv(ones(4, 2, 0)),
        () -> Conv(ones(4, 2, 3), ones(3)),
        () -> MaxPool(2; padding = 2),
        () -> SumPool((2, 2, 2)),
        () -> AvgPool(0),
        () -> operation_currents(Add(), ones(2, 1, 3), ones(2, 1, 4)),
        () -> operation_currents(MaxPool(2), ones(2, 3)),
        () -> operation_currents(Add()),
    ]
    @test [code_of(call) for call in refused] == fill("shape", length(refused))
    @test code_of(() -> Conv(fill(NaN, 1, 1, 1))) == "non_finite"
    @test code_of(() -> operation_currents(MaxPool((1,)), fill(Inf, 1, 1, 1, 1))) == "non_finite"
end

@testset "no samples and no steps are answers" begin
    @test size(operation_currents(Conv(ones(2, 1, 3)), zeros(5, 1, 0, 4))) == (3, 2, 0, 4)
    @test size(operation_currents(MaxPool(2), zeros(4, 4, 1, 3, 0))) == (2, 2, 1, 3, 0)
end
