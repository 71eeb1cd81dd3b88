"""The regression tree that finds who is furthest behind, by the published rule of the LNOB Platform.

Grown on cells, so that its cost does not depend on the number of rows beyond one pass: `_kernels/_tree.pyx` holds the
algebra. After growing, splits whose worth is below ``cp`` are taken back from the leaves up, as R's rpart does;
`_pruning.py` holds what is asked of the finished tree.
"""

from copy import copy
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from . import _pruning
from ._cells import Circumstance, circumstance_of, combine
from ._columns import Table
from ._html import form_of, table as html_table
from ._splits import Rule, Splits, describe, grow, sides
from ._training import check_finite, features_of, folds_of_rows, outcome_of, weights_of
from ._typing import BoolArray, CodeArray, FloatArray
from ._validate import (
    choice,
    fail,
    fail_if_any,
    fail_if_unknown,
    number,
    seed as check_seed,
    whole,
)
from .disclosure import FEWEST, least_cases, withhold_tree

MOST_LEVELS = 1000  # of an unordered circumstance
MISSING = ("error", "level", "drop")


class OpportunityTree(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Regression tree on circumstances: its leaves are the groups, from the furthest behind to the furthest ahead.

    Binary least-squares splits. The default is the published rule of the LNOB Platform: six levels deep, leaves of at
    least 49 rows and 9 % of the weight. ``OpportunityTree.lnob()`` follows the platform's code to the row instead.

    Parameters
    ----------
    max_depth : int, default 6
    min_obs : int, default 49
        Rows in a leaf, counted without their weight, at least; those of weight 0 are not there. R's rpart counts them.
    min_share : float in [0, 0.5], default 0.09
        Share of the weight, or of the rows, in a leaf, at least.
    share_of : {"weight", "rows"}, default "weight"
        What ``min_share`` is a share of. Rows are rounded down, as rpart does.
    cp : float or "one-se", default None
        A branch is kept if it takes more than this share of the root's sum of squares off for each of its splits. None
        is 1 / n, which hardly ever binds: size and depth then stop the tree. "one-se" is the largest cp whose
        cross-validated error is within one standard error of the least; PSUs are dealt into ten folds.
    missing : {"error", "level", "drop"}, default "error"
        What becomes of a row whose circumstance is missing: an error, a level called "missing", or no row of the tree.
        Among levels that have an order the missing have no place: at every cut they are tried on the higher side, then
        on the lower, and alone against all others.
    seed : int, default 1
        Of the folds.

    Attributes
    ----------
    groups_ : DataFrame
        One row a leaf, by rate from the lowest: group, label, share, n, rate, furthest_behind, furthest_ahead.
    cp_table_ : DataFrame
        One row for each tree to which this one can be pruned, from the root alone: cp, splits, rel_error (what is left
        of the root's sum of squares); x_error and x_std, cross-validated, where PSUs were given.
    cp_ : float
        The cp in force.
    importance_ : Series
        What the splits by each circumstance take off the sum of squares, as a share of what all splits do.
    feature_importances_ : ndarray of shape (circumstances,)
        The same, as scikit-learn calls it.
    dropped_ : dict of str to int
        Rows dropped as missing, by circumstance.
    circumstances_ : tuple of Circumstance
    splits_ : Splits
    feature_names_in_ : ndarray of str
        Where the circumstances came with names.
    n_features_in_ : int

    Notes
    -----
    Rows of weight 0 count as rows, as in R's rpart and in the platform's code. Numbers without value labels and ordered
    categoricals are cut in their order; text and other categoricals by the order of their rates. The first
    circumstance, then the lowest cut, wins a tie, within the rounding of sums. A level that a node has never seen goes
    by the threshold if it is ordered, else with the child of the larger weight; so does a missing circumstance, met for
    the first time by a tree of ``missing="level"``.

    The outcome may be any number; only an ``Opportunity`` insists on 0 and 1.

    As R's rpart counts importance, a split also credits its surrogates, and without them it is ``importance_`` times
    what all splits take off. Cross-validation is rpart's as well, with folds of PSUs instead of rows, so that nobody is
    judged by a tree that has seen the neighbors. Standard errors of ``x_error`` are rpart's of weights that have a mean
    of 1, since as weights stand their scale would set them. They take rows as drawn one by one, and so are too small
    for clustered samples: they serve the one-SE rule, no more.

    References
    ----------
    Breiman, L., Friedman, J., Olshen, R. and Stone, C. (1984). Classification and Regression Trees. Wadsworth.
    ESCAP, LNOB Platform, specifications of the classification tree.

    Examples
    --------
    >>> import numpy as np, sp2lnob as sp
    >>> X = {"area": ["rural"] * 100 + ["urban"] * 100}
    >>> y = np.r_[np.zeros(80), np.ones(20), np.zeros(10), np.ones(90)]
    >>> tree = sp.OpportunityTree().fit(X, y, sample_weight=np.ones(200))
    >>> tree.groups_[["label", "share", "n", "rate"]]
             label  share    n  rate
    0  area: rural    0.5  100   0.2
    1  area: urban    0.5  100   0.9

    Nothing to split on leaves one group:

    >>> sp.OpportunityTree().fit(X, np.ones(200), sample_weight=np.ones(200)).groups_.label.tolist()
    ['everybody']
    """

    def __init__(
        self,
        max_depth: int = 6,
        min_obs: int = 49,
        min_share: float = 0.09,
        share_of: str = "weight",
        cp: float | str | None = None,
        missing: str = "error",
        seed: int = 1,
    ) -> None:
        self.max_depth = max_depth
        self.min_obs = min_obs
        self.min_share = min_share
        self.share_of = share_of
        self.cp = cp
        self.missing = missing
        self.seed = seed

    @classmethod
    def lnob(cls, extended: bool = False) -> Self:
        """Return the tree of the platform's published code: leaves of n / 11 rows and 49, rounded down; cp of 1 / n.

        Parameters
        ----------
        extended : bool, default False
            Whether religion, ethnicity, language or caste is among the circumstances: leaves of n / 19 rows then.

        Returns
        -------
        OpportunityTree

        Examples
        --------
        >>> import sp2lnob as sp
        >>> sp.OpportunityTree.lnob().share_of
        'rows'
        >>> round(1 / sp.OpportunityTree.lnob(extended=True).min_share)
        19
        """
        return cls(max_depth=6, min_obs=49, min_share=1 / 19 if extended else 1 / 11, share_of="rows", cp=None)

    def rule(self) -> Rule:
        """Return the checked rule by which nodes are split, as ``grow_many`` takes it.

        Of a cp to be chosen it is that of a fitted tree, or of growing before there is one.
        """
        of_rows = choice(self.share_of, ("weight", "rows"), "share_of") == "rows"
        share = number(self.min_share, "min_share", low=0, high=0.5)
        cp = self.cp
        if isinstance(cp, str):
            choice(cp, ("one-se",), "cp, if it is no number,")
            cp = getattr(self, "cp_", None)
        return Rule(
            whole(self.max_depth, "max_depth", low=0),
            whole(self.min_obs, "min_obs", low=1),
            share_of_rows=share if of_rows else 0.0,
            share_of_weight=0.0 if of_rows else share,
            cp=None if cp is None else number(cp, "cp", low=0),
        )

    def fit(self, X: Any, y: Any, sample_weight: Any = None, psu: Any = None, strata: Any = None) -> Self:
        """Grow the tree.

        Parameters
        ----------
        X : frame, dict of arrays, or array of shape (n, circumstances)
        y : array_like of shape (n,)
            The outcome, 0 or 1 for access.
        sample_weight : array_like of shape (n,), default None
            The survey's weights. Here alone, as scikit-learn asks of its estimators, None says unweighted.
        psu : array_like of shape (n,), default None
            Primary sampling unit of each row, by which the tree is cross-validated; ``np.arange(n)`` says that rows
            were drawn one by one. ``cp="one-se"`` needs it.
        strata : array_like of shape (n,), default None
            Stratum of each row: PSUs of one label in two strata are two, and folds are spread over every stratum.

        Returns
        -------
        OpportunityTree
            Itself.

        Raises
        ------
        InputError
            If a circumstance is missing somewhere and is not to be, the outcome is, or weights are negative or all 0;
            if an unordered circumstance has more than 1,000 levels; if cp is to be chosen and there are no PSUs.

        Examples
        --------
        >>> import numpy as np, sp2lnob as sp
        >>> tree = sp.OpportunityTree(min_obs=1, min_share=0).fit([[1.0], [2.0]], [0, 1], sample_weight=[1, 1])
        >>> tree.predict([[1.4], [1.6]])
        array([0., 1.])

        Without weights every row counts the same:

        >>> sp.OpportunityTree().fit([[1.0], [2.0]], [0, 1]).predict([[1.0]])
        array([0.5])

        What is noise to the trees of other PSUs is not worth a split, and cp="one-se" takes it back:

        >>> x, y, psu = np.arange(200) % 8, np.arange(200) ** 2 % 17 < 8, np.arange(200) // 5
        >>> rule = {"min_obs": 5, "min_share": 0}
        >>> len(sp.OpportunityTree(**rule).fit({"x": x}, y).groups_)
        2
        >>> len(sp.OpportunityTree(**rule, cp="one-se").fit({"x": x}, y, psu=psu).groups_)
        1
        >>> sp.OpportunityTree(cp="one-se").fit({"x": x}, y)
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: A cp that is chosen by cross-validation must have PSUs, but psu is None. ...
        """
        choice(self.missing, MISSING, "missing")
        self.rule()
        table, named = features_of(X)
        outcome = outcome_of(y, table.rows)
        w = weights_of(sample_weight, table.rows)
        columns = [table[name] for name in table]
        for column in columns:
            check_finite(column)
        rows = np.arange(table.rows)
        self.dropped_ = {}
        if self.missing == "drop":
            lost = {column.name: column.missing for column in columns}
            rows = np.flatnonzero(~np.logical_or.reduce(list(lost.values())))
            self.dropped_ = {name: int(missing.sum()) for name, missing in lost.items() if missing.any()}
            if not len(rows) or not w[rows].sum() > 0:
                fail(
                    "Somebody of weight must have all circumstances known",
                    f"all of {table.rows:,} rows lack one or the other: {self.dropped_}",
                    "Drop the circumstance that is hardly known, or pass missing='level'.",
                )
            outcome, w = outcome[rows], w[rows]
        made = [circumstance_of(column, rows=rows, missing=self.missing) for column in columns]
        for circumstance, _ in made:
            if circumstance.levels > MOST_LEVELS and not circumstance.ordered:
                fail(
                    f"Circumstance {circumstance.name!r} must have at most {MOST_LEVELS:,} levels, or an order",
                    f"it has {circumstance.levels:,}",
                    "Group them.",
                )
        fold = None if psu is None else folds_of_rows(psu, strata, rows, table.rows, check_seed(self.seed, "seed"))
        codes, cell = combine([code for _, code in made], [circumstance.levels for circumstance, _ in made])
        plain = bool(np.isin(outcome, (0, 1)).all())
        # Sums of squares about a mean far from 0 would lose their digits.
        center = 0.0 if plain else float(np.average(outcome, weights=w))
        apart = outcome - center
        powers = [w, w * apart, w * apart**2, (w > 0).astype(np.float64)]
        if not plain and fold is not None:
            powers += [w * apart**3, w * apart**4]
        folds = 1 if fold is None else int(fold.max()) + 1
        place = cell if fold is None else fold * len(codes) + cell
        sums: FloatArray = np.column_stack([np.bincount(place, column, folds * len(codes)) for column in powers])
        by_fold = sums.reshape(folds, len(codes), len(powers))
        self.__dict__.pop("feature_names_in_", None)
        if named:
            self.feature_names_in_ = np.array([circumstance.name for circumstance, _ in made], dtype=object)
        self.n_features_in_ = len(made)
        circumstances = tuple(circumstance for circumstance, _ in made)
        return self.fit_cells(
            circumstances, codes, by_fold.sum(axis=0), None if fold is None else by_fold, center=center
        )

    def fit_cells(
        self,
        circumstances: tuple[Circumstance, ...],
        codes: CodeArray,
        sums: FloatArray,
        by_fold: FloatArray | None = None,
        center: float = 0.0,
    ) -> Self:
        """Grow the tree on cells with their sums: weight, weighted outcome, weighted squared outcome, rows.

        ``sums`` has shape (cells, 4), and ``by_fold``, by which the tree is cross-validated, (folds, cells, 4); or 6,
        with weighted third and fourth powers, if the outcome is not 0 or 1. ``center`` was taken off the outcome.
        """
        rule = self.rule()
        if isinstance(self.cp, str):
            rule = replace(rule, cp=None)
            if by_fold is None:
                fail(
                    "A cp that is chosen by cross-validation must have PSUs",
                    "psu is None",
                    "Pass psu=, or np.arange(n) to say that rows were drawn one by one.",
                )
        grown_with = 1 / float(sums[:, 3].sum()) if rule.cp is None else rule.cp
        splits = grow(circumstances, codes, sums[:, :4], rule)
        table = _pruning.table_of(splits, grown_with)
        if by_fold is not None:
            table = _pruning.cross_validated(table, splits, circumstances, codes, by_fold, rule)
        self.circumstances_, self._codes = circumstances, codes[sums[:, 0] > 0]
        splits = replace(splits, rate=splits.rate + center)
        self.cp_ = grown_with
        if isinstance(self.cp, str):
            self.cp_ = table.one_se
            splits = _pruning.pruned(splits, self.cp_)
        self._take(splits, table)
        return self

    def _take(self, splits: Splits, table: _pruning.Table) -> None:
        """Keep a tree, and what is told of it."""
        self.splits_ = splits
        leaf_of_cell = splits.apply(self._codes)
        # By rate, from the lowest; among equal rates the larger weight is further out, at either end.
        leaves = sorted(splits.leaves.tolist(), key=lambda t: (splits.rate[t], -splits.weight[t]))
        top = max(leaves, key=lambda t: (splits.rate[t], splits.weight[t]))
        self.leaves_ = np.array(leaves, dtype=np.int32)
        self.groups_ = pd.DataFrame(
            {
                "group": np.arange(1, len(leaves) + 1),
                "label": [describe(splits, self._codes, leaf_of_cell, t) for t in leaves],
                "share": splits.weight[leaves] / splits.weight[0],
                "n": splits.rows[leaves].astype(np.int64),
                "rate": splits.rate[leaves],
                "furthest_behind": [t == leaves[0] for t in leaves],
                "furthest_ahead": [t == top for t in leaves],
            }
        )
        self.cp_table_ = pd.DataFrame({"cp": table.cp, "splits": table.splits, "rel_error": table.rel_error})
        if not np.isnan(table.x_error).all():
            self.cp_table_ = self.cp_table_.assign(x_error=table.x_error, x_std=table.x_std)
        names = [circumstance.name for circumstance in self.circumstances_]
        split = splits.circumstance >= 0
        taken = np.bincount(splits.circumstance[split], splits.gain()[split], len(names))
        share = taken / taken.sum() if split.any() else taken
        self.importance_ = pd.Series(share, index=pd.Index(names, name="circumstance"), name="importance")

    @property
    def feature_importances_(self) -> FloatArray:
        """Importance of each circumstance, in their order."""
        check_is_fitted(self)
        return self.importance_.to_numpy(copy=True)

    def prune(self, cp: float) -> Self:
        """Return the tree without the branches that are not worth a cp.

        Parameters
        ----------
        cp : float
            Share of the root's sum of squares, as in the constructor. One below that of growing changes nothing.

        Returns
        -------
        OpportunityTree
            Another one; this one stays as it is. Its ``cp_table_`` ends where it does.

        Raises
        ------
        InputError
            If cp is below 0, or no number.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> X, y = {"a": [0, 0, 1, 1], "b": [0, 1, 0, 1]}, [0.0, 0.1, 1.0, 1.0]
        >>> tree = sp.OpportunityTree(min_obs=1, min_share=0, cp=0).fit(X, y)
        >>> tree.cp_table_.round(3)
              cp  splits  rel_error
        0  0.994       0      1.000
        1  0.006       1      0.006
        2  0.000       2      0.000
        >>> tree.prune(0.01).groups_["label"].tolist()
        ['a: 0', 'a: 1']
        >>> tree.prune(1).groups_["label"].tolist()
        ['everybody']
        """
        check_is_fitted(self)
        least = max(number(cp, "cp", low=0), self.cp_)
        table, last = self.cp_table_, int(np.argmax(self.cp_table_["cp"].to_numpy() <= least))
        kept = {str(name): table[name].to_numpy()[: last + 1] for name in table}
        nothing = np.full(last + 1, np.nan)
        kept["cp"] = np.r_[kept["cp"][:-1], least]
        made = copy(self)
        made.cp = made.cp_ = least
        made._take(
            _pruning.pruned(self.splits_, least),
            _pruning.Table(**{"x_error": nothing, "x_std": nothing} | kept),
        )
        return made

    def group_of(self, codes: CodeArray) -> CodeArray:
        """Return the position in ``groups_`` of each row of level codes."""
        return self._position()[self.splits_.apply(codes)]

    def _position(self) -> CodeArray:
        """Return the position in ``groups_`` of every node, -1 of those that are no leaf."""
        position = np.full(len(self.splits_.circumstance), -1, dtype=np.int32)
        position[self.leaves_] = np.arange(len(self.leaves_))
        return position

    def apply(self, X: Any) -> CodeArray:
        """Return the group of each row, as its position in ``groups_``.

        Parameters
        ----------
        X : frame, dict of arrays, or array of shape (n, circumstances)
            Columns are found by their names, wherever they stand; those of an array by their places. Levels never seen
            in fitting go by the threshold if ordered, else with the heavier child.

        Returns
        -------
        ndarray of shape (n,), int32

        Raises
        ------
        InputError
            If a circumstance is lacking, or missing somewhere, unless the tree was made with ``missing="level"``.

        Examples
        --------
        >>> import numpy as np, sp2lnob as sp
        >>> rule = {"min_obs": 1, "min_share": 0}
        >>> tree = sp.OpportunityTree(**rule).fit({"a": [1, 2]}, [0, 1], sample_weight=[1, 1])
        >>> tree.apply({"a": [2, 1, 7]})
        array([1, 0, 1], dtype=int32)
        >>> tree.apply({"a": [np.nan]})
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: Circumstance 'a' must be known in every row ...

        As a level of its own, never seen in fitting, it goes with the heavier child:

        >>> sp.OpportunityTree(**rule, missing="level").fit({"a": [1, 2]}, [0, 1], [1, 3]).apply({"a": [np.nan]})
        array([1], dtype=int32)
        """
        check_is_fitted(self)
        table = self._like_fitted(X)
        nodes = np.zeros(table.rows, dtype=np.int32)
        columns = [table[circumstance.name] for circumstance in self.circumstances_]
        for column in columns:
            check_finite(column)
            if self.missing != "level":
                fail_if_any(
                    column.missing,
                    f"Circumstance {column.name!r} must be known in every row that is to have a group",
                    "Drop those of NaN or None, or fit the tree with missing='level'.",
                )
        codes = [circumstance_of(column, missing="level") for column in columns]
        for t, f in enumerate(self.splits_.circumstance):
            if f < 0:
                continue
            seen, code = codes[f]
            here = np.flatnonzero(nodes == t)
            left = self._goes_left(t, int(f), seen)[code[here]]
            nodes[here] = np.where(left, self.splits_.left[t], self.splits_.right[t])
        return self._position()[nodes]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the weighted share of the outcome's variance that the groups explain.

        Parameters
        ----------
        X : frame, dict of arrays, or array of shape (n, circumstances)
        y : array_like of shape (n,)
        sample_weight : array_like of shape (n,), default None
            None says unweighted.

        Returns
        -------
        float

        Examples
        --------
        >>> import sp2lnob as sp
        >>> tree = sp.OpportunityTree(min_obs=1, min_share=0).fit({"a": [1, 2]}, [0, 1], sample_weight=[1, 1])
        >>> tree.score({"a": [1, 2]}, [0, 1], sample_weight=[1, 3])
        1.0
        >>> tree.score({"a": [1, 2]}, [0.5, 0.5])
        0.0
        """
        predicted = self.predict(X)
        outcome = outcome_of(y, len(predicted))
        return float(super().score(X, outcome, weights_of(sample_weight, len(outcome))))

    def predict(self, X: Any) -> FloatArray:
        """Return the rate of the group of each row.

        Parameters
        ----------
        X : frame, dict of arrays, or array of shape (n, circumstances)

        Returns
        -------
        ndarray of shape (n,)

        Raises
        ------
        InputError
            As in ``apply``.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> tree = sp.OpportunityTree(min_obs=1, min_share=0).fit({"a": ["x", "y"]}, [0, 1], sample_weight=[1, 3])
        >>> tree.predict({"a": ["y", "x"]})
        array([1., 0.])

        A level never seen goes with the heavier child:

        >>> tree.predict({"a": ["z"]})
        array([1.])
        """
        group = self.apply(X)
        return self.groups_["rate"].to_numpy()[group]

    def to_text(self, digits: int = 3, *, disclosure: str | int = "none") -> str:
        """Return the tree as indented lines, the left branch first.

        Parameters
        ----------
        digits : int, default 3
            Decimals of shares and rates.
        disclosure : "none", "dhs" or int, default "none"
            Rates of fewer unweighted rows than this are withheld; "dhs" says 25.

        Returns
        -------
        str

        Raises
        ------
        InputError
            If digits is below 0, or there is no such policy.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> X, y = {"area": ["hills", "coast", "town"] * 2, "years": [0, 0, 0, 9, 9, 12]}, [0, 0, 1, 0, 1, 1]
        >>> print(sp.OpportunityTree(min_obs=1, min_share=0).fit(X, y).to_text())
        everybody: rate 0.500, share 1.000, n 6
        |--- area: hills: rate 0.000, share 0.333, n 2: group 1
        |--- area: coast + town: rate 0.750, share 0.667, n 4
        |   |--- area: coast: rate 0.500, share 0.333, n 2
        |   |   |--- years < 4.5: rate 0.000, share 0.167, n 1: group 2
        |   |   |--- years >= 4.5: rate 1.000, share 0.167, n 1: group 4
        |   |--- area: town: rate 1.000, share 0.333, n 2: group 3

        >>> small = sp.OpportunityTree().fit({"a": [1, 2]}, [1, 1])
        >>> print(small.to_text(digits=0))
        everybody: rate 1, share 1, n 2: group 1
        >>> print(small.to_text(digits=0, disclosure="dhs"))
        everybody: rate withheld, share 1, n 2: group 1
        """
        check_is_fitted(self)
        whole(digits, "digits", low=0)
        least = least_cases(disclosure)
        splits, position = self.splits_, self._position()
        lines: list[str] = []

        def write(t: int, said: str, here: CodeArray) -> None:
            group = f": group {position[t] + 1}" if position[t] >= 0 else ""
            rate = "withheld" if splits.rows[t] < least else f"{splits.rate[t]:.{digits}f}"
            figures = f"rate {rate}, share {splits.weight[t] / splits.weight[0]:.{digits}f}"
            depth = int(splits.depth[t])
            branch = "|   " * (depth - 1) + "|--- " * (depth > 0)
            lines.append(f"{branch}{said}: {figures}, n {splits.rows[t]:.0f}{group}")
            if group:
                return
            goes = splits.goes_left(t)[here[:, splits.circumstance[t]]]
            for child, side, part in zip(
                (splits.left[t], splits.right[t]), sides(splits, here, t), (goes, ~goes), strict=True
            ):
                write(int(child), side, here[part])

        write(0, "everybody", self._codes)
        return "\n".join(lines)

    def to_dict(self, *, disclosure: str | int = "none") -> dict[str, Any]:
        """Return the tree as plain lists and numbers, ready for JSON.

        Parameters
        ----------
        disclosure : "none", "dhs" or int, default "none"
            Rates of fewer unweighted rows than this are None, and what a split into such parts gains; "dhs" says 25.

        Returns
        -------
        dict
            ``circumstances`` (name, labels, ordered, importance) and ``nodes`` (node, weight share, n, rate; for a
            split the circumstance, the labels that go left and right, the children, and gain and complexity, both as
            shares of the root's sum of squares: what the split takes off, and the cp at which it is taken back; for a
            leaf its group and label).

        Raises
        ------
        InputError
            If there is no such policy.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> tree = sp.OpportunityTree(min_obs=1, min_share=0).fit({"a": ["x", "y"]}, [0, 1], sample_weight=[1, 1])
        >>> tree.to_dict()["nodes"][0]["left_levels"]
        ['x']
        >>> [node["rate"] for node in tree.to_dict(disclosure=2)["nodes"]]
        [0.5, None, None]
        >>> len(sp.OpportunityTree().fit({"a": ["x", "y"]}, [1, 1], sample_weight=[1, 1]).to_dict()["nodes"])
        1
        """
        check_is_fitted(self)
        splits, position = self.splits_, self._position()
        labels = self.groups_["label"].tolist()
        gain, complexity = splits.gain(), splits.complexity
        nodes: list[dict[str, Any]] = []
        for t, f in enumerate(splits.circumstance.tolist()):
            node: dict[str, Any] = {
                "node": t,
                "share": float(splits.weight[t] / splits.weight[0]),
                "n": int(splits.rows[t]),
                "rate": float(splits.rate[t]),
            }
            if f < 0:
                node |= {"group": int(position[t]) + 1, "label": labels[position[t]]}
            else:
                c = self.circumstances_[f]
                left = splits.goes_left(t)
                node |= {
                    "circumstance": c.name,
                    "left": int(splits.left[t]),
                    "right": int(splits.right[t]),
                    "left_levels": [label for label, goes in zip(c.labels, left, strict=True) if goes],
                    "right_levels": [label for label, goes in zip(c.labels, left, strict=True) if not goes],
                    "gain": float(gain[t] / splits.sse[0]),
                    "complexity": float(complexity[t]),
                }
            nodes.append(node)
        tree = {
            "circumstances": [
                {"name": c.name, "labels": list(c.labels), "ordered": c.ordered, "importance": float(share)}
                for c, share in zip(self.circumstances_, self.importance_, strict=True)
            ],
            "nodes": nodes,
        }
        return withhold_tree(tree, disclosure)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn what the circumstances may be."""
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.regressor_tags.poor_score = True  # on few rows: groups are to be large enough to be published
        tags.input_tags.allow_nan = self.missing == "level"
        return tags

    def _more_tags(self) -> dict[str, Any]:
        """Tell the same to a scikit-learn before 1.6."""
        return {
            "X_types": ["2darray", "categorical", "string"],
            "allow_nan": self.missing == "level",
            "poor_score": True,
        }

    def _repr_html_(self) -> str | None:
        if not hasattr(self, "groups_"):
            return None
        rates = form_of("share", self.groups_["rate"])
        lines = [
            [
                str(group["label"]),
                f"{group['share']:.1%}",
                f"{group['n']:,}",
                f"withheld (n<{FEWEST})" if group["n"] < FEWEST else rates.text(group["rate"]),
                "furthest behind" if group["furthest_behind"] else "furthest ahead" if group["furthest_ahead"] else "",
            ]
            for group in self.groups_.to_dict("records")
        ]
        return html_table("Groups, by rate", ["group", "share", "n", "rate, %", ""], lines, (0, 4), repr(self))

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        """Show the groups, not scikit-learn's diagram; a tree that is not fitted has none, and shows its parameters."""
        html = self._repr_html_()
        return {"text/plain": repr(self)} | ({} if html is None else {"text/html": html})

    def _like_fitted(self, X: Any) -> Table:
        """Return circumstances by the names that they had in fitting; where there were none, by their places."""
        table, named = features_of(X)
        names = [circumstance.name for circumstance in self.circumstances_]
        of_array = hasattr(self, "n_features_in_") and not hasattr(self, "feature_names_in_")
        if named and (not of_array or set(names) <= set(table)):
            for name in names:
                fail_if_unknown(name, list(table), "A circumstance of the tree")
            return table
        columns = list(table)
        if len(columns) != len(names):
            fail(
                "X must have the columns of fitting",
                f"X has {len(columns)} features, but OpportunityTree is expecting {len(names)} features as input",
                "Pass the same circumstances, in the same order.",
            )
        made = Table({}, table.rows, table.what)
        for name, column in zip(names, columns, strict=True):
            made.add(replace(table[column], name=name))
        return made

    def _goes_left(self, t: int, f: int, seen: Circumstance) -> BoolArray:
        """Return which levels of a column, seen in fitting or not, go left at a node."""
        known, splits = self.circumstances_[f], self.splits_
        goes_left = splits.goes_left(t)
        heavier = bool(splits.weight[splits.left[t]] >= splits.weight[splits.right[t]])
        if known.ordered and not known.text and not seen.text:
            left: BoolArray = np.asarray(seen.position < splits.threshold[t])
        else:
            # Codes are told apart by their value, where both sides have one; words by themselves.
            words = known.text or seen.text
            names = known.labels if words else known.position.tolist()
            place = {name: level for level, name in enumerate(names)}
            left = np.array(
                [
                    bool(goes_left[place[name]]) if name in place else heavier
                    for name in (seen.labels if words else seen.position.tolist())
                ],
                dtype=np.bool_,
            )
        if seen.missing:
            left[-1] = goes_left[-1] if known.missing else heavier
        return left
