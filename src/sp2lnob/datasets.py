"""An example survey, made by seeded random numbers of our own: it belongs to no country and is the same everywhere."""

from typing import Any

import numpy as np

from ._columns import table_of
from ._kernels import _random
from ._typing import FloatArray
from ._validate import seed as check_seed, whole
from .survey import Survey

EXAMPLE = 2  # the purpose of these random numbers, as in _kernels/_random.pxd
REGIONS = ("Coast", "Hills", "Plains", "Islands")
PER_PSU = 20
EDUC = {0.0: "None", 1.0: "Primary", 2.0: "Secondary", 3.0: "Higher"}
SIZES = np.cumsum([0.07, 0.13, 0.18, 0.22, 0.17, 0.11, 0.07, 0.05])  # of 1, 2, ... 8 members


def example_frames(households: int = 2000, seed: int = 1) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the example survey's households and persons as dicts of arrays.

    A stratified two-stage sample: four regions by urban and rural, enumeration areas of 20 households. Consumption per
    person and month depends on residence, region, size and the head's schooling; clean fuel and internet on all of
    these.

    Parameters
    ----------
    households : int, 320 or more, default 2000
        Rounded up to whole enumeration areas, at least two a stratum.
    seed : int, default 1

    Returns
    -------
    households : dict of arrays
        hid, region, urbrur, ea, hhweight, pc_exp, cook_fuel, internet.
    persons : dict of arrays
        hid, pid, relation, sex, age, educ (0 none, 1 primary, 2 secondary, 3 higher), disability, births_12m.

    Raises
    ------
    InputError
        If fewer than 320 households are asked for.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> households, persons = sp.example_frames(400)
    >>> sorted(households)
    ['cook_fuel', 'ea', 'hhweight', 'hid', 'internet', 'pc_exp', 'region', 'urbrur']
    >>> len(sp.example_frames(320)[0]["hid"])
    320
    """
    from scipy.special import ndtri

    whole(households, "The number of households", low=320)
    check_seed(seed, "The seed")
    areas = -(-households // PER_PSU)
    n = areas * PER_PSU
    hid = np.arange(n)

    def draw(identity: Any, stream: int) -> FloatArray:
        out = np.empty(len(identity))
        _random.uniforms(seed, np.asarray(identity, dtype=np.uint64), stream, EXAMPLE, out)
        return out

    def normal(identity: Any, stream: int) -> FloatArray:
        return np.asarray(ndtri(np.clip(draw(identity, stream), 1e-12, 1 - 1e-12)))

    ea = hid // PER_PSU
    stratum = ea % 8
    region, urban = stratum % 4, (stratum >= 4).astype(np.int64)
    place = 0.25 * normal(np.arange(areas), 1)[ea] + np.array([0.10, -0.10, 0.05, -0.20])[region]
    size = 1 + np.searchsorted(SIZES, draw(hid, 2) * SIZES[-1] * (1 - 0.08 * urban))
    educ_head = np.searchsorted([-0.5, 0.5, 1.4], normal(hid, 3) + 0.7 * urban + place)
    female_head = draw(hid, 4) < 0.22 + 0.05 * urban
    log_exp = (
        4.2 + 0.35 * urban + 0.16 * educ_head + place - 0.09 * (size - 4) - 0.06 * female_head + 0.38 * normal(hid, 5)
    )
    pc_exp = np.round(np.exp(log_exp), 2)
    want = 1.5 * (np.log(pc_exp) - 4.4) + 0.9 * urban + 0.45 * educ_head + 1.5 * place

    def has(stream: int, offset: float) -> Any:
        return draw(hid, stream) < 1 / (1 + np.exp(offset - want))

    clean = has(6, 1.6)
    cook_fuel = np.where(
        clean, np.where(draw(hid, 7) < 0.4, "Electricity", "Gas"), np.where(draw(hid, 8) < 0.7, "Wood", "Charcoal")
    )
    weight = np.round(
        np.array([310.0, 420.0, 380.0, 150.0, 260.0, 240.0, 350.0, 120.0])[stratum]
        * (0.8 + 0.4 * draw(np.arange(areas), 9)[ea]),
        3,
    )
    frame = {
        "hid": hid + 1,
        "region": np.array(REGIONS)[region],
        "urbrur": np.where(urban == 1, "Urban", "Rural"),
        "ea": ea + 1,
        "hhweight": weight,
        "pc_exp": pc_exp,
        "cook_fuel": cook_fuel,
        "internet": has(10, 2.2).astype(np.int64),
    }
    return frame, _persons(hid, size, educ_head, female_head, draw)


def _persons(hid: Any, size: Any, educ_head: Any, female_head: Any, draw: Any) -> dict[str, Any]:
    """Return the members: the head, a spouse perhaps, children and others."""
    home = np.repeat(hid, size)
    pid = np.arange(len(home)) - np.repeat(np.cumsum(size) - size, size) + 1
    who = home * 64 + pid
    head = pid == 1
    spouse = (pid == 2) & (draw(home, 20) < 0.75)
    head_age = (22 + 58 * draw(hid, 21) ** 1.4).astype(np.int64)
    spread = draw(who, 22)
    child = ~head & ~spouse & (draw(who, 23) < 0.8)
    age = np.where(
        head,
        head_age[home],
        np.where(
            spouse,
            np.maximum(18, head_age[home] - 3 + (8 * spread).astype(np.int64) - 4),
            np.where(
                child,
                np.minimum((24 * spread).astype(np.int64), np.maximum(0, head_age[home] - 17)),
                (18 + 72 * spread).astype(np.int64),
            ),
        ),
    )
    female = np.where(head, female_head[home], np.where(spouse, ~female_head[home], draw(who, 24) < 0.5))
    educ = np.where(
        head, educ_head[home], np.minimum((4 * draw(who, 25)).astype(np.int64), np.maximum(0, (age - 4) // 6))
    )
    disability = draw(who, 26) < 0.015 + 0.0012 * np.maximum(0, age - 25)
    fertile = female & (age >= 15) & (age <= 49)
    births = np.where(fertile, (draw(who, 27) < 0.09).astype(np.float64), np.nan)
    relation = np.where(head, "Head", np.where(spouse, "Spouse", np.where(child, "Child", "Other")))
    return {
        "hid": home + 1,
        "pid": pid,
        "relation": relation,
        "sex": np.where(female, "Female", "Male"),
        "age": age,
        "educ": educ,
        "disability": disability.astype(np.int64),
        "births_12m": births,
    }


def example_survey(households: int = 2000, seed: int = 1) -> Survey:
    """Return the example survey with its roles and design; head_sex and head_educ are derived.

    Parameters
    ----------
    households : int, 320 or more, default 2000
    seed : int, default 1

    Returns
    -------
    Survey

    Raises
    ------
    InputError
        If fewer than 320 households are asked for.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.example_survey(400)
    Survey of 400 households and 1,... persons: 20 PSUs in 8 strata; weights sum to ...
    >>> sp.example_survey(10)
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The number of households must be 320 or more, but it is 10. Correct the value.
    """
    frame, persons = example_frames(households, seed)
    roster = table_of(persons, "persons").labeled({"educ": EDUC})
    return Survey(
        frame,
        roster,
        person="pid",
        welfare="pc_exp",
        welfare_period="month",
        psu="ea",
        strata=["region", "urbrur"],
        roles={"relation": "relation", "disability": "disability", "birth": "births_12m"},
        derive={"head_sex": "head(sex)", "head_educ": "head(educ)"},
    )
