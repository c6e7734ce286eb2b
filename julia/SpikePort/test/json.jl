using SpikePort: JsonError, decimal, json_text, parse_json

parse_text(text::AbstractString) = parse_json(Vector{UInt8}(text))
is_refused(text) = try
    parse_text(text)
    false
catch err
    err isa JsonError || rethrow()
    true
end

@testset "strict JSON is read" begin
    value = parse_text(""" {"a": [1, -0, 2.5e1, true, null], "b\\u00e9\\ud83d\\ude00\\n": "x"} """)
    @test value["a"] == [1, 0, 25.0, true, nothing]
    @test value["a"][1] isa Int && value["a"][3] isa Float64
    @test keys(value) == ["a", "bé😀\n"]
    @test parse_text("9"^30) == typemax(Int)
    @test parse_text("1e-400") == 0.0
    @test parse_text("["^64 * "]"^64) isa Vector
end

@testset "what is not strict JSON is refused" begin
    for text in (
        "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "[1 2]", "01", "1.", ".5", "+1", "1e", "-", "tru", "nullx", "NaN",
        "Infinity", "-Infinity", "1e400", "9"^401, "\"", "\"\t\"", "\"\\x\"", "\"\\u12g4\"", "\"\\ud800\"",
        "\"\\ud800\\u0041\"", "\"\\udc00\"", "{\"a\":1,\"\\u0061\":2}", "1 2", "\ufeff{}",
        "["^65 * "]"^65, "'a'", "[1]//",
    )
        @test is_refused(text)
    end
    @test is_refused(String(UInt8[0x22, 0xff, 0x22]))
    @test is_refused(String(UInt8[0x22, 0xed, 0xa0, 0x80, 0x22]))
end

@testset "texts are written with the escapes of the contract" begin
    @test json_text("a\"\\\n\r\t\b\f\x01\x7fé/") == "\"a\\\"\\\\\\n\\r\\t\\b\\f\\u0001\x7fé/\""
    @test parse_text(json_text("\x1f \"é")) == "\x1f \"é"
end

@testset "decimals are read as strtod reads them" begin
    @test decimal("1e400") == Inf
    @test decimal("-1e99999999999999999999") == -Inf
    @test decimal("1e-400") == 0.0
    @test decimal("5e-324") == 5e-324
    @test decimal("1.7976931348623157e308") == floatmax(Float64)
    @test isnan(decimal("nan"))
end
