from sp2lnob._typing import BitArray, CodeArray, CountArray, FloatArray

def pay(
    age: CountArray,
    trait: CountArray,
    age_words: BitArray,
    trait_words: BitArray,
    first_person: CodeArray,
    amount: FloatArray,
    welfare: FloatArray,
    size: FloatArray,
    mpc: float,
    periods: float,
    block: int,
    before: BitArray,
    out: FloatArray,
) -> None: ...
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
