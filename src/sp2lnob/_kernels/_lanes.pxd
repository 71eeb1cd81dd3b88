from libc.stdint cimport uint8_t

# Replicates side by side: wide enough for the widest registers, narrow enough for the accumulators to stay in them.
cdef enum:
    LANES = 8


cdef inline void widen(const uint8_t[:, :, ::1] counts, Py_ssize_t group, double[:, ::1] factor) noexcept nogil:
    """Write one group's counts as doubles: turning a byte into one costs what using it costs, and PSUs have rows."""
    cdef Py_ssize_t psu, lane
    for psu in range(counts.shape[1]):
        for lane in range(LANES):
            factor[psu, lane] = counts[group, psu, lane]
