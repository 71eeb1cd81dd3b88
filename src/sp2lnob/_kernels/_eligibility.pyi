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
