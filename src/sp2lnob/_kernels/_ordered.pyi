from sp2lnob._typing import CodeArray, FloatArray

def sweep(
    welfare: FloatArray,
    step: FloatArray,
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
