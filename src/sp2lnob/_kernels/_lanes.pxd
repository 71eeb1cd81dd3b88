# Replicates side by side: wide enough for the widest registers, narrow enough for the accumulators to stay in them.
# What is done to eight lanes is written out by register, since compilers keep arrays of eight in memory as they please.
cdef enum:
    LANES = 8
    AHEAD = 64  # rows ahead of which a factor is asked for: rows in the order of welfare have their units anywhere


cdef extern from *:
    """
    #include <string.h>
    #if defined(__GNUC__) && defined(__AVX__)
    typedef double sp2lnob_part __attribute__((vector_size(32)));
    #define SP2LNOB_EACH(DO) DO(0) DO(1)
    #elif defined(__GNUC__)
    typedef double sp2lnob_part __attribute__((vector_size(16)));
    #define SP2LNOB_EACH(DO) DO(0) DO(1) DO(2) DO(3)
    #else
    typedef double sp2lnob_part;
    #define SP2LNOB_EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
    #define __builtin_prefetch(where)
    #endif
    #define SP2LNOB_WIDTH (sizeof(sp2lnob_part) / sizeof(double))
    typedef struct { sp2lnob_part part[8 * sizeof(double) / sizeof(sp2lnob_part)]; } sp2lnob_lanes;
    static inline sp2lnob_lanes sp2lnob_load(const double *from) {
        sp2lnob_lanes x;
        #define SP2LNOB_DO(i) memcpy(&x.part[i], from + i * SP2LNOB_WIDTH, sizeof(sp2lnob_part));
        SP2LNOB_EACH(SP2LNOB_DO)
        #undef SP2LNOB_DO
        return x;
    }
    static inline void sp2lnob_store(double *to, sp2lnob_lanes x) {
        #define SP2LNOB_DO(i) memcpy(to + i * SP2LNOB_WIDTH, &x.part[i], sizeof(sp2lnob_part));
        SP2LNOB_EACH(SP2LNOB_DO)
        #undef SP2LNOB_DO
    }
    #define SP2LNOB_DO(i) x.part[i] = x.part[i] + y.part[i];
    static inline sp2lnob_lanes sp2lnob_plus(sp2lnob_lanes x, sp2lnob_lanes y) { SP2LNOB_EACH(SP2LNOB_DO) return x; }
    #undef SP2LNOB_DO
    #define SP2LNOB_DO(i) x.part[i] = x.part[i] * y.part[i];
    static inline sp2lnob_lanes sp2lnob_times(sp2lnob_lanes x, sp2lnob_lanes y) { SP2LNOB_EACH(SP2LNOB_DO) return x; }
    #undef SP2LNOB_DO
    #define SP2LNOB_DO(i) x.part[i] = a * x.part[i];
    static inline sp2lnob_lanes sp2lnob_scaled(double a, sp2lnob_lanes x) { SP2LNOB_EACH(SP2LNOB_DO) return x; }
    #undef SP2LNOB_DO
    """
    ctypedef struct lanes "sp2lnob_lanes":
        pass
    lanes load "sp2lnob_load"(const double *) noexcept nogil
    void store "sp2lnob_store"(double *, lanes) noexcept nogil
    lanes plus "sp2lnob_plus"(lanes, lanes) noexcept nogil
    lanes times "sp2lnob_times"(lanes, lanes) noexcept nogil
    lanes scaled "sp2lnob_scaled"(double, lanes) noexcept nogil
    void prefetch "__builtin_prefetch"(const double *) noexcept nogil
