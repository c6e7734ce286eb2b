# Neurons of Int32: the answers of exact floats, and a bound that is refused before anything could overflow.

using SpikePort: largest, times

const MOST = typemax(Int32)

"Whole numbers of 32 bits, the same on every version of Julia."
whole(seed, dims...; low = -32, high = 32) = Int32.(16 .* dyadic(seed, dims...; low = low, high = high))

@testset "integers answer what exact floats answer, and stay Int32" begin
    for seed in 1:10, given in ((v_init = 0.5,), (v_init = -2, v_reset = [-5, 0, 1, -3, 5]), (v_init = 0, max_spikes = 5))
        I, θ = whole(seed, 5, 3, 12), [2, 4, 6, 8, 10]
        of_integers, of_floats = (if_multistep(x; threshold = θ, given...) for x in (I, Float64.(I)))
        @test of_integers.spikes == of_floats.spikes && of_integers.counts == of_floats.counts
        @test of_integers.membrane == of_floats.membrane && eltype(of_integers.membrane) == Int32
    end
    current = whole(3, 4, 2)
    @test if_constant(current; timesteps = 9, threshold = 6).membrane ==
          if_multistep(repeat(reshape(current, 4, 2, 1), 1, 1, 9); threshold = 6).membrane
end

@testset "nothing is lost, also where floats of 32 bits have no odd numbers: ΣI = θ·Σs + v_end - v_start" begin
    I, θ = whole(1, 6, 20; low = -2^25 - 1, high = 2^26 + 1), Int32(2^26 + 7)
    for most in (1, 3)
        run = if_multistep(I; threshold = θ, v_init = 0, max_spikes = most)
        @test vec(sum(Int.(I); dims = 2)) == Int(θ) .* run.counts .+ run.membrane
        @test any(isodd, run.membrane) && any(>(2^24), run.membrane)
    end
end

@testset "a bipolar neuron is not divided, so it settles on the floor of any quotient" begin
    for seed in 1:20, θ in (1, 3, 7, 10)
        I = hcat(whole(seed, 4, 5), zeros(Int32, 4, 200))
        run = st_bif_multistep(I; threshold = θ, v_init = 2 / θ, tracer_min = -3, tracer_max = 7)
        @test run.counts == clamp.(fld.(vec(sum(Int.(I); dims = 2)) .+ 2, θ), -3, 7)
        @test run.membrane == vec(sum(I; dims = 2)) .+ 2 .- θ .* run.counts
    end
end

@testset "a bipolar neuron of integers is that of floats times θ, where quotients are exact" begin
    I = whole(4, 5, 2, 15)
    run = st_bif_multistep(I; threshold = 8, tracer_min = -2)
    of_floats = st_bif_multistep(Float64.(I); threshold = 8, tracer_min = -2)
    @test run.spikes == of_floats.spikes && run.membrane == 8 .* of_floats.membrane
end

@testset "at the bound there is an answer, one above it none" begin
    half = 2^30 - 1 # with θ = 1 and two steps, 1 + 2·half is 2^31 - 1
    for run in (if_multistep, st_bif_multistep), sign in (-1, 1)
        answers(most; given...) = code_of(() -> run(Int32[0 sign*most]; v_init = 0, given...))
        @test answers(half) === nothing && answers(half + 1) == "overflow"
        @test answers(0; threshold = MOST) === nothing && answers(1; threshold = MOST) == "overflow"
    end
    lowest = if_multistep(fill(Int32(-half), 1, 2); v_init = -1)
    @test only(lowest.membrane) == -2half - 1
    constant(most, steps) = code_of(() -> if_constant(Int32[most]; timesteps = steps, v_init = 0))
    @test constant(half, 2) === nothing && constant(half, 3) == constant(half + 1, 2) == "overflow"
    @test constant(typemin(Int32), 1) == "overflow"
    reset(v) = code_of(() -> if_multistep(Int32[1 1]; v_init = 0, v_reset = v))
    @test reset(2 - MOST) === nothing && reset(1 - MOST) == "overflow"
    start(v) = code_of(() -> if_multistep(Int32[1 1]; v_init = v))
    @test start(2 - MOST) === nothing && start(1 - MOST) == "overflow"
    levels(θ) = code_of(() -> if_multistep(Int32[1 1]; v_init = 0, threshold = θ, max_spikes = 127))
    @test levels((MOST - 2) ÷ 127) === nothing && levels((MOST - 2) ÷ 127 + 1) == "overflow"
end

@testset "no membrane goes beyond its bound" begin
    for seed in 1:20
        I, θ = whole(seed, 4, 9; low = -2^20, high = 2^20), 2^20 + 3
        v = vcat(([if_multistep(I[:, 1:t]; threshold = θ, v_init = 0).membrane for t in 1:9])...)
        @test largest(v) <= θ + 9 * largest(I)
    end
    @test largest(Int32[]) == 0.0 && largest([typemin(Int32)]) == 2.0^31 && times(3, Int32(5)) === Int32(15)
end

@testset "what integers cannot have is refused with its code" begin
    I = Int32[1 2; 3 4]
    refused(run = if_multistep; given...) = code_of(() -> run(I; given...))
    @test refused(v_init = 0.5) == refused(threshold = 3) == "not_whole"
    @test refused(threshold = 2) === nothing
    @test refused(threshold = 2.5, v_init = 0) == refused(v_init = 0, v_reset = 0.5) == "not_whole"
    @test refused(v_init = 0, beta = 0.5) == refused(v_init = 0, beta = [1, 0]) == "beta"
    @test refused(threshold = 0, v_init = 0) == refused(threshold = [2, -2]) == "threshold"
    @test refused(threshold = NaN, v_init = 0) == refused(v_init = Inf) == refused(v_init = 0, beta = NaN) == "non_finite"
    @test refused(threshold = 2.0^31, v_init = 0) == refused(v_init = -2.0^31) == "overflow"
    @test refused(v_init = 0, v_reset = 1) == "v_reset"
    @test refused(v_init = 0, max_spikes = 2, v_reset = 0) == "max_spikes"
    @test refused(st_bif_multistep; threshold = 3) == "not_whole"
    @test refused(st_bif_multistep; v_init = 0, tracer_min = 1) == "tracer"
end
