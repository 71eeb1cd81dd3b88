"""Several Python threads at once, on one survey and on surveys of their own: the same bits as one after the other.

What is found once and kept, such as an order by welfare, is found by whichever thread is first; a race would show as
another order, a half-filled column or an error. Threads start together, and switch as often as Python lets them.
"""

import sys
import threading
import time

import numpy as np
import pytest

import sp2lnob as sp
from sp2lnob._columns import Table

THREADS = 4
PACKAGE = sp.Package([sp.child_benefit(sp.Amount(8, "month")), sp.old_age_pension(sp.Amount(25, "month"))])
FUEL = sp.Opportunity("fuel", outcome="cook_fuel in ('Electricity', 'Gas')", circumstances=["bottom40", "urbrur"])


def simulated(survey):
    paid = sp.simulate(survey, PACKAGE)
    return paid.welfare_after.tobytes(), paid.household.tobytes(), paid.cost.to_csv(float_format=float.hex)


def estimated(survey):
    statistics = [sp.Inequality(), sp.Quantile([0.25, 0.5]), sp.Poverty(line=60.0), sp.MeanWelfare()]
    scenarios = {"after": sp.simulate(survey, PACKAGE)}
    found = sp.estimate(survey, statistics, scenarios, ["quintile"], sp.Bootstrap(24), n_threads=2)
    return found.draws.tobytes(), found.frame().to_csv(float_format=float.hex)


def assessed(survey):
    found = sp.assess(survey, [FUEL], PACKAGE, lines={"national": 60.0}, replicates=sp.Bootstrap(16), n_threads=1)
    return found.estimates.draws.tobytes(), found.groups.to_csv(float_format=float.hex)


def described(survey):
    """What a survey keeps once it is asked for: columns, orders, households' equivalents."""
    return (
        survey.richest_first.tobytes(),
        survey.sharing.tobytes(),
        survey.fingerprint(),
        survey.household_column("cook_fuel").values.tobytes(),
        survey.person_column("sex").values.tobytes(),
    )


def at_once(jobs):
    """Return what every job returned, in threads that all start at the same moment."""
    start = threading.Barrier(len(jobs))
    found, errors = [None] * len(jobs), []

    def run(i):
        start.wait()
        try:
            found[i] = jobs[i]()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(jobs))]
    often = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(often)
    if errors:
        raise errors[0]
    return found


@pytest.fixture(scope="module")
def serial():
    """Return what every piece of work gives, each on a survey that nobody used before."""
    return {work: work(sp.example_survey(320)) for work in (simulated, estimated, assessed, described)}


def test_threads_on_one_survey_find_what_one_finds(serial):
    survey = sp.example_survey(320)  # nothing is kept yet: all threads look for it at once
    jobs = [work for work in serial for _ in range(THREADS // 2)]
    for work, found in zip(jobs, at_once([lambda work=work: work(survey) for work in jobs]), strict=True):
        assert found == serial[work], work.__name__


@pytest.mark.parametrize("of", [simulated, described])
def test_what_a_survey_keeps_is_found_whole_by_whoever_comes_first(of, serial):
    for _ in range(10):
        survey = sp.example_survey(320)
        assert at_once([lambda survey=survey: of(survey)] * THREADS) == [serial[of]] * THREADS


class Slow(dict):
    """Columns of a file that takes its time, and hands each over once, as files do."""

    def __getitem__(self, name):
        values = self.pop(name)
        time.sleep(0.02)
        return values


def test_a_column_is_read_once_by_whoever_comes_first():
    table = Table(Slow(rooms=np.arange(3.0)), 3, "households", order=np.array([2, 0, 1]))
    found = at_once([lambda: table["rooms"]] * THREADS)
    assert found[0].values.tolist() == [2.0, 0.0, 1.0]
    assert all(column is found[0] for column in found)


def test_threads_on_surveys_of_their_own_do_not_mix(serial):
    surveys = [sp.example_survey(320, seed=seed) for seed in (1, 2)]
    alone = [serial[estimated], estimated(sp.example_survey(320, seed=2))]
    assert alone[0] != alone[1]
    assert at_once([lambda of=of: estimated(of) for of in surveys * 2]) == alone * 2


def test_one_package_and_one_condition_serve_all_threads():
    package = sp.Package(
        [sp.child_benefit(sp.Amount(8, "month"), max_age=4), sp.old_age_pension(sp.Amount(25, "month"))]
    )
    survey = sp.example_survey(320)
    alone = sp.simulate(sp.example_survey(320), package).household.tobytes()
    assert at_once([lambda: sp.simulate(survey, package).household.tobytes()] * THREADS) == [alone] * THREADS
