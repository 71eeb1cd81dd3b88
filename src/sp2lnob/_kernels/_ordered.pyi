from sp2lnob._typing import BitArray, CodeArray, FloatArray, LongArray

def richest_first(welfare: FloatArray, room: BitArray, order: CodeArray) -> bool: ...
def by_level(level: CodeArray, end: LongArray, order: CodeArray) -> None: ...
def pick(values: FloatArray, order: CodeArray, out: FloatArray) -> None: ...
def class_of(welfare: FloatArray, cuts: FloatArray, out: CodeArray) -> None: ...
def class_sweep(
    welfare: FloatArray,
    weight: FloatArray,
    place: CodeArray,
    band: CodeArray,
    state: FloatArray,
    totals: FloatArray,
    gini: FloatArray,
) -> None: ...
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
