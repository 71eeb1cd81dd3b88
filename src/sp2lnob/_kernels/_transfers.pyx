"""How much: what a household is paid, and its welfare after. Cost: O(households x schemes)."""
from libc.stdint cimport int32_t


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
