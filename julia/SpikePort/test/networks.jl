"Sum in the order of the contract, one input after the other, bias last."
function currents_by_hand(W, x, b)
    I = zeros(size(W, 1))
    for k in axes(W, 2)
        I .+= W[:, k] .* x[k]
    end
    return b === nothing ? I : I .+ b
end

@testset "a current is summed in the order of the inputs, the bias last" begin
    W, b = 0.1 .* dyadic(1, 3, 10), 0.3 .* dyadic(2, 3)
    x = 0.7 .* dyadic(3, 10, 2, 4)
    run = layer_forward(x, W, b, Neuron("identity"))
    @test all(run.spikes[:, s, t] == currents_by_hand(W, x[:, s, t], b) for s in 1:2, t in 1:4)
    @test run.counts == foldl((total, t) -> total .+ run.spikes[:, :, t], 1:4; init = zeros(3, 2))
end

@testset "a neuron with a bias alone fires" begin
    @test layer_forward(zeros(2, 1, 8), ones(1, 2), [0.5], Neuron("IF")).counts == fill(4, 1, 1)
end

@testset "a network is its layers one after the other" begin
    first_layer = Layer(dyadic(1, 4, 3), dyadic(2, 4), Neuron("LIF"; beta = 0.5, v_init = 0.5))
    second = Layer(dyadic(3, 2, 4), nothing, Neuron("ST-BIF"; v_init = 0.5, tracer_min = -2))
    x = dyadic(4, 3, 5)
    run = network_run([first_layer, second], x; timesteps = 7, record = true)
    hidden = layer_forward(repeat(x, 1, 1, 7), first_layer.weights, first_layer.bias, first_layer.neuron)
    output = layer_forward(hidden.spikes, second.weights, nothing, second.neuron)
    @test run.spikes == [hidden.spikes, output.spikes]
    @test run.counts == [hidden.counts, output.counts]
    @test run.membrane == [hidden.membrane, output.membrane]
end

@testset "under soft reset the drive is θ·count + v_end - v_start" begin
    hidden = Layer(dyadic(1, 5, 3), nothing, Neuron("IF"; v_init = 0.5))
    layers = [hidden, Layer(dyadic(2, 2, 5), [0.25, -0.5], Neuron("IF"))]
    run = network_run(layers, abs.(dyadic(3, 3, 4)); timesteps = 10)
    @test run.drive == run.counts[2] .+ run.membrane[2]
end

@testset "a sample draws the same spikes wherever it stands in a batch" begin
    rates = dyadic(6, 5, 4; low = 0, high = 16)
    together = encode_poisson(rates; timesteps = 20, seed = 9)
    @test all(encode_poisson(rates[:, b:b]; timesteps = 20, seed = 9) == together[:, b:b, :] for b in 1:4)
    @test together != encode_poisson(rates; timesteps = 20, seed = 10)
    @test encode_poisson([1.0 0.0]; timesteps = 50) == repeat([1 0], 1, 1, 50)
end

@testset "draws follow their rate" begin
    spikes = encode_poisson(fill(0.25, 200, 1); timesteps = 200, seed = 1)
    @test abs(sum(Int, spikes) / 40_000 - 0.25) < 0.01
end

@testset "a key does not know -0 from +0, and does know the order" begin
    @test sample_keys(reshape([-0.0, 0.5], 2, 1)) == sample_keys(reshape([0.0, 0.5], 2, 1))
    @test sample_keys(reshape([0.5, 0.0], 2, 1)) != sample_keys(reshape([0.0, 0.5], 2, 1))
    @test sample_keys(zeros(0, 2)) == [0, 0]
end

@testset "encodings feed what they say" begin
    layers = [Layer(dyadic(1, 4, 3), nothing, Neuron("IF"; v_init = 0.5))]
    rates = dyadic(2, 3, 2; low = 0, high = 16)
    drawn = encode_poisson(rates; timesteps = 6, seed = 3)
    poisson = network_run(layers, rates; timesteps = 6, encoding = "poisson", seed = 3)
    spikes = network_run(layers, drawn; timesteps = 6, encoding = "spikes")
    @test poisson.counts == spikes.counts
    @test network_run(layers, rates; timesteps = 0).drive == zeros(4, 2)
end

@testset "a faulty network call is refused with its code" begin
    layers = [Layer(ones(2, 3), nothing, Neuron("IF"))]
    x = zeros(3, 1)
    @test code_of(() -> network_run(layers, x; timesteps = -1)) == "timesteps"
    @test code_of(() -> network_run(layers, x; timesteps = 1, encoding = "rate")) == "encoding"
    @test code_of(() -> network_run(layers, zeros(2, 1); timesteps = 1)) == "shape"
    @test code_of(() -> network_run(layers, zeros(3, 1, 2); timesteps = 1, encoding = "spikes")) == "shape"
    @test code_of(() -> network_run(layers, fill(Inf, 3, 1); timesteps = 1)) == "non_finite"
    @test code_of(() -> network_run(layers, fill(1e308, 3, 1); timesteps = 1)) == "non_finite"
    @test code_of(() -> network_run(layers, fill(2.0, 3, 1); timesteps = 1, encoding = "poisson")) == "rate_range"
    @test code_of(() -> network_run([layers; layers], x; timesteps = 1)) == "shape"
    @test code_of(() -> layer_forward(zeros(3, 1, 1), ones(2, 3), [1.0], Neuron("IF"))) == "shape"
    @test code_of(() -> encode_poisson(x; timesteps = 1, seed = -1)) == "seed"
    @test code_of(() -> encode_poisson(x; timesteps = 1, samples = [1, 2])) == "shape"
end
