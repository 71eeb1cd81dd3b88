# Replicates side by side: wide enough for the widest registers, narrow enough for the accumulators to stay in them.
# What is done to eight lanes is written out by register, since compilers keep arrays of eight in memory as they please.
cdef enum:
    LANES = 8
    AHEAD = 64  # rows ahead of which a factor is asked for: rows in the order of welfare have their units anywhere


cdef extern from *:
    """
    #include <string.h>
    #include <stdint.h>
    #if defined(__GNUC__)
    #define SP2LNOB_INLINE static inline __attribute__((always_inline))
    #else
    #define SP2LNOB_INLINE static inline
    #endif
    #if defined(__GNUC__) && defined(__AVX__)
    typedef double sp2lnob_part __attribute__((vector_size(32)));
    typedef int64_t sp2lnob_bits __attribute__((vector_size(32)));
    #define SP2LNOB_EACH(DO) DO(0) DO(1)
    #elif defined(__GNUC__)
    typedef double sp2lnob_part __attribute__((vector_size(16)));
    typedef int64_t sp2lnob_bits __attribute__((vector_size(16)));
    #define SP2LNOB_EACH(DO) DO(0) DO(1) DO(2) DO(3)
    #else
    typedef double sp2lnob_part;
    typedef int64_t sp2lnob_bits;
    #define SP2LNOB_EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
    #define __builtin_prefetch(where)
    #endif
    #define SP2LNOB_WIDTH (sizeof(sp2lnob_part) / sizeof(double))
    typedef struct { sp2lnob_part part[8 * sizeof(double) / sizeof(sp2lnob_part)]; } sp2lnob_lanes;
    SP2LNOB_INLINE sp2lnob_lanes sp2lnob_load(const double *from) {
        sp2lnob_lanes x;
        #define SP2LNOB_DO(i) memcpy(&x.part[i], from + i * SP2LNOB_WIDTH, sizeof(sp2lnob_part));
        SP2LNOB_EACH(SP2LNOB_DO)
        #undef SP2LNOB_DO
        return x;
    }
    SP2LNOB_INLINE void sp2lnob_store(double *to, sp2lnob_lanes x) {
        #define SP2LNOB_DO(i) memcpy(to + i * SP2LNOB_WIDTH, &x.part[i], sizeof(sp2lnob_part));
        SP2LNOB_EACH(SP2LNOB_DO)
        #undef SP2LNOB_DO
    }
    #define SP2LNOB_DO(i) x.part[i] = x.part[i] + y.part[i];
    SP2LNOB_INLINE sp2lnob_lanes sp2lnob_plus(sp2lnob_lanes x, sp2lnob_lanes y) { SP2LNOB_EACH(SP2LNOB_DO) return x; }
    #undef SP2LNOB_DO
    #define SP2LNOB_DO(i) x.part[i] = x.part[i] * y.part[i];
    SP2LNOB_INLINE sp2lnob_lanes sp2lnob_times(sp2lnob_lanes x, sp2lnob_lanes y) { SP2LNOB_EACH(SP2LNOB_DO) return x; }
    #undef SP2LNOB_DO
    #define SP2LNOB_DO(i) x.part[i] = a * x.part[i];
    SP2LNOB_INLINE sp2lnob_lanes sp2lnob_scaled(double a, sp2lnob_lanes x) { SP2LNOB_EACH(SP2LNOB_DO) return x; }
    #undef SP2LNOB_DO
    #define SP2LNOB_DO(i) x.part[i] = x.part[i] - y.part[i];
    SP2LNOB_INLINE sp2lnob_lanes sp2lnob_minus(sp2lnob_lanes x, sp2lnob_lanes y) { SP2LNOB_EACH(SP2LNOB_DO) return x; }
    #undef SP2LNOB_DO
    #define SP2LNOB_DO(i) x.part[i] = a / x.part[i];
    SP2LNOB_INLINE sp2lnob_lanes sp2lnob_over(double a, sp2lnob_lanes x) { SP2LNOB_EACH(SP2LNOB_DO) return x; }
    #undef SP2LNOB_DO
    #define SP2LNOB_DO(i) x.part[i] = x.part[i] + a;
    SP2LNOB_INLINE sp2lnob_lanes sp2lnob_shifted(double a, sp2lnob_lanes x) { SP2LNOB_EACH(SP2LNOB_DO) return x; }
    #undef SP2LNOB_DO

    SP2LNOB_INLINE sp2lnob_part sp2lnob_exp_part(sp2lnob_part x) {
        sp2lnob_part k = x * 1.4426950408889634 + 6755399441055744.0, r, r2, r4, s;
        sp2lnob_bits power, bits;
        memcpy(&power, &k, sizeof k);
        k = k - 6755399441055744.0;
        r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
        r2 = r * r;
        r4 = r2 * r2;
        s = (1.0 / 2 + r * (1.0 / 6)) + r2 * (1.0 / 24 + r * (1.0 / 120))
            + r4 * ((1.0 / 720 + r * (1.0 / 5040)) + r2 * (1.0 / 40320 + r * (1.0 / 362880))
                    + r4 * ((1.0 / 3628800 + r * (1.0 / 39916800))
                            + r2 * (1.0 / 479001600 + r * (1.0 / 6227020800))));
        s = 1.0 + (r + r2 * s);
        memcpy(&bits, &s, sizeof s);
        #if defined(__GNUC__)
        bits = bits + (power << 52);
        #else
        bits = (int64_t) ((uint64_t) bits + ((uint64_t) power << 52));
        #endif
        memcpy(&s, &bits, sizeof s);
        return s;
    }
    #define SP2LNOB_DO(i) x.part[i] = sp2lnob_exp_part(x.part[i]);
    SP2LNOB_INLINE sp2lnob_lanes sp2lnob_exponential(sp2lnob_lanes x) { SP2LNOB_EACH(SP2LNOB_DO) return x; }
    #undef SP2LNOB_DO

    SP2LNOB_INLINE sp2lnob_part sp2lnob_below(sp2lnob_part x, double most) {
        #if defined(__GNUC__)
        sp2lnob_part bound = x * 0.0 + most;
        sp2lnob_bits keep = (sp2lnob_bits) (x < bound);
        return (sp2lnob_part) ((keep & (sp2lnob_bits) x) | (~keep & (sp2lnob_bits) bound));
        #else
        return x < most ? x : most;
        #endif
    }
    SP2LNOB_INLINE sp2lnob_part sp2lnob_more(sp2lnob_part x, sp2lnob_part y) {
        #if defined(__GNUC__)
        sp2lnob_bits keep = (sp2lnob_bits) (x > y);
        return (sp2lnob_part) ((keep & (sp2lnob_bits) x) | (~keep & (sp2lnob_bits) y));
        #else
        return x > y ? x : y;
        #endif
    }
    #define SP2LNOB_DO(i) x.part[i] = sp2lnob_more(x.part[i], y.part[i]);
    SP2LNOB_INLINE sp2lnob_lanes sp2lnob_greater(sp2lnob_lanes x, sp2lnob_lanes y) {
        SP2LNOB_EACH(SP2LNOB_DO)
        return x;
    }
    #undef SP2LNOB_DO
    #define SP2LNOB_DO(i) x.part[i] = -sp2lnob_below(-sp2lnob_below(x.part[i], most), most);
    SP2LNOB_INLINE sp2lnob_lanes sp2lnob_within(sp2lnob_lanes x, double most) { SP2LNOB_EACH(SP2LNOB_DO) return x; }
    #undef SP2LNOB_DO
    """
    ctypedef struct lanes "sp2lnob_lanes":
        pass
    lanes load "sp2lnob_load"(const double *) noexcept nogil
    void store "sp2lnob_store"(double *, lanes) noexcept nogil
    lanes plus "sp2lnob_plus"(lanes, lanes) noexcept nogil
    lanes times "sp2lnob_times"(lanes, lanes) noexcept nogil
    lanes scaled "sp2lnob_scaled"(double, lanes) noexcept nogil
    lanes shifted "sp2lnob_shifted"(double, lanes) noexcept nogil
    lanes minus "sp2lnob_minus"(lanes, lanes) noexcept nogil
    lanes over "sp2lnob_over"(double, lanes) noexcept nogil
    lanes greater "sp2lnob_greater"(lanes, lanes) noexcept nogil
    lanes within "sp2lnob_within"(lanes, double) noexcept nogil  # [-most, most]
    # e^x for |x| <= 700, within 1 unit in the last place: x = k ln 2 + r, the ln 2 in two parts (Cody and Waite 1980),
    # and Taylor's polynomial of degree 13 on |r| <= ln 2 / 2. Plain arithmetic: the same bits on every processor.
    lanes exponential "sp2lnob_exponential"(lanes) noexcept nogil
    void prefetch "__builtin_prefetch"(const double *) noexcept nogil
