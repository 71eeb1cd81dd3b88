from sp2lnob._typing import CodeArray, FloatArray

def cell_moments(
    columns: FloatArray,
    unit: CodeArray,
    welfare: FloatArray,
    start: CodeArray,
    domain: CodeArray,
    least: FloatArray,
    most: FloatArray,
    cuts: FloatArray,
    lowest: FloatArray,
    highest: FloatArray,
    factors: FloatArray,
    room: FloatArray,
    out: FloatArray,
) -> None: ...
