"""Folds of PSUs: every stratum spread over them, the same for the same seed, and none without PSUs."""

import numpy as np
import pytest

import sp2lnob as sp
from sp2lnob._folds import folds_of
from sp2lnob.design import Design


def design(*sizes):
    start = np.r_[0, np.cumsum(sizes)].astype(np.int32)
    labels = tuple(str(i) for i in range(start[-1]))
    return Design(np.arange(start[-1]), start, labels[: len(sizes)], labels, np.zeros(len(sizes)), None, "error")


def test_every_fold_has_its_share_of_every_large_stratum():
    made = design(25, 10, 31)
    fold = folds_of(made)
    for first, last in zip(made.stratum_start[:-1], made.stratum_start[1:], strict=True):
        counts = np.bincount(fold[first:last], minlength=10)
        assert counts.max() - counts.min() <= 1
    counts = np.bincount(fold)
    assert counts.max() - counts.min() <= 1


def test_small_strata_are_shuffled_together():
    counts = np.bincount(folds_of(design(*[2] * 40)), minlength=10)
    assert counts.tolist() == [8] * 10


def test_folds_depend_on_seed_and_repeat_alone():
    made = design(50)
    assert (folds_of(made, 3) == folds_of(made, 3)).all()
    assert (folds_of(made, 3) != folds_of(made, 4)).any()
    assert (folds_of(made, 3) != folds_of(made, 3, seed=2)).any()


def test_two_psus_of_a_stratum_share_a_fold_no_oftener_than_chance():
    made, together = design(20, 15), np.zeros(2)
    for repeat in range(2000):
        fold = folds_of(made, repeat)
        together += fold[0] == fold[1], fold[0] == fold[20]
    assert together[0] / 2000 == pytest.approx(1 / 19, abs=0.02)  # of the other 19, one has the same card
    assert together[1] / 2000 == pytest.approx(1 / 10, abs=0.03)


def test_fewer_psus_than_folds_are_folds_of_their_own():
    assert sorted(folds_of(design(2, 2))) == [0, 1, 2, 3]


def test_one_psu_alone_has_nothing_to_learn_from():
    with pytest.raises(sp.InputError, match="two PSUs or more, but there are 1"):
        folds_of(design(1))
