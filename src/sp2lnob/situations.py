"""Situations beside before and after: the benefits that a survey knows are paid, and welfare without them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ._receipt import Receipt
from ._typing import FloatArray
from ._validate import choice, fail, fail_if_any, fail_if_unknown, fail_type, listing, within
from .economy import YEARLY, Amount
from .schemes import Package, Schedule, Scheme
from .survey import Survey
from .transfers import Transfers


@dataclass(frozen=True, eq=False)
class Situation:
    """Welfare in a situation that no package makes: a scenario for ``estimate``, in which nothing is paid.

    Attributes
    ----------
    survey : Survey
    welfare : ndarray of shape (households,)
        As the survey's: per person, or equivalent adult, and ``welfare_period``.
    below : int
        Households with welfare below 0.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> frame = {"hid": [1, 2], "hhweight": [1, 1], "size": [2, 1], "ea": [1, 2], "pc": [50.0, 80.0], "aid": [20, 0]}
    >>> survey = sp.Survey(frame, size="size", welfare="pc", psu="ea", existing={"aid": "aid"})
    >>> sp.without_existing(survey)
    Situation of 2 households: mean welfare 53.3333, against 60 in the survey
    >>> sp.without_existing(survey, []).welfare
    array([50., 80.])
    """

    survey: Survey
    welfare: FloatArray
    below: int = 0

    def __repr__(self) -> str:
        people, known = self.survey.people, self.survey.welfare_known
        assert self.survey.welfare is not None
        own, given = (np.average(y[known], weights=people[known]) for y in (self.welfare, self.survey.welfare))
        return f"Situation of {len(people):,} households: mean welfare {own:,.6g}, against {given:,.6g} in the survey"


def without_existing(survey: Survey, names: Sequence[str] | None = None, *, negative: str = "error") -> Situation:
    """Return the situation without benefits that are paid already: welfare less what they add to it.

    The first of three: no schemes, before (what the survey saw), and after a package. Nothing else moves: a household
    that lost a benefit would work, borrow or be helped, so its welfare would fall by less.

    Parameters
    ----------
    survey : Survey
        With ``existing=``.
    names : sequence of str, default None
        Which of its existing benefits; None: all.
    negative : {"error", "keep"}, default "error"
        A household that reports more benefits than consumption would be left with less than nothing, which is an error
        of measurement: refuse it, or keep the negative welfare, which counts as poor by more than the line. It is never
        set to 0; inequality measures refuse it.

    Returns
    -------
    Situation

    Raises
    ------
    InputError
        If the survey has no welfare or no existing benefits, a name is not one of them, or welfare falls below 0.

    References
    ----------
    ESCAP, SPOT Simulator: no schemes, existing schemes, simulated schemes.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> frame = {"hid": [1, 2], "hhweight": [1, 1], "size": [2, 1], "ea": [1, 2], "pc": [50.0, 80.0], "aid": [20, 0]}
    >>> survey = sp.Survey(frame, size="size", welfare="pc", psu="ea", existing={"aid": "aid"})
    >>> sp.without_existing(survey).welfare
    array([40., 80.])

    A benefit larger than all that a household spends:

    >>> frame["aid"] = [200, 0]
    >>> survey = sp.Survey(frame, size="size", welfare="pc", psu="ea", existing={"aid": "aid"})
    >>> sp.without_existing(survey)
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: Welfare less existing benefits must be 0 or more, but 1 of 2 rows do not ...
    """
    if not isinstance(survey, Survey):
        fail_type("without_existing() takes a Survey", survey, "Build it with Survey(..., existing={...}).")
    choice(negative, ("error", "keep"), "negative")
    if survey.welfare is None:
        fail("Welfare without benefits needs welfare", "the survey has none", "Pass welfare=.")
    _check_existing(survey)
    given = (names,) if isinstance(names, str) else tuple(survey.existing) if names is None else names
    chosen = listing(given, str, "names", "Name existing benefits.")
    for name in chosen:
        fail_if_unknown(name, survey.existing, "An existing benefit")
    paid = np.zeros(survey.n_households)
    for name in dict.fromkeys(chosen):
        paid += survey.existing[name]
    paid = survey.as_welfare(paid)
    known = survey.welfare
    welfare = known - paid
    below = welfare < 0
    if negative == "error":
        fail_if_any(
            below,
            "Welfare less existing benefits must be 0 or more",
            "Mend the benefits or welfare of these households, or pass negative='keep' and tell how many they are.",
            lambda i: f"{survey.show_household(i)}: {known[i]:g} - {paid[i]:g}",
        )
    return Situation(survey, welfare, int(below.sum()))


def existing_benefits(survey: Survey) -> Transfers:
    """Return what the benefits pay that welfare holds already, as if they were schemes: a scenario for ``estimate``.

    Coverage, Incidence, Adequacy, Targeting and Cost then tell of each of them, and of "package" for all, what they
    tell of a scheme. Welfare after is the survey's own, in which they are: what they do to poverty is told against
    ``without_existing``.

    Parameters
    ----------
    survey : Survey
        With ``existing=`` and a frame of persons.

    Returns
    -------
    Transfers
        Its schemes are the benefits; who has more than 0 of one receives it. A benefit whose column is one of
        households is paid per household, and booked to its first member.

    Raises
    ------
    InputError
        If the survey has no existing benefits or no persons, or whom a benefit is meant for cannot be.

    References
    ----------
    World Bank, ASPIRE: coverage, incidence and adequacy of programs in household surveys.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> households, persons = sp.example_frames(400)
    >>> persons["pension"] = (persons["age"] >= 70) * 15.0
    >>> survey = sp.Survey(households, persons, person="pid", welfare="pc_exp", psu="ea",
    ...                    existing={"pension": {"column": "pension", "min_age": 65}})
    >>> paid = {"existing": sp.existing_benefits(survey)}
    >>> est = sp.estimate(survey, [sp.Coverage(intended=True)], paid, replicates=sp.Bootstrap(50))
    >>> float(est.value[est.find(of="pension", param="intended")].round(3))
    0.726

    >>> sp.existing_benefits(sp.example_survey(households=400))
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The survey must know benefits that are paid, but existing= is empty. ...
    """
    if not isinstance(survey, Survey):
        fail_type("existing_benefits() takes a Survey", survey, "Build it with Survey(..., existing={...}).")
    _check_existing(survey)
    if survey.persons is None:
        fail("Who is paid must be known", "the survey has no frame of persons", "Pass persons to the Survey.")
    schemes, each, bits = [], {}, np.zeros(survey.n_persons, dtype=np.uint64)
    for s, (name, (_, meant)) in enumerate(survey.existing_of.items()):
        money = survey.paid_to_persons(name)
        per = "household" if money is None else "person"
        if money is None:
            money = np.zeros(survey.n_persons)
            money[survey.first_person[:-1]] = survey.existing[name]
        with within(f"existing {name!r}"):
            schemes.append(Scheme(name, amount=Schedule.flat(Amount(0, "year")), per=per, **meant))
        each[s] = money * YEARLY[survey.welfare_period]
        bits |= (money > 0).astype(np.uint64) << np.uint64(s)
    varying = np.full(len(schemes), np.nan)
    package, receipt = Package(schemes, administration=0.0), Receipt(survey, len(schemes), bits, each=each)
    return Transfers(survey, package, None, varying, receipt, survey.welfare)


def _check_existing(survey: Survey) -> None:
    """Raise if the survey knows of no benefit."""
    if not survey.existing:
        fail(
            "The survey must know benefits that are paid", "existing= is empty", "Pass existing={'pension': 'column'}."
        )
