"""What this processor can do, and its operating system lets it do."""

cdef extern from *:
    """
    #if defined(_MSC_VER) && defined(_M_X64)
    #include <intrin.h>
    static int sp2lnob_has_avx2(void) {
        int of[4];
        __cpuid(of, 0);
        if (of[0] < 7) return 0;
        __cpuid(of, 1);
        if (~of[2] & (1 << 27 | 1 << 28) || (_xgetbv(0) & 6) != 6) return 0;  /* OSXSAVE, AVX; both registers saved */
        __cpuidex(of, 7, 0);
        return of[1] >> 5 & 1;
    }
    #elif defined(__x86_64__)
    static int sp2lnob_has_avx2(void) { return __builtin_cpu_supports("avx2") != 0; }
    #else
    static int sp2lnob_has_avx2(void) { return 0; }
    #endif
    """
    bint sp2lnob_has_avx2()


def has_avx2():
    """Return whether the kernels built for AVX2 run here."""
    return sp2lnob_has_avx2()
