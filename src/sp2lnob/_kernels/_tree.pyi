from sp2lnob._typing import CodeArray, CountArray, FloatArray

def grow(
    level: CodeArray,
    sums: FloatArray,
    level_start: CodeArray,
    position: FloatArray,
    ordered: CountArray,
    max_depth: int,
    min_rows: float,
    min_weight: float,
    min_gain: float,
    order: CodeArray,
    scratch: CodeArray,
    tally: FloatArray,
    rank: CodeArray,
    span: CodeArray,
    node: CodeArray,
    node_sums: FloatArray,
    threshold: FloatArray,
    goes_left: CountArray,
) -> int: ...
def prune(
    node: CodeArray,
    sse: FloatArray,
    least: float,
    left_over: FloatArray,
    splits: FloatArray,
    worth: FloatArray,
    number: CodeArray,
) -> None: ...
def apply(level: CodeArray, node: CodeArray, goes_left: CountArray, out: CodeArray) -> None: ...
