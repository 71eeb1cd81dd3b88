"""Philox4x32-10 by the array, for what is not drawn inside another kernel. Cost: one call of ten rounds a number."""
from libc.stdint cimport uint32_t, uint64_t


def philox_words(uint64_t key, const uint32_t[:, ::1] counter, uint32_t[:, ::1] out):
    # Write the four random words of every counter, both of shape (n, 4).
    cdef Py_ssize_t i, j
    cdef uint32_t word[4]
    with nogil:
        for i in range(counter.shape[0]):
            for j in range(4):
                word[j] = counter[i, j]
            philox(key, word)
            for j in range(4):
                out[i, j] = word[j]


def uniforms(uint64_t key, const uint64_t[::1] identity, uint32_t stream, uint32_t purpose, double[::1] out):
    # Write one number in [0, 1) for every identity.
    cdef Py_ssize_t i
    with nogil:
        for i in range(identity.shape[0]):
            out[i] = uniform(key, identity[i], stream, purpose)
