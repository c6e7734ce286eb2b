# Loading: two files of which everything is checked before it is believed.

"How often a pair is read that another process keeps replacing."
const ATTEMPTS = 64

"Return archive and sidecar of `path`: \"name\", \"name.npz\" and \"name.json\" name the same pair."
function checkpoint_paths(path::AbstractString)
    base, suffix = splitext(path)
    name = suffix in (".npz", ".json") ? base : path
    return name * ".npz", name * ".json"
end

"""
    load_checkpoint(path) -> Checkpoint

Load the checkpoint at `path` ("name", "name.npz" or "name.json"). Everything is checked before it is believed; see
`conformance/SPEC.md` for the order.

Throws [`CheckpointError`](@ref); nothing is loaded then.
"""
load_checkpoint(path::AbstractString) = first(read_checkpoint(path))

"Return the checkpoint at `path` and the archive's SHA-256."
function read_checkpoint(path::AbstractString)
    archive_path, sidecar_path = checkpoint_paths(path)
    sidecar, content = read_pair(archive_path, sidecar_path)
    file, expected = basename(archive_path), expected_members(sidecar)
    layers = layers_of(read_archive(content, expected, file), expected, file; one_type = sidecar.version == 2)
    total = sum(n_params, layers)
    total == sidecar.total_params ||
        throw(CheckpointError("shape", "total_params says $(sidecar.total_params), the archive holds $total"))
    checkpoint = checkpoint_of(sidecar, layers)
    check_integers(checkpoint)
    check_version(sidecar, checkpoint)
    return checkpoint, sidecar.archive_sha256
end

"Return the checked sidecar and the archive that it was written for."
function read_pair(archive_path, sidecar_path)
    text = read_file(sidecar_path, LARGEST_SIDECAR)
    for attempt in 1:ATTEMPTS
        sidecar = read_sidecar(text, basename(sidecar_path))
        try
            return sidecar, read_archive_file(archive_path, sidecar)
        catch err
            err isa CheckpointError && err.code in ("archive_digest", "missing_file") || rethrow()
            again = read_file(sidecar_path, LARGEST_SIDECAR)
            again != text && attempt < ATTEMPTS || rethrow()
            text = again
        end
    end
end

function read_archive_file(path, sidecar::Sidecar)
    sidecar.archive_bytes <= min(largest_archive(expected_members(sidecar)), LARGEST_ARCHIVE) || throw(
        CheckpointError(
            "too_large",
            "$(basename(path)) should have $(sidecar.archive_bytes) bytes, more than its layers could need",
        ),
    )
    staged = staged_path(path, sidecar.archive_sha256)
    for candidate in (path, staged, path) # a save may rename the one to the other between our looks
        candidate == staged && !isfile(staged) && continue
        content = try
            read_file(candidate, sidecar.archive_bytes)
        catch err
            err isa CheckpointError && err.code == "missing_file" || rethrow()
            candidate == staged || isfile(staged) || rethrow()
            continue
        end
        is_whole = length(content) == sidecar.archive_bytes && bytes2hex(sha256(content)) == sidecar.archive_sha256
        is_whole && return content
    end
    throw(
        CheckpointError(
            "archive_digest",
            "$(basename(path)) is not the archive that its sidecar was written for: restore both files",
        ),
    )
end

"Return at most `limit + 1` bytes of a regular file that is not a link."
function read_file(path, limit::Int)
    can_be = can_name_a_file(path)
    can_be &&
        islink(path) &&
        throw(CheckpointError("symlink", "$(basename(path)) is a symbolic link: give the path it points to"))
    missing_file =
        CheckpointError("missing_file", "there is no file $path: a checkpoint is a .npz and a .json of one name")
    can_be && isfile(path) || throw(missing_file)
    try
        return open(file -> read(file, min(limit, filesize(file)) + 1), path)
    catch err
        err isa SystemError || rethrow()
        throw(missing_file) # it went away while it was opened
    end
end

"Return whether a file may have this path: the system throws at others instead of finding none."
function can_name_a_file(path)
    occursin('\0', path) && return false
    try
        lstat(path)
        return true
    catch err
        err isa Base.IOError || rethrow()
        return false
    end
end

staged_path(archive, digest) = joinpath(dirname(archive), ".$(basename(archive)).$(digest[1:16])")

"Return the SHA-256 of the values of all members in archive order, headers left out."
function arrays_digest(checkpoint::Checkpoint)
    context = SHA2_256_CTX()
    for (_, array) in named_arrays(layer_arrays(checkpoint))
        update!(context, value_bytes(array))
    end
    return bytes2hex(digest!(context))
end
