"""Factor blocks: how much of its weight each unit keeps in each replicate of a range."""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from sp2lnob._kernels._lanes cimport LANES

cdef enum:
    STEPS = 4  # counters that a lane turns at a time, four draws each
    BATCH = STEPS * LANES


def rao_wu(
    uint64_t seed,
    int64_t first,
    uint32_t purpose,
    const int32_t[::1] start,
    const int32_t[::1] draws,
    const double[::1] base,
    const double[::1] slope,
    int32_t[:, ::1] room,
    double[:, :, ::1] out,
):
    # Draw units of every stratum with replacement (Rao and Wu 1988) and write base + slope * times drawn.
    #
    # Replicate first + LANES * group + lane is a pure function of the seed and its own number: draw j of stratum h is
    # word j mod 4 of the counter (replicate, h, j div 4, purpose). A word w becomes the unit (w n_h) / 2^32, without
    # division; some unit is then likelier than another by at most n_h / 2^32. A stratum without draws has its base.
    #
    # start: (strata + 1,) first unit of each stratum. draws, base, slope: (strata,). room: (units of the largest
    # stratum, LANES) in which the draws of a stratum are counted. out: (groups, units, LANES).
    cdef Py_ssize_t group, h, size, left, words, i, j, lane
    cdef Py_ssize_t strata = start.shape[0] - 1
    cdef uint32_t c0[BATCH]
    cdef uint32_t c1[BATCH]
    cdef uint32_t c2[BATCH]
    cdef uint32_t c3[BATCH]
    cdef uint32_t drawn[4 * BATCH]
    cdef uint32_t k0, k1, w0, w2
    cdef uint64_t p0, p1
    cdef Py_ssize_t done, times
    cdef int32_t *count
    cdef uint32_t *unit
    cdef double *factor
    cdef double at, by
    cdef int _round
    with nogil:
        for group in range(out.shape[0]):
            for h in range(strata):
                size = start[h + 1] - start[h]
                times = draws[h]
                count = &room[0, 0]
                for i in range(size * LANES):
                    count[i] = 0
                for done in range(0, times, 16):
                    left = min(times - done, 4 * STEPS)
                    words = (left + 3) // 4 * LANES  # no more counters than the draws that are left need
                    for i in range(words):
                        c0[i] = <uint32_t> (first + group * LANES + i % LANES)
                        c1[i] = <uint32_t> h
                        c2[i] = <uint32_t> (done // 4 + i // LANES)
                        c3[i] = purpose
                    k0 = <uint32_t> seed
                    k1 = <uint32_t> (seed >> 32)
                    for _round in range(10):  # the rounds of _random.philox, on many counters at a time
                        for i in range(words):
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
                    for i in range(words):
                        drawn[i] = <uint32_t> (<uint64_t> c0[i] * <uint32_t> size >> 32)
                        drawn[BATCH + i] = <uint32_t> (<uint64_t> c1[i] * <uint32_t> size >> 32)
                        drawn[2 * BATCH + i] = <uint32_t> (<uint64_t> c2[i] * <uint32_t> size >> 32)
                        drawn[3 * BATCH + i] = <uint32_t> (<uint64_t> c3[i] * <uint32_t> size >> 32)
                    for j in range(left):
                        unit = &drawn[(j % 4) * BATCH + (j // 4) * LANES]
                        for lane in range(LANES):
                            count[unit[lane] * LANES + lane] += 1
                at = base[h]
                by = slope[h]
                factor = &out[group, start[h], 0]
                for i in range(size * LANES):
                    factor[i] = at + by * count[i]
