from sp2lnob._typing import CodeArray, CountArray, FloatArray

def count_slots(unit: CodeArray, level: CodeArray, recent: CodeArray, slots: CodeArray, order: CodeArray) -> int: ...
def slot_totals(
    column: FloatArray,
    unit: CodeArray,
    level: CodeArray,
    current: CodeArray,
    slot_unit: CodeArray,
    sums: FloatArray,
) -> None: ...
def replicate_totals(
    sums: FloatArray, unit: CodeArray, start: CodeArray, factors: FloatArray, out: FloatArray
) -> None: ...
def switch_factors(
    unit: CodeArray, score: FloatArray, on: CountArray, cuts: FloatArray, first: int, factors: FloatArray
) -> None: ...
