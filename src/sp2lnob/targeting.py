"""Whom of the eligible a scheme is aimed at: by rank, by a threshold, or all but the richest."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._outcomes import Cut
from ._typing import BitArray, BoolArray, FloatArray
from ._validate import as_share, choice, fail, fail_if_any, fail_type, number, text_or_none, within
from .economy import Economy
from .survey import Survey

BOUNDARIES = ("in", "out")
WELFARE, SCORE = "welfare", "score"


class Target(ABC):
    """A rule that picks households among those in which somebody is eligible."""

    @abstractmethod
    def on(
        self, survey: Survey, economy: Economy | None, scheme: int, eligible: FloatArray, what: str
    ) -> "Cut | BoolArray":
        """Return the households that are kept, or a cut that every sample makes anew.

        ``eligible`` (households,) is the weight of those eligible in each.
        """


@dataclass(frozen=True)
class Rank(Target):
    """The poorest share of the eligible, by a score: as SPOT's means test.

    Eligible persons are lined up by their household's score, the lowest first, with their own weights; households where
    a benefit is paid per household. The score at which the share is reached is a quantile of the sample, and is found
    anew in every replicate: where it is held, the standard error of the cost comes out 1.6 to 2 times too large.

    Parameters
    ----------
    share : float in (0, 1]
    by : str, default "score"
        "score" is the column of the survey's role of this name, "welfare" the survey's welfare; or another column. A
        household has one score; the lower, the poorer.
    boundary : {"in", "out"}, default "in"
        Whether the household with which the share is passed is wholly in, or wholly out, as SPOT has it. Households of
        one score stand or fall together, so that the order of rows decides nothing.

    Raises
    ------
    InputError
        If the share is not in (0, 1]; and from ``simulate``, if the score varies within a household, or is not known of
        one in which somebody is eligible.

    References
    ----------
    ESCAP, SPOT Simulator: coverage with a means test.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.Rank(0.4, by="welfare").share
    0.4
    >>> sp.Rank(0)
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The share of Rank must be in (0, 1], but it is 0. Correct the value.
    """

    share: float
    by: str = SCORE
    boundary: str = field(default="in", kw_only=True)

    def __post_init__(self) -> None:
        if not 0 < number(self.share, "The share of Rank") <= 1:
            fail("The share of Rank must be in (0, 1]", f"it is {self.share:g}", as_share(self.share))
        _named(self.by)
        choice(self.boundary, BOUNDARIES, "The boundary of Rank")

    def on(
        self, survey: Survey, economy: Economy | None, scheme: int, eligible: FloatArray, what: str
    ) -> "Cut | BoolArray":
        """Return the cut; a share of 1 keeps all."""
        score = score_of(survey, self.by, eligible > 0, what)
        if self.share == 1:
            return np.isfinite(score)
        return Cut(scheme, score, eligible, self.share, self.boundary == "in")


@dataclass(frozen=True)
class Threshold(Target):
    """Households below a threshold that is fixed, in law or by a poverty line.

    Parameters
    ----------
    below : float, or str
        Strictly below; "line:national" is a line of the economy, per person and the survey's ``welfare_period``.
    by : str, default "welfare"
        "welfare", "score", or a column, as for Rank.

    Raises
    ------
    InputError
        If ``below`` is no number and no line; and from ``simulate``, if the economy has no such line, the column varies
        within a household, or is not known of one in which somebody is eligible.

    References
    ----------
    Coady, D., Grosh, M. and Hoddinott, J. (2004). Targeting of Transfers in Developing Countries. World Bank.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.Threshold("line:national").below
    'line:national'
    >>> sp.Threshold("national")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: below of Threshold must be a number or a line, but it is 'national'. Write 'line:national'.
    """

    below: float | str
    by: str = WELFARE

    def __post_init__(self) -> None:
        if not isinstance(self.below, str):
            object.__setattr__(self, "below", number(self.below, "below of Threshold"))
        elif not self.below.startswith("line:"):
            must = "below of Threshold must be a number or a line"
            fail(must, f"it is {self.below!r}", f"Write {'line:' + self.below!r}.")
        _named(self.by)

    def on(
        self, survey: Survey, economy: Economy | None, scheme: int, eligible: FloatArray, what: str
    ) -> "Cut | BoolArray":
        """Return the households below."""
        below = self.below
        if isinstance(below, str):
            lines = {} if economy is None else economy.poverty_lines(survey.welfare_period)
            name = below.removeprefix("line:")
            if name not in lines:
                known = ", ".join(map(repr, lines)) or "none"
                fail(
                    f"The target of {what} needs line {name!r}",
                    f"the economy has {known}",
                    f"Pass Economy(lines={{{name!r}: ...}}).",
                )
            below = lines[name]
        return np.asarray(score_of(survey, self.by, eligible > 0, what) < below)


@dataclass(frozen=True)
class Affluence(Target):
    """All but the richest share: an affluence test. The cut is a quantile, found anew in every replicate.

    Parameters
    ----------
    share : float in [0, 1)
        Who is left out: the richest. The household at whose value the others are reached is in.
    by : str, default "welfare"
        "welfare", "score", or a column, as for Rank.
    of : {"people", "eligible"}, default "people"
        Whether the richest of all people are left out, or the richest of those eligible.

    Raises
    ------
    InputError
        If the share is not in [0, 1); and from ``simulate``, as for Rank.

    References
    ----------
    ILO (2021). World Social Protection Report 2020-22: affluence tests.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.Affluence(0.2).of
    'people'
    >>> sp.Affluence(1)
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The share of Affluence must be in [0, 1), but it is 1. Correct the value.
    """

    share: float
    by: str = WELFARE
    of: str = field(default="people", kw_only=True)

    def __post_init__(self) -> None:
        if not 0 <= number(self.share, "The share of Affluence") < 1:
            must = "The share of Affluence must be in [0, 1)"
            fail(must, f"it is {self.share:g}", as_share(self.share))
        _named(self.by)
        choice(self.of, ("people", "eligible"), "of of Affluence")

    def on(
        self, survey: Survey, economy: Economy | None, scheme: int, eligible: FloatArray, what: str
    ) -> "Cut | BoolArray":
        """Return the cut; a share of 0 leaves nobody out."""
        ranked = survey.people if self.of == "people" else eligible
        score = score_of(survey, self.by, ranked > 0, what)
        if self.share == 0:
            return np.isfinite(score)
        return Cut(scheme, score, ranked, 1 - self.share)


def aim(
    survey: Survey, schemes: Sequence[Any], economy: Economy | None, admitted: BitArray
) -> tuple[BitArray, list[Cut]]:
    """Return the schemes that persons are admitted to after all targets that are fixed, and the cuts that are not.

    ``admitted`` has the s-th scheme in bit s of each person.
    """
    cuts = []
    for s, scheme in enumerate(schemes):
        if scheme.target is None:
            continue
        bit = np.uint64(1 << s)
        eligible = (admitted & bit != 0).astype(np.float64)
        counted = survey.sum_over_members(eligible * survey.person_weight)
        if scheme.per == "household":
            counted = survey.weight * (survey.sum_over_members(eligible) > 0)
        found = scheme.target.on(survey, economy, s, counted, f"scheme {scheme.name!r}")
        if isinstance(found, Cut):
            cuts.append(found)
        else:
            admitted = np.where(found[survey.household_of], admitted, admitted & ~bit)
    return admitted, cuts


def target_from(given: object, what: str = "a scheme") -> Target:
    """Build a target from its table in a study file.

    Examples
    --------
    >>> target_from({"rank": 0.4, "by": "score"}, "scheme 'pension'")
    Rank(share=0.4, by='score', boundary='in')
    >>> target_from({"share": 0.4}, "scheme 'pension'")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: target of scheme 'pension' must have one of 'rank', 'below', 'affluence', but ...
    """
    kinds: dict[str, Any] = {"rank": Rank, "below": Threshold, "affluence": Affluence}
    mend = 'Write target = { rank = 0.4, by = "score" }, { below = "line:national" } or { affluence = 0.2 }.'
    if not isinstance(given, Mapping):
        fail_type(f"target of {what} must be a table", given, mend)
    found = [key for key in kinds if key in given]
    if len(found) != 1:
        came = ", ".join(repr(key) for key in given) or "nothing"
        fail(f"target of {what} must have one of {', '.join(map(repr, kinds))}", f"it has {came}", mend)
    options = {"rank": ("by", "boundary"), "below": ("by",), "affluence": ("by", "of")}[found[0]]
    for key in given:
        if key not in (found[0], *options):
            choice(key, options, f"A key beside {found[0]!r} in the target of {what}")
    kind = kinds[found[0]]
    return kind(given[found[0]], **{key: given[key] for key in options if key in given})  # type: ignore[no-any-return]


def target_of(told: Mapping[str, Any]) -> Target:
    """Return the target that was told by ``dataclasses.asdict``: its fields say of which kind it is.

    Examples
    --------
    >>> target_of({"share": 0.2, "by": "welfare", "of": "people"})
    Affluence(share=0.2, by='welfare', of='people')
    >>> target_of({"share": 0.4, "by": "score", "boundary": "out"})
    Rank(share=0.4, by='score', boundary='out')
    """
    kind = Rank if "boundary" in told else Affluence if "of" in told else Threshold
    return kind(**told)


def score_of(survey: Survey, by: str, wanted: BoolArray, what: str) -> FloatArray:
    """Return what a target goes by, of every household: NaN where it is not known, which no wanted one may be."""
    if by == WELFARE and (survey.welfare is not None or not survey.has_column(WELFARE)):
        if survey.welfare is None:
            fail(f"The target of {what} needs welfare", "the survey has none", "Pass welfare=, or by= a column.")
        score = survey.welfare
    else:
        column = survey.roles.get(by) if by == SCORE else by
        if column is None and not survey.has_column(SCORE):
            fail(
                f"The target of {what} needs the role 'score'",
                "the survey does not name its column",
                "Pass roles={'score': <column>}, or by= a column.",
            )
        with within(f"The target of {what}"):
            score = survey.household_column(column or by).numbers(f"The score {column or by!r}")
    unknown = wanted & ~np.isfinite(score)
    if survey.missing == "error":
        fail_if_any(
            unknown,
            f"What {what} is aimed by, {by!r}, must be known of every household that it ranks",
            "Mend these rows, or pass missing='drop' to the survey: they are then not paid.",
            survey.show_household,
        )
    return np.where(np.isfinite(score), score, np.nan)


def _named(by: object) -> None:
    """Raise unless what a target goes by is a name."""
    if by is None:
        fail_type("What a target goes by must be the name of a column", by, "Write 'score', 'welfare', or a column.")
    text_or_none(by, "What a target goes by")
