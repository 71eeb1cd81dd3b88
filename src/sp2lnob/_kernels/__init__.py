"""Compiled kernels: typed memoryviews in, result arrays last; no allocation, no Python object, no string.

Replicates lie side by side in lanes of eight. Each lane adds in an order that the data alone decide, so its bits depend
on them and on the replicate: not on threads, on blocks, or on the width of the processor's registers.

The hot kernels lie here once more, built for AVX2, in a folder that is looked into first where the processor and the
operating system support it. The environment variable SP2LNOB_PORTABLE=1 passes it by, for a comparison of bits.
"""

import os as _os

from ._processor import has_avx2 as _has_avx2

if _has_avx2() and _os.environ.get("SP2LNOB_PORTABLE") != "1":
    __path__.insert(0, _os.path.join(__path__[0], "_avx2"))
