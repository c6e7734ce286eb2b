@testset "a neuron exactly at its threshold fires" begin
    currents = reshape([0.75, prevfloat(0.75)], 2, 1)
    @test if_multistep(currents; threshold = 0.75, v_init = 0.0).spikes == reshape([1, 0], 2, 1)
end

@testset "under soft reset nothing is lost: ΣI = θ·Σs + v_end - v_start" begin
    for seed in 1:20, θ in (0.5, 1.0, 1.75)
        I = dyadic(seed, 5, 12)
        run = if_multistep(I; threshold = θ)
        @test vec(sum(I; dims = 2)) == θ .* run.counts .+ run.membrane .- 0.5θ
    end
end

@testset "hard reset puts the membrane where it was told" begin
    run = if_multistep(fill(3.0, 2, 4); v_reset = [-0.25, 0.5], v_init = 0.0)
    @test run.membrane == [-0.25, 0.5]
    @test run.counts == [4, 4]
end

@testset "a leak of 0 forgets everything" begin
    I = dyadic(3, 4, 6)
    @test if_multistep(I; beta = 0.0, v_reset = 0.0).spikes == (I .>= 1)
end

@testset "a constant current for T steps gives QCFS" begin
    for T in (1, 4, 16), θ in (0.5, 1.0)
        x = θ .* collect(0:16) ./ 16
        @test if_constant(x; timesteps = T, threshold = θ).counts .* θ ./ T == qcfs(x; timesteps = T, threshold = θ)
    end
    @test qcfs([-1.0, 7.0]; timesteps = 4) == [0.0, 1.0]
end

@testset "if_constant is if_multistep on copies" begin
    current, parameters = dyadic(5, 6, 2), (threshold = 0.75, beta = 0.5, v_reset = -0.5)
    one = if_constant(current; timesteps = 9, parameters...)
    many = if_multistep(repeat(reshape(current, 6, 2, 1), 1, 1, 9); parameters...)
    @test one.spikes == many.spikes
    @test one.membrane == many.membrane
    @test one.counts == many.counts
end

@testset "the tracer settles on the quantised sum of its input" begin
    for seed in 1:20
        I = hcat(dyadic(seed, 4, 5), zeros(4, 400))
        run = st_bif_multistep(I; tracer_min = -3, tracer_max = 7)
        @test run.counts == clamp.(floor.(Int, vec(sum(I; dims = 2)) .+ 0.5), -3, 7)
        @test vec(sum(Int.(run.spikes); dims = 2)) == run.counts
    end
end

@testset "Float32 stays Float32, whole numbers become Float64" begin
    @test eltype(if_multistep(ones(Float32, 2, 3)).membrane) == Float32
    @test eltype(if_multistep(ones(Int, 2, 3)).membrane) == Float64
    @test eltype(qcfs(ones(Float32, 3); timesteps = 2)) == Float32
end

@testset "no steps and no neurons are answers, not errors" begin
    @test if_multistep(zeros(3, 0); threshold = 2.0).membrane == [1.0, 1.0, 1.0]
    @test if_multistep(zeros(0, 3)).counts == Int[]
    @test size(st_bif_multistep(zeros(0, 2, 3)).spikes) == (0, 2, 3)
    @test size(encode_poisson(zeros(0, 2); timesteps = 3)) == (0, 2, 3)
end

@testset "a faulty call is refused with its code" begin
    I = zeros(2, 3)
    @test code_of(() -> if_multistep(zeros(2))) == "shape"
    @test code_of(() -> if_multistep([0.0 NaN])) == "non_finite"
    @test code_of(() -> if_multistep(I; threshold = 0)) == "threshold"
    @test code_of(() -> if_multistep(I; threshold = [1, 1, 1])) == "shape"
    @test code_of(() -> if_multistep(I; beta = 1.5)) == "beta"
    @test code_of(() -> if_multistep(I; v_reset = 1.0)) == "v_reset"
    @test code_of(() -> if_multistep(Float32.(I); threshold = 1e-60)) == "threshold"
    @test code_of(() -> if_constant(zeros(2); timesteps = -1)) == "timesteps"
    @test code_of(() -> st_bif_multistep(I; tracer_min = 1)) == "tracer"
    @test code_of(() -> qcfs(zeros(2); timesteps = 0)) == "timesteps"
    @test code_of(() -> Neuron("Izhikevich")) == "neuron_kind"
    @test code_of(() -> Neuron("IF"; beta = 0.5)) == "beta"
    @test code_of(() -> Neuron("ST-BIF"; v_reset = 0.0)) == "v_reset"
    @test code_of(() -> Neuron("LIF"; threshold = Inf)) == "non_finite"
end

@testset "the message says what was given and what to do" begin
    message = sprint(showerror, try if_multistep(zeros(2, 3); beta = 2) catch err; err end)
    @test message == "KernelError (beta): beta must be in [0, 1], not 2"
end
