from sp2lnob._typing import CodeArray, CountArray, FloatArray

def class_totals(
    columns: FloatArray,
    psu: CodeArray,
    domain: CodeArray,
    welfare: FloatArray,
    cuts: FloatArray,
    lowest: FloatArray,
    highest: FloatArray,
    counts: CountArray,
    factor: FloatArray,
    out: FloatArray,
) -> None: ...
def class_moves(
    weight: FloatArray,
    psu: CodeArray,
    domain: CodeArray,
    before: FloatArray,
    after: FloatArray,
    cuts: FloatArray,
    lowest: FloatArray,
    highest: FloatArray,
    leaf: CodeArray,
    counts: CountArray,
    out: FloatArray,
) -> None: ...
