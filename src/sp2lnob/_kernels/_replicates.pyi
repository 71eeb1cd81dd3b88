from sp2lnob._typing import CodeArray, FloatArray

def rao_wu(
    seed: int,
    first: int,
    purpose: int,
    start: CodeArray,
    draws: CodeArray,
    base: FloatArray,
    slope: FloatArray,
    room: CodeArray,
    out: FloatArray,
) -> None: ...
