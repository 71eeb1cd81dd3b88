# Replicates side by side: wide enough for the widest registers, narrow enough for the accumulators to stay in them.
cdef enum:
    LANES = 8
