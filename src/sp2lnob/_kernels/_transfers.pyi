from sp2lnob._typing import CodeArray, FloatArray

def household_transfer(recipients: CodeArray, amount: FloatArray, out: FloatArray) -> None: ...
def welfare_after(
    welfare: FloatArray,
    recipients: CodeArray,
    amount: FloatArray,
    size: FloatArray,
    mpc: float,
    periods: float,
    out: FloatArray,
) -> None: ...
