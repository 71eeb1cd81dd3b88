from sp2lnob._typing import BitArray, CodeArray, FloatArray, LongArray

def richest_first(welfare: FloatArray, room: BitArray, order: LongArray) -> bool: ...
def by_level(level: CodeArray, end: LongArray, order: LongArray) -> None: ...
def class_of(welfare: FloatArray, cuts: FloatArray, out: CodeArray) -> None: ...
def sweep(
    welfare: FloatArray,
    weight: FloatArray,
    unit: CodeArray,
    factors: FloatArray,
    shares: FloatArray,
    sums: FloatArray,
    totals: FloatArray,
    gini: FloatArray,
    quantiles: FloatArray,
    lorenz: FloatArray,
) -> None: ...
