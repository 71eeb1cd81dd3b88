# Replicates side by side: wide enough for the widest registers, narrow enough for the accumulators to stay in them.
cdef enum:
    LANES = 8
    AHEAD = 64  # rows ahead of which a factor is asked for: rows in the order of welfare have their units anywhere


cdef extern from *:
    """
    #if defined(__GNUC__)
    #define sp2lnob_prefetch(where) __builtin_prefetch(where)
    #else
    #define sp2lnob_prefetch(where) (void) 0
    #endif
    """
    void prefetch "sp2lnob_prefetch"(const double *where) noexcept nogil
