"""Factor blocks: what each PSU's weight is multiplied by in each replicate of a range."""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from sp2lnob._kernels._lanes cimport LANES
from sp2lnob._kernels._random cimport RESAMPLING

cdef enum:
    STEPS = 4  # counters that a lane turns at a time, four draws each
    BATCH = STEPS * LANES


def rao_wu(uint64_t seed, int64_t first, const int32_t[::1] stratum_start, const double[::1] slope,
           double[:, :, ::1] out):
    """Draw n_h - 1 of the n_h PSUs of every stratum with replacement (Rao and Wu 1988).

    Replicate first + LANES * group + lane is a pure function of the seed and its own number: draw j of stratum h is
    word j mod 4 of the counter (replicate, h, j div 4). A word w becomes the PSU (w n_h) / 2^32, without division; some
    PSU is then likelier than another by at most n_h / 2^32. A stratum of one PSU keeps it in every replicate.

    stratum_start: (strata + 1,) first PSU of each stratum. slope: (strata,) what a draw counts for. out: (groups, PSUs,
    LANES).
    """
    cdef Py_ssize_t group, psu, h, start, size, draw, i, j, lane
    cdef Py_ssize_t strata = stratum_start.shape[0] - 1
    cdef uint32_t c0[BATCH]
    cdef uint32_t c1[BATCH]
    cdef uint32_t c2[BATCH]
    cdef uint32_t c3[BATCH]
    cdef uint32_t drawn[4 * BATCH]
    cdef uint32_t k0, k1, w0, w2
    cdef uint64_t p0, p1
    cdef int _round
    with nogil:
        for group in range(out.shape[0]):
            for psu in range(out.shape[1]):
                for lane in range(LANES):
                    out[group, psu, lane] = 0.0
            for h in range(strata):
                start = stratum_start[h]
                size = stratum_start[h + 1] - start
                if size == 1:
                    for lane in range(LANES):
                        out[group, start, lane] = 1.0
                    continue
                for draw in range(0, size - 1, 16):
                    for i in range(BATCH):
                        c0[i] = <uint32_t> (first + group * LANES + i % LANES)
                        c1[i] = <uint32_t> h
                        c2[i] = <uint32_t> (draw // 4 + i // LANES)
                        c3[i] = RESAMPLING
                    k0 = <uint32_t> seed
                    k1 = <uint32_t> (seed >> 32)
                    for _round in range(10):  # the rounds of _random.philox, on many counters at a time
                        for i in range(BATCH):
                            p0 = <uint64_t> 0xD2511F53u * c0[i]
                            p1 = <uint64_t> 0xCD9E8D57u * c2[i]
                            w0 = <uint32_t> (p1 >> 32) ^ c1[i] ^ k0
                            w2 = <uint32_t> (p0 >> 32) ^ c3[i] ^ k1
                            c0[i] = w0
                            c1[i] = <uint32_t> p1
                            c2[i] = w2
                            c3[i] = <uint32_t> p0
                        k0 += 0x9E3779B9u
                        k1 += 0xBB67AE85u
                    for i in range(BATCH):
                        drawn[i] = <uint32_t> (<uint64_t> c0[i] * <uint32_t> size >> 32)
                        drawn[BATCH + i] = <uint32_t> (<uint64_t> c1[i] * <uint32_t> size >> 32)
                        drawn[2 * BATCH + i] = <uint32_t> (<uint64_t> c2[i] * <uint32_t> size >> 32)
                        drawn[3 * BATCH + i] = <uint32_t> (<uint64_t> c3[i] * <uint32_t> size >> 32)
                    for j in range(min(4 * STEPS, size - 1 - draw)):
                        for lane in range(LANES):
                            out[group, start + drawn[(j % 4) * BATCH + (j // 4) * LANES + lane], lane] += 1.0
                for psu in range(start, start + size):
                    for lane in range(LANES):
                        out[group, psu, lane] *= slope[h]
