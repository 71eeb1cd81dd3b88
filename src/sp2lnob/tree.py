"""The regression tree that finds who is furthest behind, by the published rule of the LNOB Platform.

Grown on cells, so that its cost does not depend on the number of rows beyond one pass: `_kernels/_tree.pyx` holds the
algebra. After growing, splits whose worth is below ``cp`` are taken back from the leaves up, as R's rpart does.
"""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from ._cells import Circumstance, circumstance_of, combine
from ._columns import Table, table_of
from ._html import form_of, table as html_table
from ._splits import Rule, describe, grow
from ._typing import BoolArray, CodeArray, FloatArray
from ._validate import choice, fail, number, vector, weights as check_weights, whole
from .disclosure import FEWEST

MOST_LEVELS = 1000  # of an unordered circumstance


class OpportunityTree(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Regression tree on circumstances: its leaves are the groups, from the furthest behind to the furthest ahead.

    Binary least-squares splits. The default is the published rule of the LNOB Platform: six levels deep, leaves of at
    least 49 rows and 9 % of the weight. ``OpportunityTree.lnob()`` follows the platform's code to the row instead.

    Parameters
    ----------
    max_depth : int, default 6
    min_obs : int, default 49
        Unweighted rows in a leaf, at least.
    min_share : float in [0, 0.5], default 0.09
        Share of the weight, or of the rows, in a leaf, at least.
    share_of : {"weight", "rows"}, default "weight"
        What ``min_share`` is a share of. Rows are rounded down, as rpart does.
    cp : float, default None
        A branch is kept if it takes more than this share of the root's sum of squares off for each of its splits. None
        is 1 / n, which hardly ever binds: size and depth then stop the tree.

    Attributes
    ----------
    groups_ : DataFrame
        One row a leaf, by rate from the lowest: group, label, share, n, rate, furthest_behind, furthest_ahead.
    circumstances_ : tuple of Circumstance
    splits_ : Splits
    feature_names_in_ : ndarray of str
    n_features_in_ : int

    Notes
    -----
    Rows of weight 0 count as rows, as in R's rpart and in the platform's code. Numbers without value labels and ordered
    categoricals are cut in their order; text and other categoricals by the order of their rates. The first
    circumstance, then the lowest cut, wins a tie, within the rounding of sums. A level that a node has never seen goes
    by the threshold if it is ordered, else with the child of the larger weight.

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
        cp: float | None = None,
    ) -> None:
        self.max_depth = max_depth
        self.min_obs = min_obs
        self.min_share = min_share
        self.share_of = share_of
        self.cp = cp

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

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Grow the tree.

        Parameters
        ----------
        X : frame, dict of arrays, or array of shape (n, circumstances)
        y : array_like of shape (n,)
            The outcome, 0 or 1 for access.
        sample_weight : array_like of shape (n,)
            Required: ``np.ones(n)`` says unweighted.

        Returns
        -------
        OpportunityTree
            Itself.

        Raises
        ------
        InputError
            If a circumstance or the outcome is missing somewhere, or no weights are given.

        Examples
        --------
        >>> import numpy as np, sp2lnob as sp
        >>> tree = sp.OpportunityTree(min_obs=1, min_share=0).fit([[1.0], [2.0]], [0, 1], sample_weight=[1, 1])
        >>> tree.predict([[1.4], [1.6]])
        array([0., 1.])
        >>> sp.OpportunityTree().fit([[1.0], [2.0]], [0, 1])
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: A weight is required, but None came. Pass the survey's weights, or np.ones(n) ...
        """
        outcome = vector(y, "outcome")
        w = check_weights(sample_weight, len(outcome))
        table = _features(X)
        if table.rows != len(outcome):
            fail(
                "Circumstances and outcome must have the same rows",
                f"{table.rows:,} came with {len(outcome):,}",
                "Pass columns of the same rows.",
            )
        made = [circumstance_of(table[name]) for name in table]
        codes, cell = combine([code for _, code in made], [circumstance.levels for circumstance, _ in made])
        for circumstance, _ in made:
            if circumstance.levels > MOST_LEVELS and not circumstance.ordered:
                fail(
                    f"Circumstance {circumstance.name!r} must have at most {MOST_LEVELS:,} levels, or an order",
                    f"it has {circumstance.levels:,}",
                    "Group them.",
                )
        columns = (w, w * outcome, w * outcome * outcome, np.ones_like(w))
        sums: FloatArray = np.column_stack([np.bincount(cell, column, len(codes)) for column in columns])
        self.feature_names_in_ = np.array([circumstance.name for circumstance, _ in made], dtype=object)
        self.n_features_in_ = len(made)
        return self.fit_cells(tuple(circumstance for circumstance, _ in made), codes, sums)

    def fit_cells(self, circumstances: tuple[Circumstance, ...], codes: CodeArray, sums: FloatArray) -> Self:
        """Grow the tree on cells with their sums: weight, weighted outcome, weighted squared outcome, rows."""
        rule, used = self.rule(), sums[:, 0] > 0
        splits = grow(circumstances, codes, sums, rule)
        self.circumstances_, self.splits_ = circumstances, splits
        leaf_of_cell = splits.apply(codes)
        # By rate, from the lowest; among equal rates the larger weight is further out, at either end.
        leaves = sorted(splits.leaves.tolist(), key=lambda t: (splits.rate[t], -splits.weight[t]))
        top = max(leaves, key=lambda t: (splits.rate[t], splits.weight[t]))
        self.leaves_ = np.array(leaves, dtype=np.int32)
        self.groups_ = pd.DataFrame(
            {
                "group": np.arange(1, len(leaves) + 1),
                "label": [describe(splits, circumstances, codes[used], leaf_of_cell[used], t) for t in leaves],
                "share": splits.weight[leaves] / splits.weight[0],
                "n": splits.rows[leaves].astype(np.int64),
                "rate": splits.rate[leaves],
                "furthest_behind": [t == leaves[0] for t in leaves],
                "furthest_ahead": [t == top for t in leaves],
            }
        )
        return self

    def rule(self) -> Rule:
        """Return the checked rule by which nodes are split, as ``grow_many`` takes it."""
        of_rows = choice(self.share_of, ("weight", "rows"), "share_of") == "rows"
        share = number(self.min_share, "min_share", low=0, high=0.5)
        return Rule(
            whole(self.max_depth, "max_depth", low=0),
            whole(self.min_obs, "min_obs", low=1),
            share_of_rows=share if of_rows else 0.0,
            share_of_weight=0.0 if of_rows else share,
            cp=None if self.cp is None else number(self.cp, "cp", low=0),
        )

    def group_of(self, codes: CodeArray) -> CodeArray:
        """Return the position in ``groups_`` of each row of level codes."""
        position = np.full(len(self.splits_.circumstance), -1, dtype=np.int32)
        position[self.leaves_] = np.arange(len(self.leaves_))
        return position[self.splits_.apply(codes)]

    def apply(self, X: Any) -> CodeArray:
        """Return the group of each row, as its position in ``groups_``.

        Parameters
        ----------
        X : frame, dict of arrays, or array of shape (n, circumstances)
            Levels never seen in fitting go by the threshold if ordered, else with the heavier child.

        Returns
        -------
        ndarray of shape (n,), int32

        Raises
        ------
        InputError
            If a circumstance is lacking or missing somewhere.

        Examples
        --------
        >>> import numpy as np, sp2lnob as sp
        >>> tree = sp.OpportunityTree(min_obs=1, min_share=0).fit({"a": [1, 2]}, [0, 1], sample_weight=[1, 1])
        >>> tree.apply({"a": [2, 1, 7]})
        array([1, 0, 1], dtype=int32)
        >>> tree.apply({"a": [np.nan]})
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: Circumstance 'a' must be known in every row ...
        """
        check_is_fitted(self)
        table = _features(X)
        nodes = np.zeros(table.rows, dtype=np.int32)
        codes = [circumstance_of(table[c.name]) for c in self.circumstances_]
        for t, f in enumerate(self.splits_.circumstance):
            if f < 0:
                continue
            seen, code = codes[f]
            left = self._goes_left(t, int(f), seen)[code]
            here = nodes == t
            nodes[here] = np.where(left[here], self.splits_.left[t], self.splits_.right[t])
        position = np.full(len(self.splits_.circumstance), -1, dtype=np.int32)
        position[self.leaves_] = np.arange(len(self.leaves_))
        return position[nodes]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the weighted share of the outcome's variance that the groups explain.

        Parameters
        ----------
        X : frame, dict of arrays, or array of shape (n, circumstances)
        y : array_like of shape (n,)
        sample_weight : array_like of shape (n,)
            Required: ``np.ones(n)`` says unweighted.

        Returns
        -------
        float

        Examples
        --------
        >>> import sp2lnob as sp
        >>> tree = sp.OpportunityTree(min_obs=1, min_share=0).fit({"a": [1, 2]}, [0, 1], sample_weight=[1, 1])
        >>> tree.score({"a": [1, 2]}, [0, 1], sample_weight=[1, 3])
        1.0
        >>> tree.score({"a": [1, 2]}, [0, 1])
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: A weight is required, but None came. ...
        """
        outcome = vector(y, "outcome")
        return float(super().score(X, outcome, check_weights(sample_weight, len(outcome))))

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
        return self.groups_["rate"].to_numpy()[self.apply(X)]

    def to_dict(self) -> dict[str, Any]:
        """Return the tree as plain lists and numbers, ready for JSON.

        Returns
        -------
        dict
            ``circumstances`` (name, labels, ordered) and ``nodes`` (node, weight share, n, rate; for a split the
            circumstance, the labels that go left and right, and the children; for a leaf its group and label).

        Examples
        --------
        >>> import sp2lnob as sp
        >>> tree = sp.OpportunityTree(min_obs=1, min_share=0).fit({"a": ["x", "y"]}, [0, 1], sample_weight=[1, 1])
        >>> tree.to_dict()["nodes"][0]["left_levels"]
        ['x']
        >>> len(sp.OpportunityTree().fit({"a": ["x", "y"]}, [1, 1], sample_weight=[1, 1]).to_dict()["nodes"])
        1
        """
        splits, position = self.splits_, {int(t): g + 1 for g, t in enumerate(self.leaves_)}
        labels = self.groups_["label"].tolist()
        nodes: list[dict[str, Any]] = []
        for t, f in enumerate(splits.circumstance.tolist()):
            node: dict[str, Any] = {
                "node": t,
                "share": float(splits.weight[t] / splits.weight[0]),
                "n": int(splits.rows[t]),
                "rate": float(splits.rate[t]),
            }
            if f < 0:
                node |= {"group": position[t], "label": labels[position[t] - 1]}
            else:
                c = self.circumstances_[f]
                left = splits.goes_left(t)
                node |= {
                    "circumstance": c.name,
                    "left": int(splits.left[t]),
                    "right": int(splits.right[t]),
                    "left_levels": [label for label, goes in zip(c.labels, left, strict=True) if goes],
                    "right_levels": [label for label, goes in zip(c.labels, left, strict=True) if not goes],
                }
            nodes.append(node)
        return {
            "circumstances": [
                {"name": c.name, "labels": list(c.labels), "ordered": c.ordered} for c in self.circumstances_
            ],
            "nodes": nodes,
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

    def _goes_left(self, t: int, f: int, seen: Circumstance) -> BoolArray:
        """Return which levels of a column, seen in fitting or not, go left at a node."""
        known, splits = self.circumstances_[f], self.splits_
        if known.ordered and not known.text and not seen.text:
            return np.asarray(seen.position < splits.threshold[t])
        # Codes are told apart by their value, where both sides have one; words by themselves.
        words = known.text or seen.text
        names = known.labels if words else known.position.tolist()
        place, goes_left = {name: level for level, name in enumerate(names)}, splits.goes_left(t)
        heavier = bool(splits.weight[splits.left[t]] >= splits.weight[splits.right[t]])
        return np.array(
            [
                bool(goes_left[place[name]]) if name in place else heavier
                for name in (seen.labels if words else seen.position.tolist())
            ],
            dtype=np.bool_,
        )


def _features(X: Any) -> Table:
    """Return circumstances as a table; the columns of a plain array are called x0, x1, ..."""
    if not hasattr(X, "columns") and not isinstance(X, (dict, Table)):
        array = np.asarray(X)
        if array.ndim != 2:
            fail(
                "Circumstances must be a frame, a dict of arrays, or an array of two dimensions",
                f"an array of shape {array.shape} came",
                "Reshape it to (n, circumstances).",
            )
        X = {f"x{j}": array[:, j] for j in range(array.shape[1])}
    return table_of(X, "circumstances")
