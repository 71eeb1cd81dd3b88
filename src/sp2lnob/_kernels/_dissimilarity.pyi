from sp2lnob._typing import CodeArray, CountArray, FloatArray

def number_slots(cell: CodeArray, access: CountArray, psu: CodeArray, last: CodeArray, start: CodeArray) -> None: ...
def collapse(
    weight: FloatArray,
    cell: CodeArray,
    access: CountArray,
    psu: CodeArray,
    current: CodeArray,
    slot_psu: CodeArray,
    sums: FloatArray,
) -> None: ...
def dissimilarity(
    sums: FloatArray,
    psu: CodeArray,
    start: CodeArray,
    counts: CountArray,
    factor: FloatArray,
    cell_sums: FloatArray,
    out: FloatArray,
) -> None: ...
def group_sums(sums: FloatArray, group: CodeArray, out: FloatArray) -> None: ...
def dissimilarity_of_sums(sums: FloatArray, out: FloatArray) -> None: ...
