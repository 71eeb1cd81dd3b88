"""Who is paid by all schemes together, and how much: what a household is paid, and its welfare after.

Cost: O(persons) to admit, and as much again to count for every eight schemes; O(households x schemes) for the money; to
pay everybody whom codes admit, O(persons) for both.

A set of schemes is a word of 64 bits. What a person's age admits to, and what sex, disability and a recent birth
together admit to, are looked up; the person's schemes are the bits that all tables have in common. Who is eligible
cannot be foreseen, so nothing here branches on it, but where a number is drawn.
"""
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from sp2lnob._kernels._random cimport RECEIPT, uniform


def admit(const uint8_t[::1] age, const uint8_t[::1] trait, const uint64_t[::1] age_admits,
          const uint64_t[::1] trait_admits, uint64_t[::1] received):
    # Write the schemes that every person's codes admit to.
    #
    # age, trait: (persons,) codes. age_admits, trait_admits: (256,) bits of the schemes that admit a code.
    cdef Py_ssize_t i
    with nogil:
        for i in range(received.shape[0]):
            received[i] = age_admits[age[i]] & trait_admits[trait[i]]


def draw(const int32_t[::1] first_person, uint64_t per_household, uint64_t drawn, uint64_t seed,
         const double[::1] coverage, const uint32_t[::1] stream, const uint64_t[::1] household_identity,
         const uint64_t[::1] person_identity, uint64_t[::1] received):
    # Take away what a household is paid once and has already, and what is drawn and not won.
    #
    # first_person: (households + 1,). per_household: bits of the schemes that pay a household once, to its first
    # eligible member. drawn: bits of the schemes with a coverage below 1: an eligible person, or household, receives
    # when its number in [0, 1) is below the coverage, so that a higher coverage only adds recipients. coverage, stream:
    # (schemes,); the identities may be (0,) when nothing is drawn.
    cdef Py_ssize_t h, i, s
    cdef uint64_t paid, bit, who
    with nogil:
        for h in range(first_person.shape[0] - 1):
            paid = 0
            for i in range(first_person[h], first_person[h + 1]):
                received[i] &= ~paid
                paid |= received[i] & per_household
                if received[i] & drawn == 0:
                    continue
                for s in range(coverage.shape[0]):
                    bit = received[i] & drawn & (<uint64_t> 1 << s)
                    if bit:
                        who = household_identity[h] if bit & per_household else person_identity[i]
                        if uniform(seed, who, stream[s], RECEIPT) >= coverage[s]:
                            received[i] ^= bit


def count(const int32_t[::1] first_person, const uint64_t[::1] received, Py_ssize_t block, uint64_t[::1] before,
          int32_t[:, ::1] recipients):
    # Count the recipients of every household: (households, schemes), which holds zeros.
    #
    # Eight schemes are counted at a time, each in a byte of one word. The word runs on over the persons of a block of
    # households, and a household's count is the difference between its ends, which is right even though the sum
    # overflows: no loop ends where it cannot be foreseen. before: work space, the sum before each person of a block; of
    # 1 more than the persons of the largest.
    cdef Py_ssize_t h, i, s, start, stop, first, low, high, offset
    cdef Py_ssize_t schemes = recipients.shape[1], households = recipients.shape[0]
    cdef uint64_t tally
    cdef uint64_t spread[256]  # the bits of a byte, each in a byte of its own
    with nogil:
        for i in range(256):
            spread[i] = 0
            for s in range(8):
                spread[i] |= <uint64_t> (i >> s & 1) << 8 * s
        low = 0
        while low < households:
            high = min(low + block, households)
            offset = first_person[low]
            for first in range(0, schemes, 8):
                tally = 0
                before[0] = 0
                for i in range(offset, first_person[high]):
                    tally += spread[received[i] >> first & 255]
                    before[i - offset + 1] = tally
                for h in range(low, high):
                    for start in range(first_person[h], first_person[h + 1], 255):  # as many as a byte counts
                        stop = min(start + 255, <Py_ssize_t> first_person[h + 1])
                        tally = before[stop - offset] - before[start - offset]
                        for s in range(first, min(first + 8, schemes)):
                            recipients[h, s] += <int32_t> (tally & 255)
                            tally >>= 8
            low = high


def pay(const uint8_t[::1] age, const uint8_t[::1] trait, const uint64_t[:, ::1] age_words,
        const uint64_t[:, ::1] trait_words, const int32_t[::1] first_person, const double[::1] amount,
        const double[::1] welfare, const double[::1] size, double mpc, double periods, Py_ssize_t block,
        uint64_t[::1] before, double[::1] out):
    # Welfare after schemes that pay everybody whom their codes admit: who it was is not written down.
    #
    # age_words, trait_words: (words, 256), byte b of word k is 1 where a code is admitted to scheme 8 k + b. A block of
    # households at a time is counted, eight schemes in a word that runs on over the persons, as in `count`: no loop
    # ends where it cannot be foreseen. before: work space, of 1 more than the persons of the largest block. No
    # household may have over 255 persons. The bits are those of `welfare_after`.
    cdef Py_ssize_t households = welfare.shape[0], schemes = amount.shape[0]
    cdef Py_ssize_t h, i, s, k, low, high, first, last
    cdef uint64_t tally
    cdef double total
    with nogil:
        low = 0
        while low < households:
            high = min(low + block, households)
            first, last = first_person[low], first_person[high]
            for k in range(age_words.shape[0]):
                tally = 0
                before[0] = 0
                for i in range(first, last):
                    tally += age_words[k, age[i]] & trait_words[k, trait[i]]
                    before[i - first + 1] = tally
                for h in range(low, high):
                    tally = before[first_person[h + 1] - first] - before[first_person[h] - first]
                    total = 0.0 if k == 0 else out[h]
                    for s in range(8 * k, min(8 * k + 8, schemes)):
                        total += <int32_t> (tally & 255) * amount[s]
                        tally >>= 8
                    out[h] = total
            for h in range(low, high):
                out[h] = welfare[h] + out[h] * (mpc / (size[h] * periods))
            low = high


def household_transfer(const int32_t[:, ::1] recipients, const double[::1] amount, double[:, ::1] out):
    # Currency per year from every scheme: recipients (households, schemes) times amount (schemes,).
    cdef Py_ssize_t h, s
    with nogil:
        for h in range(recipients.shape[0]):
            for s in range(recipients.shape[1]):
                out[h, s] = recipients[h, s] * amount[s]


def welfare_after(const double[::1] welfare, const int32_t[:, ::1] recipients, const double[::1] amount,
                  const double[::1] size, double mpc, double periods, double[::1] out):
    # Welfare per person and period, plus what the members gain from the transfers of all schemes.
    #
    # size: (households,) members, who share. mpc: marginal propensity to consume. periods: of welfare in a year.
    cdef Py_ssize_t h, s
    cdef double total
    with nogil:
        for h in range(welfare.shape[0]):
            total = 0.0
            for s in range(recipients.shape[1]):
                total += recipients[h, s] * amount[s]
            out[h] = welfare[h] + total * (mpc / (size[h] * periods))
