# From a checkpoint to what its two files say, and whether they would load again.

"""
Return the version in which a checkpoint is written.

The first where it is a chain of linear layers on vectors, whose weights are floats and whose neurons send at most one
spike in a step.
"""
function version_of(checkpoint::Checkpoint)
    sources, _ = sources_and_shapes(checkpoint)
    is_chain = all(places == [k - 1] for (k, places) in enumerate(sources))
    is_linear = all(node.operation isa Linear for node in checkpoint.nodes)
    is_single = all(node.neuron === nothing || node.neuron.max_spikes == 1 for node in checkpoint.nodes)
    return is_chain && is_linear && is_single && !is_of_integers(checkpoint) && length(checkpoint.input_shape) == 1 ? 1 : 2
end

"Throw [`CheckpointError`](@ref) with `version` where a sidecar says in version 2 what version 1 could hold."
check_version(sidecar::Sidecar, checkpoint::Checkpoint) =
    sidecar.version == version_of(checkpoint) || throw(
        CheckpointError("version", "a chain of linear layers, of floats and of one spike a step, is written in version 1"),
    )

"Return what a sidecar says of each node."
function node_entries(checkpoint::Checkpoint)
    sources, shapes = sources_and_shapes(checkpoint)
    names = [INPUT; checkpoint.layer_names]
    return map(checkpoint.nodes, sources, shapes) do node, places, shape
        operation = node.operation
        given = [size(array) for (_, array) in arrays(operation)]
        isempty(given) || (given = [first(given), first(given)[1:1]])
        NodeEntry(
            node.name,
            node.neuron_type,
            word_of(operation),
            names[places.+1],
            shape,
            attributes(operation),
            given,
        )
    end
end

"Return the sidecar of a checkpoint whose archive has these bytes."
function describe(checkpoint::Checkpoint, archive::Vector{UInt8})
    return Sidecar(
        version_of(checkpoint),
        checkpoint.input_shape,
        node_entries(checkpoint),
        checkpoint.frozen_layers,
        total_params(checkpoint),
        length(archive),
        bytes2hex(sha256(archive)),
        checkpoint.metadata,
    )
end

"Return what the archive of a checkpoint holds."
function layer_arrays(checkpoint::Checkpoint)
    _, shapes = sources_and_shapes(checkpoint)
    version = version_of(checkpoint)
    return [layer_arrays(node, first(shape), version) for (node, shape) in zip(checkpoint.nodes, shapes)]
end

"Throw [`CheckpointError`](@ref) unless the checkpoint would load again."
function validate(checkpoint::Checkpoint)
    sidecar = read_sidecar(write_sidecar(describe(checkpoint, UInt8[])), "checkpoint")
    expected_members(sidecar)
    for (node, entry) in zip(checkpoint.nodes, sidecar.nodes)
        check_node(node, first(entry.shape))
    end
    types = unique(filter(!isnothing, [array_type(node.operation) for node in checkpoint.nodes]))
    sidecar.version == 1 ||
        length(types) == 1 ||
        throw(CheckpointError("dtype", "layers differ in dtype: give all weights in one type, not $(join(types, ", "))"))
    check_integers(checkpoint)
    return nothing
end

"Return the checkpoint that a sidecar and the arrays of its archive describe; both have been checked."
function checkpoint_of(sidecar::Sidecar, layers::Vector{LayerArrays})
    nodes = [stored_node(entry, arrays) for (entry, arrays) in zip(sidecar.nodes, layers)]
    return Checkpoint(nodes, sidecar.input_shape, sidecar.frozen_layers, sidecar.metadata)
end
