"""How much: what a household is paid, and its welfare after. Cost: O(households x schemes)."""
from libc.stdint cimport int32_t


def household_transfer(const int32_t[:, ::1] recipients, const double[::1] amount, double[:, ::1] out):
    """Currency per year from every scheme: recipients (households, schemes) times amount (schemes,)."""
    cdef Py_ssize_t h, s
    with nogil:
        for h in range(recipients.shape[0]):
            for s in range(recipients.shape[1]):
                out[h, s] = recipients[h, s] * amount[s]


def welfare_after(const double[::1] welfare, const double[:, ::1] transfer, const double[::1] share, double[::1] out):
    """Welfare plus the household's transfer of all schemes times share.

    share: (households,) welfare gained from one unit of currency per year: the marginal propensity to consume, divided
    by the members if welfare is per person and by twelve if it is per month.
    """
    cdef Py_ssize_t h, s
    cdef double total
    with nogil:
        for h in range(welfare.shape[0]):
            total = 0.0
            for s in range(transfer.shape[1]):
                total += transfer[h, s]
            out[h] = welfare[h] + total * share[h]
