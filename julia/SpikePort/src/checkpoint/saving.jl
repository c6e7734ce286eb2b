# Saving: two files that change together.
#
# An overwrite stages the new archive beside the old one under a name that holds its digest, then puts the new sidecar
# in place, which is the moment that counts, then gives the archive its name. Stopped anywhere, what loads is the whole
# old checkpoint or the whole new one: a sidecar whose archive is not yet in place finds it under the staged name. One
# save at a time writes into a folder, so that none takes away what another has staged.

"""
    checkpoint_bytes(checkpoint) -> (archive, sidecar)

Return the bytes of the two files: the same content, the same bytes, in every language.
"""
function checkpoint_bytes(checkpoint::Checkpoint)
    archive = write_archive(named_arrays(layer_arrays(checkpoint)))
    return archive, write_sidecar(describe(checkpoint, archive))
end

"""
    save_checkpoint(checkpoint, path) -> String

Write `<path>.npz` and `<path>.json` and return the sidecar's path.

Throws [`CheckpointError`](@ref) for content that would not load again; nothing is written then.
"""
function save_checkpoint(checkpoint::Checkpoint, path::AbstractString)
    validate(checkpoint)
    archive_path, sidecar_path = checkpoint_paths(path)
    for target in (archive_path, sidecar_path)
        islink(target) &&
            throw(CheckpointError("symlink", "$(basename(target)) is a symbolic link: give the path it points to"))
    end
    archive, sidecar = checkpoint_bytes(checkpoint)
    folder = dirname(archive_path)
    alone(isempty(folder) ? "." : folder) do
        write_pair(archive, sidecar, archive_path, sidecar_path)
    end
    return sidecar_path
end

function write_pair(archive, sidecar, archive_path, sidecar_path)
    staged = staged_path(archive_path, bytes2hex(sha256(archive)))
    waits = ispath(staged) # a save of the same content was stopped, and the sidecar in place may need this file
    replace_file(staged, archive; beside = archive_path)
    try
        replace_file(sidecar_path, sidecar)
    catch
        waits || rm(staged; force = true)
        rethrow()
    end
    put_in_place(staged, archive_path)
    remove_stale((archive_path, sidecar_path))
    return nothing
end

const LOCK_ALONE_OR_NOT_AT_ALL = Cint(2 | 4)
"Seconds between two looks whether a lock is free: a call that waits for it would hold up the garbage collector."
const LOOK_AGAIN = 0.002

"Call `save` while no other save goes on in `folder`, where the system can hold one off."
function alone(save, folder)
    Sys.isunix() || return save()
    opened = try
        Filesystem.open(folder, Filesystem.JL_O_RDONLY)
    catch err
        err isa Base.IOError || rethrow()
        return save() # a folder that may be written and not read
    end
    try
        while ccall(:flock, Cint, (Cint, Cint), reinterpret(Cint, opened.handle), LOCK_ALONE_OR_NOT_AT_ALL) != 0
            Libc.errno() in (Libc.EAGAIN, Libc.EINTR) || break # a file system without locks
            sleep(LOOK_AGAIN)
        end
        return save()
    finally
        close(opened)
    end
end

"Put `content` at `path` in one step; until then it is hidden `beside` a file of the pair."
function replace_file(path, content::Vector{UInt8}; beside = path)
    digits = string(UInt32(getpid()); base = 16, pad = 8) * string(time_ns() % UInt32; base = 16, pad = 8)
    temporary = joinpath(dirname(path), ".$(basename(beside)).$digits")
    try
        write(temporary, content)
        put_in_place(temporary, path)
    catch
        rm(temporary; force = true)
        rethrow()
    end
    return nothing
end

"Give a file another name in one step; where that fails, `Base.rename` of Julia 1.5 copies, which can be stopped half-way."
function put_in_place(from, to)
    status = ccall(:jl_fs_rename, Int32, (Cstring, Cstring), from, to)
    status < 0 && Base.uv_error("rename $from to $to", status)
    return nothing
end

"Remove what saves of these files that were stopped have left; what cannot be removed does no harm."
function remove_stale(files)
    folder = dirname(first(files))
    prefixes = [".$(basename(file))." for file in files]
    for file in readdir(isempty(folder) ? "." : folder)
        any(prefix -> startswith(file, prefix) && is_left(file[ncodeunits(prefix)+1:end]), prefixes) || continue
        try
            rm(joinpath(folder, file))
        catch err
            err isa Base.IOError || rethrow()
        end
    end
    return nothing
end

"Whether a name that ends so is that of a file of a save that was stopped."
is_left(ending) = occursin(r"^[0-9a-f]{16}\z", ending)
