"""The proxy means test: what can be seen of a household stands for its welfare, which cannot.

Weighted least squares of log welfare per person on columns of households. The same households must not both teach the
formula and try it: every household is scored a second time, by fits that saw none of its PSU.

One QR decomposition of the weighted regressors serves all: with orthonormal columns, the sums of products of nine
tenths of the PSUs are the unit matrix less those of the tenth. Cost: O(n p^2), and p^3 a fold. Where a fold holds all
that tells a regressor from the others, the rest is decomposed on its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ._columns import Column
from ._folds import FOLDS, REPEATS, folds_of
from ._typing import BoolArray, CodeArray, FloatArray, LongArray
from ._validate import fail, fail_if_any, fail_type, listing, number, seed as check_seed, whole
from .design import Design
from .measures import quantile
from .survey import CLASSES, Survey

if TYPE_CHECKING:
    import pandas as pd

MOST_LEVELS = 200
COLLINEAR = 1e-7  # of a regressor's spread: less than this beside the regressors before it is nothing of its own
LOST = 1e-9  # of a direction's sum of squares: less than this left by a fold, and the fold held all of it
DECILES = CLASSES["decile"]


@dataclass(frozen=True, eq=False)
class ProxyMeans:
    """A proxy means test on the survey that it was estimated on: what ``proxy_means`` returns.

    Attributes
    ----------
    survey : Survey
    variables : tuple of str
    terms : tuple of (str, str)
        Variable and level of every coefficient; the level is "" for a number, and the first term the intercept.
    bases : dict of str to str
        Level of each categorical variable that the others are compared with: the most frequent.
    coefficients, standard_errors : ndarray of shape (terms,)
        Of log welfare. Standard errors are linearized, by PSU within strata.
    covariance : ndarray of shape (terms, terms)
    r2, r2_out : float
        Share of the variance of log welfare among people that the fit explains: of the households that it was made of,
        and of households in PSUs that it did not see.
    score, score_cross_fitted : ndarray of shape (households,)
        exp of the fitted log welfare; and of the mean over repeats of that by fits without the household's PSU. NaN
        where a variable is missing.
    smearing : float
        Mean over people of exp of the residual: ``score`` times it is predicted welfare.
    dropped : int
        Households that are not scored, a variable being missing.
    unlearned : tuple of str
        Terms that some folds could not learn from the others: their coefficient was 0 there.
    folds, repeats, seed : int

    Examples
    --------
    >>> import sp2lnob as sp
    >>> proxy = sp.proxy_means(sp.example_survey(households=400), variables=["urbrur", "head_educ", "internet"])
    >>> proxy
    ProxyMeans of log pc_exp on 3 variables, 6 coefficients: R2 0.37... in sample, 0.3... out of sample
    >>> bool(proxy.r2_out < proxy.r2), proxy.score.shape
    (True, (400,))

    A variable that says nothing of welfare explains less than nothing of what it did not see:

    >>> survey = sp.example_survey(households=400)
    >>> noise = survey.with_column("noise", [((k * 7919) % 101) / 101 for k in range(400)])
    >>> bool(sp.proxy_means(noise, ["noise"]).r2_out < 0)
    True
    """

    survey: Survey = field(repr=False)
    variables: tuple[str, ...]
    terms: tuple[tuple[str, str], ...]
    bases: Mapping[str, str]
    coefficients: FloatArray
    covariance: FloatArray
    r2: float
    r2_out: float
    score: FloatArray
    score_cross_fitted: FloatArray
    smearing: float
    dropped: int
    unlearned: tuple[str, ...]
    folds: int
    repeats: int
    seed: int

    def __repr__(self) -> str:
        count = f"{len(self.variables)} variable{'s' * (len(self.variables) > 1)}"
        lost = f"; {self.dropped:,} households without a score" if self.dropped else ""
        return (
            f"ProxyMeans of log {self.survey.names['welfare']} on {count}, {len(self.terms)} coefficients: "
            f"R2 {self.r2:.3f} in sample, {self.r2_out:.3f} out of sample{lost}"
        )

    @property
    def standard_errors(self) -> FloatArray:
        """Standard errors of the coefficients."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def predicted(self) -> FloatArray:
        """Predicted welfare per person: the score times the smearing factor (Duan 1983), for thresholds in currency."""
        return self.score * self.smearing

    def frame(self) -> "pd.DataFrame":
        """Return the coefficients, a row each.

        Returns
        -------
        pandas.DataFrame
            variable, level, coefficient, se. The base of a categorical variable is not listed: its coefficient is 0.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> survey = sp.example_survey(households=400)
        >>> sp.proxy_means(survey, ["urbrur", "internet"]).frame().round(2)
            variable  level  coefficient    se
        0  intercept                4.36  0.05
        1     urbrur  Urban         0.43  0.07
        2   internet                0.34  0.08

        Without a variable that has levels there are none:

        >>> sp.proxy_means(survey, ["internet"]).frame()["level"].tolist()
        ['', '']
        """
        import pandas as pd

        variable, level = zip(*self.terms, strict=True)
        return pd.DataFrame(
            {
                "variable": variable,
                "level": level,
                "coefficient": self.coefficients,
                "se": self.standard_errors,
            }
        )

    def scored(self, name: str = "score", *, cross_fitted: bool = True) -> Survey:
        """Return the survey with the score for its role "score": schemes that rank people take it from there.

        Parameters
        ----------
        name : str, default "score"
            Of the new column.
        cross_fitted : bool, default True
            Whether households are scored by fits that did not see their PSU: as a formula scores households that it was
            not made of. The score in sample knows too much of the households' own welfare, and targets too well.

        Returns
        -------
        Survey

        Raises
        ------
        InputError
            If the survey has a column of this name.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> survey = sp.proxy_means(sp.example_survey(households=400), ["urbrur", "head_educ"]).scored()
        >>> survey.roles["score"]
        'score'

        A second score needs a second name:

        >>> sp.proxy_means(survey, ["urbrur"]).scored()
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: A column must have a new name, but the survey has 'score' already. Choose another name.
        """
        return self.survey.with_column(name, self.score_cross_fitted if cross_fitted else self.score, role="score")

    def errors(self, share: float) -> "pd.DataFrame":
        """Return whom the score picks in place of the poor, in sample and cross-fitted: values without intervals.

        For intervals, pass ``TargetingError`` to ``estimate``.

        Parameters
        ----------
        share : float in (0, 1)
            Of people: the truly poor by welfare, and as many chosen by score. The household at either boundary is
            wholly in, as are those tied with it.

        Returns
        -------
        pandas.DataFrame
            statistic, by, level, in_sample, cross_fitted: the share of the truly poor whom the score leaves out, the
            share of the chosen who are not truly poor, and the share of every decile of welfare that is chosen.

        Raises
        ------
        InputError
            If the share is not in (0, 1).

        Examples
        --------
        >>> import sp2lnob as sp
        >>> proxy = sp.proxy_means(sp.example_survey(households=2000), ["urbrur", "head_educ", "region"])
        >>> proxy.errors(0.4).head(4).round(2)
                 statistic      by level  in_sample  cross_fitted
        0  exclusion_error     all   all       0.34          0.37
        1  inclusion_error     all   all       0.36          0.37
        2           chosen  decile     1       0.83          0.77
        3           chosen  decile     2       0.65          0.63

        >>> proxy.errors(1.0)
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: share must be in (0, 1), but it is 1. Correct the value.
        """
        import pandas as pd

        number(share, "share", above=0, below=1)
        rows = np.flatnonzero(self.survey.welfare_known & np.isfinite(self.score))
        assert self.survey.welfare is not None
        welfare, people = self.survey.welfare[rows], self.survey.people[rows]
        poor = welfare <= quantile(welfare, people, share)
        decile = np.searchsorted([quantile(welfare, people, q) for q in DECILES.shares], welfare, side="left")
        found = {}
        for name, score in (("in_sample", self.score[rows]), ("cross_fitted", self.score_cross_fitted[rows])):
            chosen = score <= quantile(score, people, share)
            both = people @ (poor & chosen)
            among = np.bincount(decile, people * chosen, len(DECILES.labels))
            of = np.bincount(decile, people, len(DECILES.labels))
            shares = np.divide(among, of, out=np.full(len(of), np.nan), where=of > 0)
            found[name] = np.r_[1 - both / (people @ poor), 1 - both / (people @ chosen), shares]
        return pd.DataFrame(
            {
                "statistic": ["exclusion_error", "inclusion_error", *["chosen"] * len(DECILES.labels)],
                "by": ["all", "all", *["decile"] * len(DECILES.labels)],
                "level": ["all", "all", *DECILES.labels],
                **found,
            }
        )


def proxy_means(
    survey: Survey,
    variables: Sequence[str],
    *,
    folds: int = FOLDS,
    repeats: int = REPEATS,
    seed: int = 1,
) -> ProxyMeans:
    """Fit a proxy means test: weighted least squares of log welfare per person on columns of households.

    A household weighs what it stands for in people. Numbers without labels enter as they are; text, categories and
    numbers with labels by level, each compared with the most frequent one. Squares, shares of children and the like are
    columns of ``derive``.

    Parameters
    ----------
    survey : Survey
        With welfare, above 0.
    variables : sequence of str
        Columns of households, derived ones as well.
    folds, repeats : int, default 10
        PSUs are dealt into folds, and each household is scored by a fit on the other folds; so many times, with PSUs
        dealt anew.
    seed : int, default 1
        Of the dealing.

    Returns
    -------
    ProxyMeans

    Raises
    ------
    InputError
        If welfare is 0 or below somewhere, a variable is missing somewhere, does not vary or has too many levels, or
        regressors are collinear: the error names them, and none is left out quietly.

    Notes
    -----
    Least squares of logs give the mean of log welfare: exp of it is not mean welfare, but in the order of it. Ranks
    need no more; for thresholds, see ``ProxyMeans.predicted``. A level that lies in one fold's PSUs alone cannot be
    learned from the others, and adds nothing to a score there (``unlearned``), as one that a formula does not know.

    The truly poor and the score share the survey's noise: measured welfare is not true welfare, and errors of targeting
    hold errors of measurement.

    References
    ----------
    Grosh, M. and Baker, J. (1995). Proxy means tests for targeting social programs. World Bank LSMS 118. Brown, C.,
    Ravallion, M. and van de Walle, D. (2018). A poor means test? Journal of Development Economics 134, 109-124. Duan,
    N. (1983). Smearing estimate. JASA 78, 605-610. Binder, D. (1983). International Statistical Review 51, 279-292: the
    standard errors.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=2000)
    >>> proxy = sp.proxy_means(survey, ["urbrur", "region", "head_educ", "head_sex", "internet"])
    >>> round(proxy.r2, 2), round(proxy.r2_out, 2)
    (0.42, 0.4)

    Two columns that say the same:

    >>> sp.proxy_means(survey.with_column("town", survey.household_column("urbrur")), ["urbrur", "town"])
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The variables of a proxy means test must not be collinear, but 'town: Urban' is a ...
    """
    if not isinstance(survey, Survey):
        fail_type("proxy_means() takes a Survey", survey, "Build it with Survey(...).")
    named = listing(variables, str, "variables of a proxy means test", "List columns: ['hhsize', 'roof'].")
    if not named:
        fail("A proxy means test must have a variable", "none came", "Name one or more columns.")
    if len(set(named)) < len(named):
        fail("Every variable of a proxy means test must be named once", f"the list is {list(named)}", "Drop the copy.")
    whole(folds, "folds", low=2)
    whole(repeats, "repeats", low=1)
    check_seed(seed, "seed")
    rows, used = _rows(survey, named)
    terms, bases, regressors = _regressors(survey, named, rows, used)
    assert survey.welfare is not None
    fit = _Fit.of(np.log(survey.welfare[rows[used]]), survey.people[rows[used]], regressors[:, used], terms)
    log = fit.predict(fit.coefficients[:, None], regressors)
    residual = fit.y - log[used]
    total = fit.total
    smearing = float(fit.weight @ np.exp(residual) / fit.weight.sum())
    psu, design = survey.design.psu[rows], survey.design
    logs, r2, unlearned = np.zeros(len(rows)), 0.0, set[int]()
    for repeat in range(repeats):
        fold = folds_of(design, repeat, folds=folds, seed=seed)[psu]
        learned = fit.without_each(fold[used], lost=unlearned)
        out = fit.predict(learned, regressors, fold)
        logs += out / repeats
        r2 += (1 - float(fit.weight @ (fit.y - out[used]) ** 2) / total) / repeats
    score, crossed = np.full((2, survey.n_households), np.nan)
    score[rows], crossed[rows] = np.exp(log), np.exp(logs)
    return ProxyMeans(
        survey,
        named,
        (("intercept", ""), *terms),
        bases,
        fit.coefficients,
        fit.covariance(residual, psu[used], design),
        1 - float(fit.weight @ residual**2) / total,
        r2,
        score,
        crossed,
        smearing,
        survey.n_households - len(rows),
        tuple(_called(terms[j]) for j in sorted(unlearned)),
        folds,
        repeats,
        seed,
    )


def proxy_means_from(table: Mapping[str, Any], survey: Survey) -> Survey:
    """Return a survey with the score that the section [proxy_means] of a study asks for.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = proxy_means_from({"variables": ["urbrur", "internet"]}, sp.example_survey(households=400))
    >>> survey.roles["score"]
    'score'
    """
    given = dict(table)
    if "variables" not in given:
        fail("[proxy_means] must have variables", "there are none", 'Write variables = ["hhsize", "roof"].')
    if survey.roles.get("score") is not None:
        fail(
            "A study must have one score",
            f"[survey] names {survey.roles['score']!r} for it, and [proxy_means] makes another",
            "Drop one of them.",
        )
    cross_fitted = given.pop("cross_fitted", True)
    return proxy_means(survey, **given).scored(cross_fitted=cross_fitted)


def _called(term: tuple[str, str]) -> str:
    """Return a term as text."""
    return ": ".join(filter(None, term))


def _rows(survey: Survey, variables: Sequence[str]) -> tuple[LongArray, BoolArray]:
    """Return the households that can be scored, and which of them the fit rests on: those with welfare and weight."""
    known: BoolArray = np.ones(survey.n_households, dtype=np.bool_)
    for name in variables:
        if name == survey.names["welfare"] or name in CLASSES:
            fail(
                "The variables of a proxy means test must not be welfare",
                f"{name!r} is{' cut from it' if name in CLASSES else ''}",
                "Name what can be seen of a household.",
            )
        missing = survey.household_column(name).missing
        if survey.missing == "error":
            fail_if_any(
                missing,
                f"The variable {name!r} of a proxy means test must be known for every household",
                "Mend these rows, or pass missing='drop' to the survey: they have no score then.",
                survey.show_household,
            )
        known &= ~missing
    rows = np.flatnonzero(known)
    used = survey.welfare_known[rows] & (survey.people[rows] > 0)
    if not used.any():
        fail(
            "A proxy means test must rest on somebody",
            "no household has weight, welfare and all variables",
            "Check the columns that are missing.",
        )
    assert survey.welfare is not None
    welfare = survey.welfare[rows]
    fail_if_any(
        used & (welfare <= 0),
        "Welfare must be above 0 for its logarithm",
        "Mend or drop these rows.",
        lambda i: f"{survey.show_household(int(rows[i]))}: {welfare[i]:g}",
    )
    return rows, used


def _regressors(
    survey: Survey, variables: Sequence[str], rows: LongArray, used: BoolArray
) -> tuple[tuple[tuple[str, str], ...], dict[str, str], FloatArray]:
    """Return the terms beside the intercept, the bases, and regressors of shape (terms, rows)."""
    terms: list[tuple[str, str]] = []
    columns: list[FloatArray] = []
    bases: dict[str, str] = {}
    for name in variables:
        column = survey.household_column(name).take(rows)
        if not (column.is_text or column.labels):
            _varies(name, np.unique(column.values[used]).tolist())
            terms.append((name, ""))
            columns.append(column.values)
            continue
        code, labels = _levels(column, used)
        _varies(name, labels)
        if len(labels) > MOST_LEVELS:
            fail(
                f"The variable {name!r} must have at most {MOST_LEVELS} levels",
                f"it has {len(labels):,}",
                "Group its values with derive=, or make it a number.",
            )
        base = int(np.bincount(code[used], minlength=len(labels)).argmax())
        bases[name] = labels[base]
        for level in (k for k in range(len(labels)) if k != base):
            terms.append((name, labels[level]))
            columns.append((code == level).astype(np.float64))
    if len(terms) + 1 >= used.sum():
        fail(
            "A proxy means test must have fewer coefficients than households",
            f"there are {len(terms) + 1:,} coefficients and {int(used.sum()):,} households",
            "Name fewer variables, or group their levels.",
        )
    return tuple(terms), bases, np.stack(columns)


def _levels(column: Column, used: BoolArray) -> tuple[CodeArray, tuple[str, ...]]:
    """Return each row's level among those that the fit rests on, -1 for any other, and their labels."""
    _, code, labels = column.categories()
    there = np.flatnonzero(np.bincount(code[used], minlength=len(labels)))
    place = np.full(len(labels), -1, dtype=np.int32)
    place[there] = np.arange(len(there), dtype=np.int32)
    return place[code], tuple(labels[k] for k in there)


def _varies(name: str, values: Sequence[object]) -> None:
    if len(values) < 2:
        fail(
            f"The variable {name!r} of a proxy means test must vary",
            f"all households that count have {values[0]!r}",
            "Drop it.",
        )


@dataclass(frozen=True, eq=False)
class _Fit:
    """A weighted least squares fit, by the QR decomposition of its weighted and standardized regressors."""

    y: FloatArray
    weight: FloatArray
    mean: FloatArray  # of the regressors
    spread: FloatArray
    root: FloatArray  # (n,) square root of weights
    standard: FloatArray  # (n, terms) weighted and standardized, the intercept first
    q: FloatArray
    r: FloatArray

    @classmethod
    def of(cls, y: FloatArray, weight: FloatArray, regressors: FloatArray, terms: Sequence[tuple[str, str]]) -> "_Fit":
        """Decompose; raise if a regressor is a combination of those before it."""
        weight = weight / weight.sum()
        mean = regressors @ weight
        apart = regressors - mean[:, None]
        spread = np.sqrt(apart**2 @ weight)
        root = np.sqrt(weight)
        standard = np.column_stack([root, (apart / spread[:, None] * root).T])
        q, r = np.linalg.qr(standard)
        dependent = np.flatnonzero(np.abs(np.diag(r)) < COLLINEAR)
        if len(dependent):
            j = int(dependent[0])
            share = np.linalg.solve(r[:j, :j], r[:j, j])
            of = [_called(terms[k - 1]) for k in np.flatnonzero(np.abs(share) > np.sqrt(COLLINEAR)).tolist() if k]
            fail(
                "The variables of a proxy means test must not be collinear",
                f"{_called(terms[j - 1])!r} is a combination of {', '.join(map(repr, of)) or 'the intercept'}",
                "Drop one of these variables, or group the levels.",
            )
        return cls(y, weight, mean, spread, root, standard, q, r)

    @property
    def total(self) -> float:
        """Variance of y among people."""
        return float(self.weight @ (self.y - self.weight @ self.y) ** 2)

    @cached_property
    def projected(self) -> FloatArray:
        """Coefficients on the orthonormal columns."""
        return np.asarray(self.q.T @ (self.root * self.y))

    @cached_property
    def coefficients(self) -> FloatArray:
        """Coefficients on the regressors, the intercept first."""
        return self._plain(np.asarray(np.linalg.solve(self.r, self.projected), dtype=np.float64))

    def _plain(self, standard: FloatArray) -> FloatArray:
        """Return coefficients on regressors from those on standardized ones."""
        slope = standard[1:] / self.spread
        return np.asarray(np.r_[standard[0] - slope @ self.mean, slope])

    def predict(self, coefficients: FloatArray, regressors: FloatArray, fit: Any = 0) -> FloatArray:
        """Return fitted values by coefficients of shape (terms, fits), each row by its own fit.

        Added up term by term: households that look alike have the same score to the last bit, and are tied.
        """
        out: FloatArray = np.zeros(regressors.shape[1])
        out += coefficients[0][fit]
        for column, coefficient in zip(regressors, coefficients[1:], strict=True):
            out += column * coefficient[fit]
        return out

    def without_each(self, fold: CodeArray, lost: set[int]) -> FloatArray:
        """Return coefficients, (terms, folds), of fits without each fold; add what one could not learn to ``lost``."""
        folds = int(fold.max()) + 1
        made = np.empty((len(self.r), folds))
        y = self.root * self.y
        for k in range(folds):
            held = np.flatnonzero(fold == k)
            q = self.q[held]
            left = np.eye(len(self.r)) - q.T @ q
            if np.linalg.eigvalsh(left)[0] > LOST:
                found = np.linalg.solve(self.r, np.linalg.solve(left, self.projected - q.T @ y[held]))
            else:
                found = self._without(fold != k, y, lost)
            made[:, k] = self._plain(found)
        return made

    def _without(self, learn: BoolArray, y: FloatArray, lost: set[int]) -> FloatArray:
        """Return standardized coefficients of a fit on some rows, 0 for what those before say there already."""
        x, y = self.standard[learn], y[learn]
        if not len(x):
            fail(
                "Cross-fitting must leave households to learn from",
                "all that have weight are in one fold",
                "Check the weights, or pass psu= to the survey.",
            )
        # About its own mean there, a regressor that does not vary is nothing.
        root = x[:, 0]
        apart = x.copy()
        apart[:, 1:] -= root[:, None] * (root @ x[:, 1:] / (root @ root))
        own = np.linalg.norm(apart, axis=0)
        keep = np.flatnonzero(own > COLLINEAR)
        while True:
            q, r = np.linalg.qr(apart[:, keep] / own[keep])
            dependent = np.flatnonzero(np.abs(np.diag(r)) < COLLINEAR)
            if not len(dependent):
                break
            keep = np.delete(keep, dependent[0])
        lost.update((np.setdiff1d(np.arange(x.shape[1]), keep) - 1).tolist())
        found = np.zeros(x.shape[1])
        found[keep] = np.linalg.solve(r, q.T @ y) / own[keep]
        found[0] -= found[1:] @ (root @ x[:, 1:] / (root @ root))
        return found

    def covariance(self, residual: FloatArray, psu: CodeArray, design: Design) -> FloatArray:
        """Return the linearized covariance of the coefficients, by PSU within strata."""
        scores = self.q * (self.root * residual)[:, None]
        added = np.zeros((design.psus, scores.shape[1]))
        np.add.at(added, psu, scores)
        size = design.psus_by_stratum
        of = np.repeat(np.arange(design.strata), size)
        mean = np.add.reduceat(added, design.stratum_start[:-1], axis=0) / size[:, None]
        lonely = design.lonely
        centered = design.single_psu == "centered"  # on the mean of all PSUs, which is 0: least squares make it so
        apart = np.where((lonely & centered)[of, None], added, added - mean[of])
        factor = np.where(size > 1, size / np.maximum(size - 1, 1), 1.0) * (1 - design.fraction)
        if design.single_psu == "scaled" and lonely.any():
            factor *= design.strata / (design.strata - lonely.sum())
        spread = apart * np.sqrt(factor)[of, None]
        middle = spread.T @ spread
        if design.second is not None:
            count = np.bincount(psu, minlength=design.psus)
            inside = scores - (added / np.maximum(count, 1)[:, None])[psu]
            second = (
                design.fraction[of] * (1 - design.second) * np.where(count > 1, count / np.maximum(count - 1, 1), 0)
            )
            inside *= np.sqrt(second)[psu, None]
            middle += inside.T @ inside
        inverse = np.linalg.inv(self.r)
        plain = np.stack([self._plain(column) for column in inverse.T], axis=1)
        return np.asarray(plain @ middle @ plain.T)
