"""Who is paid: all schemes in one pass over persons. Cost: O(persons), whatever the number of schemes.

A set of schemes is a word of 64 bits. What a person's age admits to, and what sex, disability and a recent birth together
admit to, are looked up; the person's schemes are the bits that all tables have in common.
"""
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from sp2lnob._kernels._random cimport RECEIPT, uniform


def receipt(const int32_t[::1] first_person, const uint8_t[::1] age, const uint8_t[::1] trait,
            const uint64_t[::1] age_admits, const uint64_t[::1] trait_admits, const uint64_t[::1] chosen,
            uint64_t per_household, uint64_t drawn, uint64_t seed, const double[::1] coverage,
            const uint32_t[::1] stream, const uint64_t[::1] household_identity, const uint64_t[::1] person_identity,
            uint64_t[::1] received, int32_t[:, ::1] recipients):
    """Schemes received by every person, and the number of recipients in every household.

    first_person: (households + 1,). age, trait: (persons,) codes. age_admits: (256,), trait_admits: (256,) bits of the
    schemes that admit a code. chosen: (persons,) bits of the schemes whose expression holds for the person, or (0,) when
    no scheme has one. per_household: bits of the schemes that pay a household once, to its first eligible member. drawn:
    bits of the schemes with a coverage below 1: an eligible person, or household, receives when its number in [0, 1) is
    below the coverage, so that a higher coverage only adds recipients. coverage, stream: (schemes,); the identities may
    be (0,) when nothing is drawn. Out: received (persons,) bits; recipients (households, schemes), which holds zeros.
    """
    cdef Py_ssize_t h, i, s, schemes = recipients.shape[1]
    cdef uint64_t bits, paid, bit, who
    cdef bint any_chosen = chosen.shape[0] > 0
    with nogil:
        for h in range(recipients.shape[0]):
            paid = 0
            for i in range(first_person[h], first_person[h + 1]):
                bits = age_admits[age[i]] & trait_admits[trait[i]]
                if any_chosen:
                    bits = bits & chosen[i]
                bits = bits & ~(paid & per_household)
                if bits == 0:
                    received[i] = 0
                    continue
                paid = paid | bits
                for s in range(schemes):
                    bit = <uint64_t> 1 << s
                    if bits & bit == 0:
                        continue
                    if drawn & bit:
                        who = household_identity[h] if per_household & bit else person_identity[i]
                        if uniform(seed, who, stream[s], RECEIPT) >= coverage[s]:
                            bits = bits & ~bit
                            continue
                    recipients[h, s] += 1
                received[i] = bits
