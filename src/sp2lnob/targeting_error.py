"""Whom a score picks in place of the poor: both cut-offs, of welfare and of the score, made anew in every replicate.

People are in one of four: poor or not, by welfare; chosen or not, by score. Welfare classes of a domain are cut on the
same welfare as the poor are: one sweep over sorted welfare counts all of them, and a second those whom the replicate's
own score chooses.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ._cuts import ClassTotals
from ._domains import Block, Domain, FullSample, Row, domain_of
from ._expressions import parse
from ._parallel import LANES
from ._prepared import Asked, Scenario, Statistic
from ._relative import RelativeLine
from ._sweeps import Ordering
from ._typing import BoolArray, FloatArray
from ._validate import fail, fail_if_any, fail_type, number, text_or_none

ERRORS = ("exclusion_error", "inclusion_error")


@dataclass(frozen=True)
class TargetingError(Statistic):
    """Targeting by a score, such as that of a proxy means test: how many of the poor it misses, and whom it takes.

    ``exclusion_error`` is the share of the truly poor whom the score leaves out, ``inclusion_error`` the share of the
    chosen who are not truly poor, ``chosen`` the share of people who are chosen. By a welfare class it is ``chosen``
    alone: of the poor classes, who is not chosen is wrongly out; of those above, who is chosen wrongly in.

    Parameters
    ----------
    share : float in (0, 1)
        Of people, from the lowest score up: the chosen.
    poor : float in (0, 1), default None
        Share of people who are truly poor, from the lowest welfare up; None: as many as are chosen. Errors of exclusion
        and inclusion are then equal, but for the households at both boundaries.
    line : float or RelativeLine, default None
        The truly poor are those below a line instead.
    who : str, default None
        Condition that people must meet to be counted, as a scheme's: shares are shares of them.
    score : str, default None
        Column of the score; None: that of the survey's role "score". Cross-fitted, if it was estimated on this survey:
        of a score in sample, errors are too small.
    name : str, default None
        What to call the score; None: its column.

    Raises
    ------
    InputError
        If a share is not in (0, 1), both ``poor`` and ``line`` are given, or the survey has no such score.

    Notes
    -----
    The household at a boundary is wholly in, as are those tied with it. The score is held fixed, as one that stands in
    law; where it is the country's own to be estimated, ``Custom`` may fit it in every replicate. Measured welfare is
    not true welfare: errors of targeting hold errors of measurement.

    References
    ----------
    Brown, C., Ravallion, M. and van de Walle, D. (2018). A poor means test? Journal of Development Economics 134,
    109-124. ESCAP, SPOT Simulator: targeting error.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.proxy_means(sp.example_survey(households=400), ["urbrur", "head_educ", "internet"]).scored()
    >>> est = sp.estimate(survey, [sp.TargetingError(0.4)], by=["decile"], replicates=sp.Bootstrap(50))
    >>> est.frame()["statistic"].unique().tolist()
    ['exclusion_error', 'inclusion_error', 'chosen']
    >>> bool((est.ci_low[:2] > 0.2).all())
    True

    Welfare itself is a score without error:

    >>> ideal = survey.with_column("ideal", survey.welfare)
    >>> sp.estimate(ideal, [sp.TargetingError(0.4, score="ideal")], replicates=sp.Bootstrap(50)).value[:2]
    array([0., 0.])
    """

    share: float
    poor: float | None = None
    line: float | RelativeLine | None = None
    who: str | None = None
    score: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "share", number(self.share, "share", above=0, below=1))
        if self.poor is not None:
            object.__setattr__(self, "poor", number(self.poor, "poor", above=0, below=1))
        if self.line is not None and not isinstance(self.line, RelativeLine):
            object.__setattr__(self, "line", number(self.line, "line", above=0))
        if self.poor is not None and self.line is not None:
            fail("The truly poor must be a share or below a line", "both poor and line came", "Drop one of them.")
        if self.who is not None and not isinstance(self.who, str):
            fail_type("who must be a condition, as text", self.who, "Write who='age >= 65'.")
        text_or_none(self.score, "score")
        text_or_none(self.name, "The name of a score")

    @property
    def param(self) -> str:
        """Whom the score chooses, and who is poor, as the tidy frame has it."""
        poor = "" if self.poor is None else f", poor={self.poor:.15g}"
        line = (
            self.line.name
            if isinstance(self.line, RelativeLine)
            else None
            if self.line is None
            else f"{self.line:.15g}"
        )
        who = "" if self.who is None else f", who={self.who}"
        return f"share={self.share:.15g}{poor}{'' if line is None else f', line={line}'}{who}"

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return errors before any transfer, by some columns."""
        if not scenario.before:
            return []
        survey = scenario.survey
        column = self.score if self.score is not None else survey.roles.get("score")
        if column is None:
            fail(
                "Targeting errors need a score",
                "the survey names no column for the role 'score'",
                "Pass roles={'score': <column>}, score=, or the survey of proxy_means(...).scored().",
            )
        scores = survey.household_column(column).numbers(f"The score {column!r}")
        domain = self._domain(scenario, by, full, column, np.isnan(scores))
        of = column if self.name is None else self.name
        return [_PreparedError.of(self, of, domain, scores[domain.rows.household], scenario)]

    def _domain(
        self, scenario: Scenario, by: tuple[str, ...], full: FullSample, column: str, unscored: BoolArray
    ) -> Domain:
        """Return those who count, by some columns: people with welfare and score who meet the condition."""
        survey = scenario.survey
        if survey.missing == "error":
            fail_if_any(
                unscored,
                f"The score {column!r} must be known for every household",
                "Mend these rows, or pass missing='drop' to the survey.",
                survey.show_household,
            )
        if self.who is None and not unscored.any():
            return scenario.domain(full, by)
        inside, names = ~unscored & survey.welfare_known, list(by)
        met: Callable[[str], BoolArray] | None = None
        if self.who is not None:
            condition = parse(self.who, "who of a targeting error")
            names += condition.names

            def met(unit: str) -> BoolArray:
                return condition.mask(lambda name: survey.column(name, unit))

        of_persons = survey.persons is not None and any(
            name in survey.persons and name not in survey.households for name in names
        )
        unit = "person" if of_persons else "household"
        inside = inside[survey.household_of] if of_persons else inside
        if met is not None:
            inside = inside & met(unit)
        index = np.flatnonzero(inside).astype(np.int32)
        household = survey.household_of[index] if of_persons else index
        weight = survey.person_weight[index] if of_persons else survey.people[index]
        if not weight.sum() > 0:
            fail(
                "Targeting errors must be of somebody",
                f"{self.who!r} holds for none with weight" if self.who else "no household has weight and a score",
                "Check the condition, or the score.",
            )
        return domain_of(full.rows(unit, index, household, weight), by)


@dataclass(frozen=True, eq=False)
class _PreparedError:
    """Targeting by a score, on people by welfare and score."""

    share: float
    line: RelativeLine | float | None
    rows: tuple[Row, ...]
    sums: ClassTotals  # people by welfare
    score: FloatArray
    by_score: Ordering
    by_welfare: Ordering | None  # of which a share is poor; None where a line says who is
    poor: float
    shares: tuple[float, ...]
    errors: bool

    @classmethod
    def of(
        cls, asked: TargetingError, of: str, domain: Domain, score: FloatArray, scenario: Scenario
    ) -> "_PreparedError":
        """Sort people by welfare and by score, and count what figures rest on."""
        rows = domain.rows
        welfare = scenario.welfare()[rows.household]
        sums = ClassTotals([rows.weight], rows.factor, domain.fixed, domain.fixed_levels, welfare)
        by_welfare = None if asked.line is not None else Ordering.of(welfare, rows.weight, rows.factor)
        made = cls(
            asked.share,
            asked.line,
            (),
            sums,
            score,
            Ordering.of(score, rows.weight, rows.factor),
            by_welfare,
            asked.share if asked.poor is None else asked.poor,
            domain.shares,
            not domain.shares,
        )
        whole = rows.full.switched()  # by recipients, rows may be outcomes of a package that ranks
        poor = welfare <= made._poorest(whole)[0]
        chosen = score <= made._cut_off(whole)[0]
        named: tuple[Row, ...] = ()
        if made.errors:
            cases = np.stack(
                [np.bincount(domain.level[rows.cases & some], minlength=len(domain.labels)) for some in (poor, chosen)],
                axis=1,
            )
            values = [Row(name, of, asked.param, scale="logit") for name in ERRORS]
            named = domain.named(values, scenario.name, cases=cases)
        named += domain.named([Row("chosen", of, asked.param, scale="logit")], scenario.name, means=True)
        return replace(made, rows=named)

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates): both errors of every level, then the share that is chosen."""
        highest, cut_off = self._poorest(block), self._cut_off(block)
        cuts = np.vstack([block.cuts(self.shares), highest])
        ranked = np.sort(cuts, axis=0)  # classes of welfare and the poor are cut together
        everybody = self.sums.evaluate(block.factors, ranked)[:, :, 0]
        chosen = self._chosen(block, ranked, cut_off)
        # A piece between two cuts is of the class that it is in, and poor if it ends where they do, or before.
        tops = np.vstack([ranked, np.full(block.replicates, np.inf)])
        poor = tops <= highest
        bands = len(self.shares) + 1
        band = (tops[:, None] > cuts[None, : bands - 1]).sum(axis=1)
        totals = np.zeros((4, everybody.shape[0], bands, block.replicates))
        for piece in range(len(tops)):
            for k in range(bands):
                here = band[piece] == k
                for to, people, counted in (
                    (totals[0], everybody, here),
                    (totals[1], chosen, here),
                    (totals[2], everybody, here & poor[piece]),
                    (totals[3], chosen, here & poor[piece]),
                ):
                    to[:, k] += np.where(counted, people[:, piece], 0.0)
        people, picked, needy, both = totals.reshape(4, -1, block.replicates)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = picked / people
            if not self.errors:
                return np.asarray(share)
            missed = np.stack([(needy - both) / needy, (picked - both) / picked], axis=1)
        return np.concatenate([np.clip(missed, 0.0, 1.0).reshape(-1, block.replicates), share])

    def _poorest(self, block: Block) -> FloatArray:
        """Return the highest welfare of the poor, (replicates,)."""
        if self.by_welfare is not None:
            return np.asarray(self.by_welfare.evaluate(block.factors, np.array([self.poor])).quantiles[0])
        if isinstance(self.line, RelativeLine):
            line = self.line.share * block.quantiles((self.line.q,))[0]
        else:
            assert self.line is not None
            line = np.full(block.replicates, self.line)
        return np.asarray(np.nextafter(line, -np.inf))  # the poor are strictly below it

    def _cut_off(self, block: Block) -> FloatArray:
        """Return the highest score of the chosen, (replicates,)."""
        return np.asarray(self.by_score.evaluate(block.factors, np.array([self.share])).quantiles[0])

    def _chosen(self, block: Block, cuts: FloatArray, cut_off: FloatArray) -> FloatArray:
        """Return the chosen by level and piece of welfare: (levels, pieces, replicates)."""
        made = []
        for group in range(block.factors.shape[0]):
            lanes = slice(group * LANES, (group + 1) * LANES)
            # Who is chosen in any lane; in the others such a row counts for nothing.
            rows = np.flatnonzero(self.score <= np.fmax.reduce(cut_off[lanes]))
            inside = self.score[rows, None] <= cut_off[lanes]
            own = self.sums.among(rows)
            weights = block.factors[group, self.sums.unit[rows]] * inside
            made.append(own.evaluate(weights[None], np.ascontiguousarray(cuts[:, lanes]))[:, :, 0])
        return np.concatenate(made, axis=-1)
