"""Compiled kernels: typed memoryviews in, result arrays last; no allocation, no Python object, no string.

Replicates lie side by side in lanes of eight. Each lane adds in the order of a plain serial loop, so its bits depend
on the data and the replicate alone: not on threads, on blocks, or on the width of the processor's registers.
"""
