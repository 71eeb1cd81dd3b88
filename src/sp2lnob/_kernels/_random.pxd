# Philox4x32 with ten rounds (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"),
# the only source of randomness. The key is the seed; the last word of the counter is what the numbers are for, so that
# no two uses ever share a stream.
from libc.stdint cimport uint32_t, uint64_t

cdef enum Purpose:
    RESAMPLING = 0
    RECEIPT = 1
    EXAMPLE = 2
    SECOND_STAGE = 3
    SKETCH = 4
    FOLD = 5
    PERMUTATION = 6


cdef inline void philox(uint64_t key, uint32_t *word) noexcept nogil:
    """Replace the counter in word[0:4] by its four random words."""
    cdef uint32_t k0 = <uint32_t> key, k1 = <uint32_t> (key >> 32), w0, w2
    cdef uint64_t p0, p1
    cdef int _round
    for _round in range(10):
        p0 = <uint64_t> 0xD2511F53u * word[0]
        p1 = <uint64_t> 0xCD9E8D57u * word[2]
        w0 = <uint32_t> (p1 >> 32) ^ word[1] ^ k0
        w2 = <uint32_t> (p0 >> 32) ^ word[3] ^ k1
        word[0] = w0
        word[1] = <uint32_t> p1
        word[2] = w2
        word[3] = <uint32_t> p0
        k0 += 0x9E3779B9u
        k1 += 0xBB67AE85u


cdef inline double uniform(uint64_t key, uint64_t identity, uint32_t stream, uint32_t purpose) noexcept nogil:
    """One number in [0, 1) with 53 random bits, a pure function of its four arguments."""
    cdef uint32_t word[4]
    word[0] = <uint32_t> identity
    word[1] = <uint32_t> (identity >> 32)
    word[2] = stream
    word[3] = purpose
    philox(key, word)
    return ((word[0] >> 5) * 67108864.0 + (word[1] >> 6)) / 9007199254740992.0
