from sp2lnob._typing import CodeArray, CountArray, FloatArray

def class_totals(
    columns: FloatArray,
    unit: CodeArray,
    welfare: FloatArray,
    start: CodeArray,
    domain: CodeArray,
    least: FloatArray,
    most: FloatArray,
    used: CountArray,
    cuts: FloatArray,
    lowest: FloatArray,
    highest: FloatArray,
    factors: FloatArray,
    out: FloatArray,
) -> None: ...
def class_moves(
    weight: FloatArray,
    unit: CodeArray,
    domain: CodeArray,
    before: FloatArray,
    after: FloatArray,
    cuts: FloatArray,
    lowest: FloatArray,
    highest: FloatArray,
    leaf: CodeArray,
    factors: FloatArray,
    out: FloatArray,
) -> None: ...
