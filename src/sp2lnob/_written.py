"""A package as a study file has it: what was found is read again as it was."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from .economy import Amount
from .schemes import Package, Schedule, Scheme
from .targeting import Affluence, Rank, Target, Threshold

FIRST = {"age": 0, "size": 1, "recipients": 1}  # where bands begin whose first end is open
TAPER = ("starts", "rate", "ends")


def as_toml(package: Package) -> str:
    """Return the schemes of a package as a study file has them: fields that are as usual are left out."""
    parts = []
    for scheme in package.schemes:
        lines = [f"{key} = {_toml(value)}" for key, value in _told(scheme).items()]
        parts.append("\n".join(["[[scheme]]", *lines]) + "\n")
    usual = {of.name: of.default for of in fields(Package)}
    run = {name: getattr(package, name) for name in usual if name != "schemes"}
    always = ("administration", "mpc", "draws", "seed")
    lines = [f"{key} = {_toml(value)}" for key, value in run.items() if key in always or value != usual[key]]
    return "\n".join([*parts, "\n".join(["[package]", *lines]) + "\n"])


def _told(scheme: Scheme) -> dict[str, Any]:
    """Return the keys of a scheme."""
    made: dict[str, Any] = {}
    for of in fields(scheme):
        value = getattr(scheme, of.name)
        if isinstance(value, Schedule):
            made[of.name] = _bands(value)
            taper = {key: getattr(value, key) for key in TAPER if getattr(value, key) is not None}
            made |= {"taper": taper} if taper else {}
        elif value != of.default:
            made[of.name] = _target(value) if isinstance(value, Target) else value
    return made


def _bands(schedule: Schedule) -> Any:
    """Return what a schedule pays: an amount, or one by band."""
    if schedule.by is None:
        return schedule.bands[0][2]
    made: dict[str, Any] = {"by": schedule.by}
    for low, high, amount in schedule.bands:
        begins = FIRST[schedule.by] if low is None else low
        made[f"{begins}+" if high is None else f"{begins}-{high}"] = amount
    return made


def _target(target: Target) -> dict[str, Any]:
    """Return the table of a target."""
    if isinstance(target, Rank):
        return {"rank": target.share, "by": target.by, "boundary": target.boundary}
    if isinstance(target, Affluence):
        return {"affluence": target.share, "by": target.by, "of": target.of}
    assert isinstance(target, Threshold)
    return {"below": target.below, "by": target.by}


def _toml(value: object) -> str:
    """Return a value in TOML: plain ones, and text, as JSON writes them."""
    if isinstance(value, Amount):
        return _toml((value.value, value.unit))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_toml(str(key))} = {_toml(of)}' for key, of in value.items())} }}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
