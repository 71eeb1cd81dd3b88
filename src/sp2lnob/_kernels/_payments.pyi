from sp2lnob._typing import BitArray, CodeArray, CountArray, FloatArray, WordArray

def admit(
    age: CountArray, trait: CountArray, age_admits: BitArray, trait_admits: BitArray, received: BitArray
) -> None: ...
def draw(
    first_person: CodeArray,
    per_household: int,
    drawn: int,
    seed: int,
    coverage: FloatArray,
    stream: WordArray,
    household_identity: BitArray,
    person_identity: BitArray,
    received: BitArray,
) -> None: ...
def count(first_person: CodeArray, received: BitArray, block: int, before: BitArray, recipients: CodeArray) -> None: ...
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
