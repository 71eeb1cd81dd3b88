"""How much: what a household is paid, and its welfare after. Cost: O(households x schemes), and O(persons) to pay."""
from libc.stdint cimport int32_t, uint8_t, uint64_t


def pay(const uint8_t[::1] age, const uint8_t[::1] trait, const uint64_t[:, ::1] age_words,
        const uint64_t[:, ::1] trait_words, const int32_t[::1] first_person, const double[::1] amount,
        const double[::1] welfare, const double[::1] size, double mpc, double periods, Py_ssize_t block,
        uint64_t[::1] before, double[::1] out):
    """Welfare after schemes that pay everybody whom their codes admit: who it was is not written down.

    age_words, trait_words: (words, 256), byte b of word k is 1 where a code is admitted to scheme 8 k + b. A block of
    households at a time is counted, eight schemes in a word that runs on over the persons, as in `count`: no loop ends
    where it cannot be foreseen. before: work space, of 1 more than the persons of the largest block. No household may
    have over 255 persons. The bits are those of `welfare_after`.
    """
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
    """Currency per year from every scheme: recipients (households, schemes) times amount (schemes,)."""
    cdef Py_ssize_t h, s
    with nogil:
        for h in range(recipients.shape[0]):
            for s in range(recipients.shape[1]):
                out[h, s] = recipients[h, s] * amount[s]


def welfare_after(const double[::1] welfare, const int32_t[:, ::1] recipients, const double[::1] amount,
                  const double[::1] size, double mpc, double periods, double[::1] out):
    """Welfare per person and period, plus what the members gain from the transfers of all schemes.

    size: (households,) members, who share. mpc: marginal propensity to consume. periods: of welfare in a year.
    """
    cdef Py_ssize_t h, s
    cdef double total
    with nogil:
        for h in range(welfare.shape[0]):
            total = 0.0
            for s in range(recipients.shape[1]):
                total += recipients[h, s] * amount[s]
            out[h] = welfare[h] + total * (mpc / (size[h] * periods))
