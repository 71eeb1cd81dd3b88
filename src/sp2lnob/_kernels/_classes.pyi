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
    to: CodeArray,
    factors: FloatArray,
    out: FloatArray,
) -> None: ...
def class_slopes(
    weight: FloatArray,
    unit: CodeArray,
    domain: CodeArray,
    before: FloatArray,
    after: FloatArray,
    cuts: FloatArray,
    lowest: FloatArray,
    highest: FloatArray,
    leaf: CodeArray,
    knot: FloatArray,
    step: FloatArray,
    sign: float,
    factors: FloatArray,
    out: FloatArray,
) -> None: ...
def class_odds(
    weight: FloatArray,
    unit: CodeArray,
    domain: CodeArray,
    welfare: FloatArray,
    before: FloatArray,
    after: FloatArray,
    cuts: FloatArray,
    lowest: FloatArray,
    highest: FloatArray,
    leaf: CodeArray,
    own: FloatArray,
    slope: FloatArray,
    sign: float,
    factors: FloatArray,
    out: FloatArray,
) -> None: ...
def package_poverty(
    money: FloatArray,
    welfare: FloatArray,
    share: FloatArray,
    weight: FloatArray,
    start: CodeArray,
    line: float,
    option: CodeArray,
    alike: CodeArray,
    out: FloatArray,
) -> None: ...
def package_moves(
    money: FloatArray,
    home: CodeArray,
    welfare: FloatArray,
    share: FloatArray,
    weight: FloatArray,
    start: CodeArray,
    domain: CodeArray,
    band: CodeArray,
    cuts: FloatArray,
    move: CodeArray,
    option: CodeArray,
    alike: CodeArray,
    out: FloatArray,
) -> None: ...
def package_reach(
    money: FloatArray, weight: FloatArray, option: CodeArray, alike: CodeArray, out: FloatArray
) -> None: ...
def package_welfare(
    money: FloatArray, welfare: FloatArray, share: FloatArray, option: CodeArray, alike: CodeArray, out: FloatArray
) -> None: ...
