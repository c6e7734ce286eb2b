# ZIP's checksum: CRC-32 with the reflected polynomial 0xEDB88320.

"Tables for eight bytes at a time: `CRC_TABLES[b + 1, k + 1]` is the checksum of byte b followed by k zero bytes."
const CRC_TABLES = let tables = Matrix{UInt32}(undef, 256, 8)
    for byte in 0:255
        crc = UInt32(byte)
        for _ in 1:8
            crc = crc >> 1 ⊻ (0xedb88320 * (crc & 0x01))
        end
        tables[byte+1, 1] = crc
    end
    for k in 2:8, byte in 1:256
        before = tables[byte, k-1]
        tables[byte, k] = before >> 8 ⊻ tables[before&0xff+1, 1]
    end
    tables
end

"Return the CRC-32 of `data`."
function crc32(data::AbstractVector{UInt8})
    crc, i, n = 0xffffffff, firstindex(data), lastindex(data)
    @inbounds while i + 7 <= n
        low = crc ⊻ (UInt32(data[i]) | UInt32(data[i+1]) << 8 | UInt32(data[i+2]) << 16 | UInt32(data[i+3]) << 24)
        crc =
            CRC_TABLES[low&0xff+1, 8] ⊻ CRC_TABLES[low>>8&0xff+1, 7] ⊻ CRC_TABLES[low>>16&0xff+1, 6] ⊻
            CRC_TABLES[low>>24+1, 5] ⊻ CRC_TABLES[data[i+4]+1, 4] ⊻ CRC_TABLES[data[i+5]+1, 3] ⊻
            CRC_TABLES[data[i+6]+1, 2] ⊻ CRC_TABLES[data[i+7]+1, 1]
        i += 8
    end
    @inbounds while i <= n
        crc = crc >> 8 ⊻ CRC_TABLES[(crc⊻data[i])&0xff+1, 1]
        i += 1
    end
    return ~crc
end
