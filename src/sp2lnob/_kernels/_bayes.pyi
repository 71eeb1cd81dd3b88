from sp2lnob._typing import FloatArray

def folded(mean: FloatArray, variance: FloatArray, out: FloatArray) -> None: ...
def shrunken_index(
    moments: FloatArray,
    rate: FloatArray,
    spread: FloatArray,
    growth: FloatArray,
    rho: float,
    apart: FloatArray,
    out: FloatArray,
) -> None: ...
