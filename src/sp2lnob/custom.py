"""A statistic of the user's own, by the same engine: a function of weights and data, called once a replicate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ._domains import Block, FullSample, Row, domain_of
from ._parallel import LANES
from ._prepared import Asked, Scenario, Statistic
from ._typing import CodeArray, FloatArray
from ._validate import choice, fail, fail_type, listing, shown

Data = Mapping[str, npt.NDArray[Any]]
Theta = Callable[[FloatArray, Data], npt.ArrayLike]
WELFARE = "welfare"  # what theta finds the scenario's welfare under
FAILURES = (ArithmeticError, ValueError, np.linalg.LinAlgError)  # that count as a replicate without a value


@dataclass(frozen=True)
class Custom(Statistic):
    """A statistic of one's own: ``theta(weights, data)``, called once for every replicate and level.

    It is the slow path: Python code runs replicates x levels times, and threads do not share the work. With an
    ``executor`` of processes they do, if theta is defined in a module that these can import.

    Parameters
    ----------
    name : str
        What the figure is called.
    theta : callable
        Takes the weights of a replicate, of shape (rows,), and the data, a dict of arrays of shape (rows,): the columns
        asked for, and "welfare", that of the scenario before or after a transfer, where the survey has welfare.
        Numbers come as numbers, with NaN where missing; text and labels as text, with None. Arrays are read-only, and
        rows in one order for all replicates; a weight may be 0. Cuts, ranks and models that are estimated must be
        estimated in it, from the weights it is given. It returns a number, or one for each of ``params``.
    columns : sequence of str, default ()
    unit : {"household", "person"}, default "household"
        Rows; a household's weight counts its people.
    params : sequence of str, default ("",)
        What to call the values where there are several.
    scale : {"t", "log", "logit"}, default "t"
        Where its interval is symmetric: on the value; on the logarithm, for what is positive; on the logit, for shares.

    Raises
    ------
    InputError
        If there is no such column or unit, or theta returns something else than its numbers.

    Notes
    -----
    What theta raises on the full sample is passed on. In a replicate an ArithmeticError, ValueError or LinAlgError
    makes it fail, as NaN does, and is counted. A level without weight is not given to theta: it has no value.

    References
    ----------
    R survey, withReplicates().

    Examples
    --------
    >>> import numpy as np, sp2lnob as sp
    >>> def mean_of_the_poor(weights, data):
    ...     poor = data["welfare"] < 90
    ...     return np.average(data["welfare"][poor], weights=weights[poor])
    >>> survey = sp.example_survey(households=400)
    >>> own = sp.Custom("mean_of_the_poor", mean_of_the_poor, scale="log")
    >>> est = sp.estimate(survey, [own], by=["urbrur"], replicates=sp.Bootstrap(50))
    >>> bool((est.ci_low < est.value).all()), est.frame()["statistic"].unique().tolist()
    (True, ['mean_of_the_poor'])

    Nothing can be worked out, and the function says so:

    >>> never = sp.Custom("never", lambda weights, data: np.nan)
    >>> sp.estimate(survey, [never], replicates=sp.Bootstrap(10)).flags
    ('empty;no interval',)
    """

    name: str
    theta: Theta
    columns: Sequence[str] = ()
    unit: str = "household"
    params: Sequence[str] = ("",)
    scale: str = "t"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            fail_type("The name of a statistic must be text", self.name, "Write Custom('name', theta).")
        if not callable(self.theta):
            fail_type("theta must be a function of weights and data", self.theta, "Pass it without calling it.")
        columns = (self.columns,) if isinstance(self.columns, str) else self.columns
        object.__setattr__(self, "columns", listing(columns, str, "columns", "List them: ['age', 'sex']."))
        params = (self.params,) if isinstance(self.params, str) else self.params
        object.__setattr__(self, "params", listing(params, str, "params", "Name each value."))
        if not self.params or len(set(self.params)) < len(self.params):
            fail("Every value must have a name of its own", f"params are {list(self.params)}", "Name each value once.")
        choice(self.unit, ("household", "person"), "unit")
        choice(self.scale, ("t", "log", "logit"), "scale")

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return the statistic on a scenario's data."""
        survey = scenario.survey
        if WELFARE in self.columns and survey.welfare is not None:
            fail(
                f"The name {WELFARE!r} must mean one thing",
                "it is the scenario's welfare, and was asked for as a column",
                "Rename the column with derive=.",
            )
        people = full.people(self.unit, with_welfare=any(map(survey.welfare_class, by)))
        domain = scenario.spread(domain_of(people, by))
        rows = domain.rows
        data: dict[str, npt.NDArray[Any]] = {}
        for name in self.columns:
            column = survey.column(name, self.unit).take(rows.index)
            if column.is_text or column.labels:
                _, codes, labels = column.categories()
                data[name] = np.array([*labels, None], dtype=object)[codes]
            else:
                data[name] = column.values
        if survey.welfare is not None:
            data[WELFARE] = scenario.welfare_of(rows)
        asked = [Row(self.name, param=param, scale=self.scale) for param in self.params]
        parts = []
        for level in range(domain.fixed_levels):
            here = np.flatnonzero(domain.fixed == level)
            base = domain.welfare[here] if domain.shares else np.zeros(len(here))
            own = {name: column[here] for name, column in data.items()}
            for array in own.values():  # what theta changed would be changed for the next replicate
                array.flags.writeable = False
            parts.append(_Part(rows.weight[here], rows.factor[here], base, own))
        named = domain.named(asked, scenario.name)
        return [PreparedCustom(self.name, self.theta, len(asked), named, tuple(parts), domain.shares)]


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows of one level, before welfare classes are cut."""

    weight: FloatArray
    factor: CodeArray
    base: FloatArray
    data: Data


@dataclass(frozen=True, eq=False)
class PreparedCustom:
    """A function of weights and data on its rows."""

    name: str
    theta: Theta
    values: int
    rows: tuple[Row, ...]
    parts: tuple[_Part, ...]
    shares: tuple[float, ...]

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates)."""
        cuts, whole = block.cuts(self.shares), block.whole
        bands = len(self.shares) + 1
        out = np.empty((len(self.parts), bands, self.values, block.replicates))
        for column in range(block.replicates):
            if whole and column:  # the full sample, in every lane
                out[..., column] = out[..., 0]
                continue
            factor = block.factors[column // LANES, :, column % LANES]
            for part, made in zip(self.parts, out, strict=True):
                weight = part.weight * factor[part.factor]
                band = np.searchsorted(cuts[:, column], part.base, side="left")
                for j in range(bands):
                    here = np.flatnonzero(band == j) if bands > 1 else slice(None)
                    data = {name: values[here] for name, values in part.data.items()}
                    made[j, :, column] = self._theta(weight[here], data, whole)
        return out.reshape(len(self.rows), block.replicates)

    def _theta(self, weight: FloatArray, data: Data, whole: bool) -> FloatArray:
        """Return what theta gives, or NaN where it fails in a replicate."""
        if not (weight > 0).any():
            return np.full(self.values, np.nan)
        try:
            made = np.asarray(self.theta(weight, data))
        except FAILURES:
            if whole:
                raise
            return np.full(self.values, np.nan)
        if made.dtype.kind not in "iufb" or made.shape not in ((self.values,), ()) or made.size != self.values:
            fail(
                f"theta of {self.name!r} must return {self.values} number{'s' if self.values > 1 else ''}",
                f"it returned {shown(made)}",
                "Name several values with params=.",
            )
        return made.reshape(self.values).astype(np.float64)
