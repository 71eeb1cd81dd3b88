from sp2lnob._typing import CodeArray, CountArray, FloatArray

def number_slots(cell: CodeArray, access: CountArray, unit: CodeArray, last: CodeArray, start: CodeArray) -> None: ...
def collapse(
    weight: FloatArray,
    cell: CodeArray,
    access: CountArray,
    unit: CodeArray,
    current: CodeArray,
    slot_unit: CodeArray,
    sums: FloatArray,
) -> None: ...
def dissimilarity(
    sums: FloatArray,
    unit: CodeArray,
    start: CodeArray,
    factors: FloatArray,
    cell_sums: FloatArray,
    out: FloatArray,
) -> None: ...
def group_sums(sums: FloatArray, group: CodeArray, out: FloatArray) -> None: ...
def dissimilarity_of_sums(sums: FloatArray, out: FloatArray) -> None: ...
