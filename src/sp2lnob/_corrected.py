"""The dissimilarity index of an opportunity's cells on a survey: corrected, with its bracket; plain; or of the logit.

The corrected index is the value, with an interval. Beside it stand what its bracket is made of, the index by signs from
other PSUs, which is too low in expectation, and by signs from the same rows, which is too high; and the plain index of
the cells, which is what is usually printed, and biased.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ._bayes import CELLS, LOGIT, SHRUNKEN, SIGNS, SampledRows, Shrinkage, Tried
from ._cells import combine
from ._cuts import CellMoments
from ._domains import Block, Domain, FullSample, Row, domain_of
from ._folds import folds_of
from ._prepared import Asked, PreparedDissimilarity
from ._sweeps import NO_CUTS
from ._typing import CodeArray, FloatArray, LongArray
from .opportunity import Cells

METHODS = ("empirical-bayes", "cells", "logit")
DOUBTED, MINOR = 0.5, 0.75  # of what signs and the value differ by: how much is doubt, and up to how many errors none


@dataclass(frozen=True, eq=False)
class Part:
    """The cells of one level, and what is taken from their values.

    Attributes
    ----------
    cells : ndarray of shape (own cells,), or None
        Where they are among all; None: all are.
    picks : tuple of int
        Which of the values.
    shifts : ndarray of shape (values, 1)
        What is added to each: a value below 0 is raised to it, no bound is on the wrong side of it, and the lower one
        is that of the full sample, which moves in replicates as the upper one does.
    """

    shrinkage: Shrinkage
    cells: LongArray | None
    picks: tuple[int, ...]
    shifts: FloatArray

    def evaluate(self, moments: FloatArray, block: Block) -> FloatArray:
        """Return values of shape (values, replicates) of the moments of all cells."""
        found = block.once(self.shrinkage, lambda: self._found(moments, block))
        return found[list(self.picks)] + self.shifts

    def _found(self, moments: FloatArray, block: Block) -> FloatArray:
        psus, own = self.shrinkage.psus, moments if self.cells is None else moments[self.cells]
        by_psu = block.once(("by PSU", psus), lambda: psus.of_psus(block.factors, NO_CUTS, block.squares)[0])
        return self.shrinkage.evaluate(own, block.factors, by_psu)


@dataclass(frozen=True, eq=False)
class Alone:
    """One cell, which differs from no other: ``values`` indices of 0, if somebody has access."""

    cells: LongArray
    values: int = 1

    def evaluate(self, moments: FloatArray, block: Block) -> FloatArray:
        """Return the indices of shape (values, replicates)."""
        found = np.where((moments[self.cells, 1] > 0).any(axis=0), 0.0, np.nan)
        return np.tile(found, (self.values, 1))


@dataclass(frozen=True, eq=False)
class PreparedIndex:
    """The corrected index, or that of the logit: of all, or by level."""

    rows: tuple[Row, ...]
    moments: CellMoments
    shares: tuple[float, ...]
    parts: tuple[Part | Alone, ...]

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates)."""
        moments = moments_in(block, self.moments, self.shares)
        return np.concatenate([part.evaluate(moments, block) for part in self.parts])


def moments_in(block: Block, moments: CellMoments, shares: tuple[float, ...]) -> FloatArray:
    """Return moments of cells in a block, made once for all who ask."""
    return block.once(
        ("moments", moments, shares), lambda: moments.evaluate(block.factors, block.cuts(shares), block.squares)
    )


def prepare_index(
    cells: Cells, scenario: str, by: tuple[str, ...], full: FullSample, method: str = METHODS[0]
) -> list[Asked]:
    """Return the index between the cells of an opportunity, of which a barrier has that of its absence.

    Its rows: "empirical-bayes", "lower bound", "upper bound" and "cells"; or one that ``method`` names.
    """
    rows = full.rows(cells.opportunity.unit, cells.index, cells.household, cells.weight)
    domain = domain_of(rows, by)
    # Where either cuts welfare, bands lie between the cuts of both.
    shares = tuple(sorted({*cells.shares, *domain.shares}))
    if method == "cells":
        return [_plain(cells, domain, scenario, shares, full)]
    combinations, both = combine([domain.fixed, cells.domain], [domain.fixed_levels, len(cells.domains)])
    level, codes = levels_in(domain, combinations, shares), cells.codes_of(cells.domains[combinations[:, 1]], shares)
    counts = [circumstance.levels for circumstance in cells.circumstances]
    sampled, moments = sampled_of(cells, by, domain, shares, both, len(combinations))
    whole, cell = moments_in(full, moments, shares), sampled.cell(both, full.cuts(shares)[:, 0])
    tried = None
    if method == METHODS[0]:
        fold, design, cuts = np.zeros(full.units, dtype=np.int32), full.survey.design, full.cuts(shares)
        fold[full.unit] = folds_of(design)[design.psu]
        tried = Tried.of(moments, fold, cuts[:, 0])
    templates = _templates(cells, method)
    named = domain.named(templates, scenario)
    made: list[Row] = []
    parts: list[Part | Alone] = []
    for i in range(len(domain.labels)):
        here, inside = np.flatnonzero(level == i), np.flatnonzero(domain.level == i)
        if (whole[here, 0, 0] > 0).sum() < 2:
            made += named[i * len(templates) : (i + 1) * len(templates)]
            parts.append(Alone(here, len(templates)))
            continue
        number = np.zeros(len(level), dtype=np.int64)  # of a cell, among those of the level
        number[here] = np.arange(len(here))
        own = sampled if len(inside) == len(cell) else sampled.among(inside)
        make = partial(Shrinkage.of, own, number[cell[inside]], codes[here], counts, whole[here])
        shrinkage = full.once((Shrinkage, cells, by, i), make)
        found = shrinkage.evaluate(whole[here], full.factors)[:, 0]
        picks: tuple[int, ...] = (LOGIT,)
        shifts = np.zeros(1)
        if tried is not None:
            index, signs = max(found[SHRUNKEN], 0.0), found[SIGNS]
            low, high = min(tried.index(shrinkage, here), index), max(signs, index)
            picks = SHRUNKEN, SIGNS, SIGNS, CELLS
            shifts = np.nan_to_num([index - found[SHRUNKEN], low - signs, high - signs, 0.0])
        value, *others = named[i * len(templates) : (i + 1) * len(templates)]
        made += [_with_interval(value, found, shrinkage.flag, alone=tried is None), *others]
        parts.append(Part(shrinkage, here if len(domain.labels) > 1 else None, picks, shifts[:, None]))
    return [PreparedIndex(tuple(made), moments, shares, tuple(parts))]


def sampled_of(
    cells: Cells, by: tuple[str, ...], domain: Domain, shares: tuple[float, ...], both: CodeArray, combinations: int
) -> tuple[SampledRows, CellMoments]:
    """Return an opportunity's rows as plain arrays, and the moments of its cells by a domain's levels.

    They are cut at ``shares``; ``both`` is the combination of fixed level and cell of each row. All who ask for the
    same cells by the same columns get the same.
    """
    rows, full = domain.rows, domain.rows.full

    def made() -> tuple[SampledRows, CellMoments]:
        welfare = domain.welfare if domain.shares else cells.welfare if shares else None
        start, access = full.survey.design.stratum_start, cells.counted(absence=True)
        sampled = SampledRows.of(cells.weight, access, rows.psu, rows.factor, start, welfare, full.margins(shares))
        return sampled, sampled.moments(both, combinations)

    return full.once((SampledRows, cells, by), made)


def _plain(
    cells: Cells, domain: Domain, scenario: str, shares: tuple[float, ...], full: FullSample
) -> PreparedDissimilarity:
    """Return the plain index, which needs weight and access of the cells alone."""
    named = domain.named(_templates(cells, "cells"), scenario)
    if len(domain.labels) == 1 and not shares:
        return PreparedDissimilarity(named, cells.cell_sums(full.unit, absence=True), (), np.zeros(0, np.int32))
    combinations, both = combine([domain.fixed, cells.domain], [domain.fixed_levels, len(cells.domains)])
    sums = cells.class_totals(full.unit, absence=True, margins=full.margins(shares))
    welfare = domain.welfare if domain.shares else sums.welfare
    sums = replace(sums, domain=both, domains=len(combinations), welfare=welfare)
    return PreparedDissimilarity(named, sums, shares, levels_in(domain, combinations, shares))


def levels_in(domain: Domain, combinations: CodeArray, shares: tuple[float, ...]) -> CodeArray:
    """Return the level of every (combination, band)."""
    band = np.searchsorted(domain.shares, np.r_[0.0, shares], side="right")
    return (combinations[:, :1] * domain.bands + band).ravel().astype(np.int32)


def _templates(cells: Cells, method: str) -> list[Row]:
    """Return the rows of one level, but for what depends on its values."""
    name = cells.opportunity.name
    plain = Row("d_index", name, cells.index_of("cells"), scale="none", flag="biased")
    if method == "cells":
        return [plain]
    value = Row("d_index", name, cells.index_of(method), scale="index")
    if method == "logit":
        return [value]
    bounds = [Row("d_index", name, cells.index_of(f"{end} bound"), scale="none") for end in ("lower", "upper")]
    return [value, *bounds, plain]


def _with_interval(row: Row, found: FloatArray, flag: str, *, alone: bool) -> Row:
    """Return the row of a value with what the others say of its interval; ``alone``: the logit's, without a bracket."""
    if np.isnan(found[1:]).any():
        return replace(row, flag=flag)
    most = float(max(1 - found[1], 0.0))
    if alone:
        return replace(row, most=most, flag=_joined("model-dependent", flag))
    apart = max(float(found[SIGNS] - max(found[SHRUNKEN], 0.0)), 0.0)
    return replace(row, most=most, doubt=DOUBTED * apart, minor=MINOR, flag=flag)


def _joined(*flags: str) -> str:
    """Return flags in one text."""
    return ";".join(flag for flag in flags if flag)
