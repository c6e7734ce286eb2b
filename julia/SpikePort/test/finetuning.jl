const NAMES = ["input", "hidden", "output"]

@testset "freezing goes up to and with the layer named" begin
    schedule = finetune_schedule(NAMES; freeze_until = "hidden", lr_backbone = 0.125, lr_head = 0.5)
    @test schedule.frozen == ["input", "hidden"]
    @test schedule.rates == [0.0, 0.0, 0.5]
    @test finetune_schedule(NAMES; freeze_until = 1).frozen == schedule.frozen
    @test finetune_schedule(NAMES; lr_backbone = 0.125, lr_head = 0.5).rates == [0.125, 0.125, 0.5]
end

@testset "what was frozen stays frozen, in network order, the head too" begin
    schedule = finetune_schedule(NAMES; freeze_until = 0, frozen = ["output"], head = "hidden", lr_head = 0.5)
    @test schedule.frozen == ["input", "output"]
    @test schedule.rates == [0.0, 0.5, 0.0]
end

@testset "setting free" begin
    @test finetune_unfreeze(NAMES, ["output", "input"]) == ["input", "output"]
    @test finetune_unfreeze(NAMES, ["input", "hidden"]; names = ["input", "output"]) == ["hidden"]
    @test finetune_unfreeze(NAMES, ["input"]; all_layers = true) == []
end

@testset "a step is u = μ·u + g, w = w - η·u" begin
    w, g, u = [[1.0, 2.0]], [[0.5, -1.0]], [[2.0, 0.0]]
    weights, velocities = finetune_step(w, g, [0.25]; layer_names = ["a"], momentum = 0.5, velocities = u)
    @test velocities == [[1.5, -1.0]]
    @test weights == [[0.625, 2.25]]
end

@testset "rates and momentum are checked before they are rounded" begin
    given = (layer_names = ["a"], momentum = 1 - 1e-12)
    weights, velocities = finetune_step([Float32[1]], [Float32[1]], [1e-60]; given..., velocities = [Float32[1]])
    @test (weights, velocities) == ([Float32[1]], [Float32[2]])
end

@testset "a layer that is frozen, or has rate 0, keeps its bits" begin
    w, g = [[-0.0, 0.1], [0.1]], [[1.0, 1.0], [1.0]]
    weights, velocities = finetune_step(w, g, [0.5, 0.0]; layer_names = ["a", "b"], frozen = ["a"], momentum = 0.9)
    @test isequal(weights, w)
    @test weights[1] !== w[1]
    @test velocities == [[0.0, 0.0], [0.0]]
end

@testset "a faulty call is refused with its code" begin
    @test code_of(() -> finetune_schedule(NAMES; freeze_until = 3)) == "index_range"
    @test code_of(() -> finetune_schedule(NAMES; freeze_until = -2)) == "index_range"
    @test code_of(() -> finetune_schedule(NAMES; freeze_until = "none")) == "unknown_layer"
    @test code_of(() -> finetune_schedule(NAMES; lr_head = -0.1)) == "learning_rate"
    @test code_of(() -> finetune_unfreeze(NAMES, String[]; names = ["none"])) == "unknown_layer"
    @test code_of(() -> finetune_step([[1.0]], [[1.0]], [1.0]; layer_names = ["a"], momentum = 1.0)) == "momentum"
    @test code_of(() -> finetune_step([[1.0]], [[1.0]], [1.0]; layer_names = ["a", "b"])) == "shape"
    @test code_of(() -> finetune_step([[1.0]], [[1.0]], [1.0]; layer_names = ["a"], frozen = ["b"])) == "unknown_layer"
    @test code_of(() -> finetune_step([[1.0]], [[1.0]], [-1.0]; layer_names = ["a"])) == "learning_rate"
    @test code_of(() -> finetune_step([[NaN]], [[1.0]], [1.0]; layer_names = ["a"])) == "non_finite"
    @test code_of(() -> finetune_step([[1.0]], [[1.0, 2.0]], [1.0]; layer_names = ["a"])) == "shape"
end
