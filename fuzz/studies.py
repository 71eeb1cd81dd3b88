"""Study files: whatever TOML says, everything but the run itself is built from it, or refused.

Half of the inputs are composed: keys that a section has, and values of every type.
"""

import tempfile
from collections.abc import Callable
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any, get_args

import atheris
from harness import fuzz, watched

with watched():
    from sp2lnob import study
    from sp2lnob.study import LISTS, SECTIONS, read_study

FOLDER = Path(tempfile.mkdtemp())
HOUSEHOLDS = "hid,hhweight,pc,region,urbrur\n1,2,30,a,1\n2,2,40,b,2\n3,1,50,a,1\n"
PERSONS = "hid,pid,age,sex,relation\n1,1,30,1,1\n2,1,40,2,1\n2,2,4,2,3\n3,1,70,1,1\n"
(FOLDER / "households.csv").write_text(HOUSEHOLDS, encoding="utf-8")
(FOLDER / "persons.csv").write_text(PERSONS, encoding="utf-8")
FILE = FOLDER / "study.toml"


def bound(function: Callable[..., Any]) -> Callable[..., None]:
    """Return what takes the arguments of a function, and does nothing: what comes of them takes seconds."""

    @wraps(function)
    def taken(*arguments: Any, **keywords: Any) -> None:
        signature(function).bind(*arguments, **keywords)

    return taken


study.assess, study.search = bound(study.assess), bound(study.search)


def one(data: bytes) -> None:
    """Build all that a study says; a search, if it has candidates for one."""
    FILE.write_bytes(data)
    made = read_study(FILE)
    assert made.disclosure is not None
    made.run()
    if made.candidates:
        made.search()


MINIMAL = {
    "survey": {
        "households": '"households.csv"',
        "persons": '"persons.csv"',
        "person": '"pid"',
        "welfare": '"pc"',
    },
    "economy": {"currency": '"X"', "gdp_per_capita": "500", "lines": "{ national = 35 }"},
    "opportunity": {"name": '"a"', "outcome": '"sex == 1"', "circumstances": '["age"]'},
    "scheme": {"kind": '"scheme"', "name": '"b"', "amount": '[5, "month"]'},
    "candidate": {"kind": '"child_benefit"', "amount": '[5, "month"]', "max_age": "[4, 17]"},
    "replicates": {"n": "2"},
}
WHOLE = ("7", "-1", "0", "1", "2", "2026", "18446744073709551615")
BROKEN = ("1.5", "0.5", "0.05", "1e-300", "1e19", "-0.0")
TEXTS = (
    *("", "x", "age", "sex", "region", "pc", "hid", "relation", "head(age)", "age >= 65", "month", "2026", "national"),
    *(
        "household",
        "person",
        "random",
        "recipients",
        "KHM",
        "spot",
        "lnob",
        "${HOME}",
        "\\u0000",
        "jackknife",
        "probability",
    ),
    *(
        "line:national",
        "gdp_per_capita",
        "child_benefit",
        "disability_benefit",
        "poverty_rate",
        "probit",
        "bca",
        "auto",
    ),
)
INSIDE = (
    "",
    "1",
    '"x"',
    "[]",
    "{ a = 1 }",
    '"age", "sex"',
    '5, "month"',
    '0.2, "gdp_per_capita"',
    "1, 2",
    "2026, 2030",
)
INNER = (
    *("", "a = 1", 'a = "x"', "a = []", '"2026" = 0.5', 'age = "age", sex = "sex"', 'head = "head(age)"'),
    *('by = "age", "0-5" = [2, "month"]', "starts = 1, rate = 0.5", 'kind = "bottom", share = 0.2', "national = 35"),
)
VALUES: dict[type, tuple[str, ...]] = {
    int: WHOLE,
    float: (*WHOLE, *BROKEN),
    bool: ("true", "false"),
    str: tuple(f'"{text}"' for text in TEXTS),
    list: tuple(f"[{inside}]" for inside in INSIDE),
    dict: tuple(f"{{ {inside} }}" for inside in INNER),
}
ALL = (*dict.fromkeys(value for values in VALUES.values() for value in values), "nan", "1979-05-27")


def written(sections: dict[str, dict[str, str]]) -> bytes:
    """Return sections as TOML."""
    lines = []
    for name, keys in sections.items():
        lines.append(f"[[{name}]]" if name in LISTS else f"[{name}]")
        lines += [f"{key} = {value}" for key, value in keys.items()]
    return "\n".join(lines).encode()


def compose(choices: atheris.FuzzedDataProvider) -> bytes:
    """Return a study with some keys set at random, and some left out."""
    sections = {name: dict(keys) for name, keys in MINIMAL.items()}
    for _ in range(choices.ConsumeIntInRange(1, 5)):
        name = choices.PickValueInList(list(SECTIONS))
        keys = sections.setdefault(name, {})
        if keys and choices.ConsumeIntInRange(0, 5) == 0:
            keys.pop(choices.PickValueInList(list(keys)))
        else:
            key = choices.PickValueInList(list(SECTIONS[name]))
            kind = choices.PickValueInList(list(get_args(SECTIONS[name][key]) or [SECTIONS[name][key]]))
            fits = choices.ConsumeIntInRange(0, 9)  # mostly: of another type there is little to tell
            keys[key] = choices.PickValueInList(list(VALUES[kind] if fits else ALL))
    return written(sections)


if __name__ == "__main__":
    examples = [path.read_bytes() for path in sorted(Path("examples").glob("*/study.toml"))]
    words = {*(f"{key} = " for keys in SECTIONS.values() for key in keys), *ALL}
    words |= {f"[[{name}]]\n" if name in LISTS else f"[{name}]\n" for name in SECTIONS}
    fuzz(one, [written(MINIMAL), *(b for b in examples if len(b) <= 4096)], sorted(words), compose)
