from sp2lnob._typing import CodeArray, CountArray, FloatArray

def sweep(
    welfare: FloatArray,
    step: FloatArray,
    weight: FloatArray,
    psu: CodeArray,
    counts: CountArray,
    shares: FloatArray,
    factor: FloatArray,
    sums: FloatArray,
    totals: FloatArray,
    gini: FloatArray,
    quantiles: FloatArray,
    lorenz: FloatArray,
) -> None: ...
