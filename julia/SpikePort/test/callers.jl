# `SpikePort.Python` as its caller sees it: text, and memory that both share.

kind(::Array{Float64}) = "f64"
kind(::Array{Float32}) = "f32"
kind(::Array{Int8}) = "i8"
kind(::Array{Int16}) = "i16"
kind(::Array{Int32}) = "i32"
kind(::Array{Int}) = "i64"
kind(::Array{UInt64}) = "u64"
word(array::Array) = "$(kind(array))@$(UInt(pointer(array))):$(join(reverse(size(array)), ','))"
word(value) = string(value)

function call(kernel; words...)
    GC.@preserve words SpikePort.Python.answer(kernel, join(("$key=$(word(value))" for (key, value) in words), ' '))
end

room(T, inner, steps, C = Int, S = Int8) =
    (spikes = zeros(S, inner..., steps), membrane = zeros(T, inner...), counts = zeros(C, inner...))

@testset "neurons answer into the caller's memory" begin
    I, out = dyadic(1, 3, 2, 5), room(Float64, (3, 2), 5)
    @test call("if_multistep"; currents = I, threshold = [1.0], v_init = [0.5], beta = [1.0, 0.5, 0.0], out...) == ""
    run = if_multistep(I; beta = [1.0, 0.5, 0.0])
    @test (out.spikes, out.membrane, out.counts) == (run.spikes, run.membrane, run.counts)

    current, out = Float32.(dyadic(2, 4)), room(Float32, (4,), 6)
    @test call("if_constant"; current = current, timesteps = 6, v_reset = Float32[0], out...) == ""
    @test out.counts == if_constant(current; timesteps = 6, v_reset = 0).counts

    out = room(Float64, (3, 2), 5)
    @test call("st_bif_multistep"; currents = I, tracer_min = -2, tracer_max = 3, out...) == ""
    @test out.counts == st_bif_multistep(I; tracer_min = -2, tracer_max = 3).counts
end

@testset "layers and networks take weights as the caller stores them" begin
    W, b, x = dyadic(1, 2, 3), [0.25, -0.5], dyadic(2, 3, 2, 4)
    rows, out = permutedims(W), room(Float64, (2, 2), 4)
    given = (operation = "linear", weight = rows, bias = b, kind = "IF", v_init = [0.5])
    @test call("layer_forward"; inputs = x, given..., out...) == ""
    @test out.counts == layer_forward(x, W, b, Neuron("IF"; v_init = 0.5)).counts

    still, counts, membrane, drive = x[:, :, 1], zeros(Int, 2, 2), zeros(2, 2), zeros(2, 2)
    spikes, given = zeros(Int8, 2, 2, 4), (timesteps = 4, encoding = "current", seed = 0, nodes = 1)
    results = (counts = counts, membrane = membrane, spikes = spikes)
    node = (operation = "linear", inputs = 0, weight = rows, kind = "LIF", results...)
    words = (Symbol(key, ".0") => value for (key, value) in pairs(node))
    @test call("network_run"; inputs = still, given..., drive = drive, words...) == ""
    run = network_run([Layer(W, nothing, Neuron("LIF"))], still; timesteps = 4, record = true)
    @test (counts, membrane, drive, spikes) == (run.counts[1], run.membrane[1], run.drive, run.spikes[1])
end

@testset "operations take attributes as numbers, and nodes say by place what they read" begin
    W, b, x = dyadic(1, 4, 1, 3, 3), dyadic(2, 4), dyadic(3, 5, 5, 2, 2, 3)
    rows, geometry = permutedims(W, 4:-1:1), (stride = "2,2", padding = "1,1", groups = 2)
    given = (operation = "conv", weight = rows, bias = b, geometry...)
    currents = zeros(3, 3, 4, 2, 3)
    @test call("operation_currents"; given..., var"signal.0" = x, currents = currents) == ""
    @test currents == operation_currents(Conv(W, b; stride = 2, padding = 1, groups = 2), x)
    two = (var"signal.0" = x, var"signal.1" = 2x, currents = zero(x))
    @test call("operation_currents"; operation = "add", two...) == ""
    @test two.currents == operation_currents(Add(), x, 2x)

    room = (counts = zeros(Int, 3, 2, 2), membrane = zeros(3, 2, 2))
    pool = (operation = "max_pool", inputs = 0, kernel = "2", stride = "1", padding = "0", kind = "identity")
    join = (operation = "add", inputs = "1,1", kind = "IF", threshold = [0.5, 2.0], room...)
    given = [(pool..., counts = zeros(3, 2, 2), membrane = zeros(3, 2, 2)), join]
    words = Dict(Symbol(key, ".", k - 1) => value for (k, node) in enumerate(given) for (key, value) in pairs(node))
    images, drive = dyadic(4, 4, 2, 2; low = 0, high = 16), zeros(3, 2, 2)
    run_words = (inputs = images, timesteps = 5, encoding = "poisson", seed = 3, nodes = 2, drive = drive)
    @test call("network_run"; run_words..., words...) == ""
    neuron = Neuron("IF"; threshold = [0.5, 2.0])
    nodes = [Node(MaxPool((2,); stride = 1), Neuron("identity"); name = "a"), Node(Add(), neuron; inputs = ["a", "a"])]
    run = network_run(nodes, images; timesteps = 5, encoding = "poisson", seed = 3)
    @test (words[Symbol("counts.0")], words[Symbol("counts.1")], drive) == (run.counts..., run.drive)
end

@testset "integers go and come in their own types" begin
    I, out = Int32[1 -4 9; 7 2 0], room(Int32, (2,), 3)
    @test call("if_multistep"; currents = I, threshold = Int32[4], v_init = [0.25], beta = Int32[1], out...) == ""
    @test (out.membrane, out.counts) == (run -> (run.membrane, run.counts))(if_multistep(I; threshold = 4, v_init = 0.25))
    @test startswith(call("if_multistep"; currents = I, threshold = Int32[3], out...), "not_whole ")

    W, b, x = Int16[300 -2; 5 7], Int32[-1, 2^20], Int32[1 -2; 3 4]
    counts, membrane, drive = zeros(Int, 2, 2), zeros(Int32, 2, 2), zeros(Int32, 2, 2)
    node = (operation = "linear", inputs = 0, weight = permutedims(W), bias = b, kind = "identity")
    words = (Symbol(key, ".0") => value for (key, value) in pairs((node..., counts = counts, membrane = membrane)))
    given = (inputs = x, timesteps = 3, encoding = "pulse", seed = 0, nodes = 1, settled = zeros(Int, 2))
    @test call("network_run"; given..., drive = drive, words...) == ""
    @test drive == counts == W * x .+ b && given.settled == [1, 1]
end

@testset "encoding and activation" begin
    rates, spikes = dyadic(3, 3, 2; low = 0, high = 16), zeros(Int8, 3, 2, 5)
    @test call("encode_poisson"; rates = rates, timesteps = 5, seed = 7, spikes = spikes) == ""
    @test spikes == encode_poisson(rates; timesteps = 5, seed = 7)
    @test call("encode_poisson"; rates = rates, timesteps = 5, seed = 7, samples = UInt64[1, 2], spikes = spikes) == ""
    @test spikes == encode_poisson(rates; timesteps = 5, seed = 7, samples = [1, 2])
    x, y = dyadic(4, 6), zeros(6)
    @test call("qcfs"; x = x, timesteps = 4, threshold = [0.5], y = y) == ""
    @test y == qcfs(x; timesteps = 4, threshold = 0.5)
end

@testset "an operation that there is not is refused by name" begin
    words = (operation = "lstm", weight = ones(2, 2), kind = "IF", inputs = ones(2, 1, 1))
    @test call("layer_forward"; words..., room(Float64, (2, 1), 1)...) ==
          "operation the Julia backend has no operation \"lstm\""
end

@testset "a refusal is its code and its message, and nothing is written" begin
    out = room(Float64, (1,), 1)
    answer = call("if_multistep"; currents = fill(5.0, 1, 1), threshold = [-1.0], out...)
    @test startswith(answer, "threshold threshold must be above 0")
    @test out.spikes == zeros(Int8, 1, 1)
end

@testset "arrays without values need no memory" begin
    out = room(Float64, (0,), 3)
    @test call("if_multistep"; currents = zeros(0, 3), out...) == ""
end
