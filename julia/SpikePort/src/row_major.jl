# The contract's arrays are row-major, Julia's are not: weights of ours are theirs with their axes reversed.

"Return an array with its axes in reversed order, a vector as it is."
axes_reversed(array::Vector) = array
axes_reversed(array::Matrix) = transposed(array)
axes_reversed(array::Array) = permutedims(array, ndims(array):-1:1)

"Return the transpose of a matrix as a matrix, tile by tile, so that both sides stay in the cache."
function transposed(matrix::Matrix{T}) where {T}
    rows, columns = size(matrix)
    result = Matrix{T}(undef, columns, rows)
    for j0 in 1:16:columns, i0 in 1:16:rows
        @inbounds for i in i0:min(i0 + 15, rows), j in j0:min(j0 + 15, columns)
            result[j, i] = matrix[i, j]
        end
    end
    return result
end
