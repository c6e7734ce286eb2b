"""
Base of every error that SpikePort throws on purpose: a `code`, the same word in every language, and a `message`.
"""
abstract type SpikePortError <: Exception end

"A kernel was given arrays or parameters outside its contract."
struct KernelError <: SpikePortError
    code::String
    message::String
end

"A layer or neuron that cannot be."
struct GraphError <: SpikePortError
    code::String
    message::String
end

"A checkpoint that is refused; nothing was loaded, or nothing written."
struct CheckpointError <: SpikePortError
    code::String
    message::String
end

Base.showerror(io::IO, err::SpikePortError) = print(io, nameof(typeof(err)), " (", err.code, "): ", err.message)
