from sp2lnob._typing import CodeArray, CountArray, FloatArray

def exponentials(x: FloatArray, out: FloatArray) -> None: ...
def walk(
    codes: CodeArray,
    columns: CodeArray,
    first: CodeArray,
    parameter: CodeArray,
    fresh: CodeArray,
    base: CodeArray,
) -> bool: ...
def fit(
    sums: FloatArray,
    place: CodeArray,
    parameter: CodeArray,
    fresh: CodeArray,
    base: CodeArray,
    start: FloatArray,
    steps: int,
    cell: FloatArray,
    depth: FloatArray,
    hessian: FloatArray,
    vector: FloatArray,
    coefficients: FloatArray,
    rate: FloatArray,
    state: CountArray,
) -> None: ...
def fit_slope(
    z: FloatArray,
    weight: FloatArray,
    outcome: CountArray,
    unit: CodeArray,
    begin: CodeArray,
    active_in: CodeArray,
    start: FloatArray,
    steps: int,
    factors: FloatArray,
    hessian: FloatArray,
    vector: FloatArray,
    coefficients: FloatArray,
    state: CountArray,
) -> None: ...
