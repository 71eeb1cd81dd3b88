"""The same figures to the last bit, whoever evaluates the replicates, and however often the run was stopped."""

from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context

import numpy as np
import pytest

import sp2lnob as sp
from sp2lnob import _parallel
from sp2lnob._shards import Keeping, ShardKept
from sp2lnob.estimation import Job
from sp2lnob.report import render

N = 100
FUEL = sp.Opportunity("clean fuel", outcome="cook_fuel in ('Electricity', 'Gas')", circumstances=["bottom40", "urbrur"])
PACKAGE = sp.Package([sp.child_benefit(sp.Amount(8, "month")), sp.old_age_pension(sp.Amount(25, "month"))])
STATISTICS = [
    sp.MeanWelfare(),
    sp.Poverty(60.0),
    sp.Inequality(),
    sp.Quantile((0.1, 0.5)),
    sp.Lorenz(),
    sp.Access(FUEL),
    sp.Dissimilarity(FUEL),
]


def second_largest(weights, data):
    """Return a figure that can be pickled by its name."""
    return np.sort(data["welfare"][weights > 0])[-2]


def assessed(example, replicates=N, **how):
    return sp.assess(example, [FUEL], PACKAGE, lines={"national": 60.0}, replicates=sp.Bootstrap(replicates), **how)


def estimated(example, replicates=None, **how):
    after = sp.simulate(example, PACKAGE)
    design = replicates or sp.Bootstrap(N)
    return sp.estimate(example, STATISTICS, {"after": after}, by=["urbrur", "bottom40"], replicates=design, **how)


def files(result, folder):
    return {path.name: path.read_bytes() for path in sorted(result.save(folder, disclosure="none").iterdir())}


@pytest.fixture(scope="module")
def once(example, tmp_path_factory):
    """Return the files and draws of one run on one thread."""
    result = assessed(example, n_threads=1)
    return files(result, tmp_path_factory.mktemp("once") / "out"), result.estimates.draws.tobytes()


@pytest.fixture
def stopping(monkeypatch):
    """Make the replicates from some number on raise an error, until told otherwise."""
    usual = Job.__call__

    def stop(at, error):
        def call(self, first, groups):
            if first >= at:
                raise error
            return usual(self, first, groups)

        monkeypatch.setattr(Job, "__call__", call if error else usual)

    return stop


# -- whoever evaluates ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_threads", [1, 2, 3, 8])
def test_threads_write_the_same_files(example, once, tmp_path, n_threads):
    result = assessed(example, n_threads=n_threads)
    assert (files(result, tmp_path / "out"), result.estimates.draws.tobytes()) == once


def test_processes_write_the_same_files(example, once, tmp_path):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        result = assessed(example, executor=pool)
    assert (files(result, tmp_path / "out"), result.estimates.draws.tobytes()) == once


def test_dask_writes_the_same_files(example, once, tmp_path):
    distributed = pytest.importorskip("distributed", reason="the dependency group 'test' has it")
    with (
        distributed.LocalCluster(n_workers=2, processes=True, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        result = assessed(example, executor=client.get_executor())
    assert (files(result, tmp_path / "out"), result.estimates.draws.tobytes()) == once


def test_every_statistic_can_be_sent_to_a_worker(example):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        sent = estimated(example, executor=pool)
    assert sent.draws.tobytes() == estimated(example, n_threads=1).draws.tobytes()


def pairs():
    """Return a survey of ten strata of two PSUs each, with replicate weights and sampling fractions."""
    draw = np.random.default_rng(5)
    n = 10 * 2 * 4
    frame = {
        "hid": np.arange(n),
        "hhweight": draw.uniform(1, 3, n),
        "welfare": draw.lognormal(4, 0.5, n),
        "stratum": np.repeat(np.arange(10), 8),
        "psu": np.repeat(np.arange(20), 4),
        "of": np.repeat(6, n),
        "within": np.repeat(0.5, n),
        "cook_fuel": draw.choice(["Electricity", "Gas", "Wood"], n),
        "urbrur": draw.choice(["Urban", "Rural"], n),
        **{f"rw{i}": draw.uniform(0, 4, n) for i in range(1, 20)},
    }
    persons = {"hid": np.repeat(np.arange(n), 2), "age": draw.integers(0, 90, 2 * n)}
    keys = {"welfare": "welfare", "psu": "psu", "strata": ["stratum"], "roles": {"age": "age"}}
    return sp.Survey(frame, persons, **keys), sp.Survey(frame, persons, **keys, fpc=["of", "within"])


PAIRS, TWICE = pairs()
DESIGNS = {
    "rao-wu": (PAIRS, sp.Bootstrap(40)),
    "two stages": (TWICE, sp.Bootstrap(np.int64(40), seed=np.uint64(7))),
    "jackknife": (PAIRS, sp.Jackknife()),
    "brr": (PAIRS, sp.BRR()),
    "fay": (PAIRS, sp.BRR(fay=0.3)),
    "successive difference": (PAIRS, sp.SuccessiveDifference("psu")),
    "columns": (PAIRS, sp.ReplicateColumns("rw*", "bootstrap")),
    "scales": (PAIRS, sp.ReplicateColumns("rw*", "JKn", rscales=np.linspace(0.5, 1, 19))),
}


@pytest.mark.parametrize("name", DESIGNS)
def test_any_design_is_sent_split_and_resumed(tmp_path, name):
    survey, design = DESIGNS[name]
    once = estimated(survey, design, n_threads=1)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert estimated(survey, design, executor=pool).draws.tobytes() == once.draws.tobytes()
    for k in (2, 1):
        with pytest.raises(ShardKept):
            estimated(survey, design, resume=Keeping((tmp_path,), (k, 2)))
    merged = estimated(survey, design, resume=Keeping((tmp_path,), complete=True))
    for figure in ("draws", "value", "se", "ci_low", "ci_high", "df", "bias"):
        assert getattr(merged, figure).tobytes() == getattr(once, figure).tobytes()


# -- however often it was stopped -----------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_a_resumed_run_writes_the_same_files(example, once, tmp_path, stopping, error):
    kept = tmp_path / "kept"
    for at in (1, 33, 65):
        stopping(at, error)
        with pytest.raises(type(error)) if at == 1 or isinstance(error, Exception) else nullcontext():
            assessed(example, n_threads=1, resume=kept)
    stopping(0, None)
    told = []
    result = assessed(example, n_threads=2, resume=str(kept), progress=told.append)
    assert (told[0].done, told[0].loaded, told[-1].done) == (64, 64, 100)
    assert (files(result, tmp_path / "out"), result.estimates.draws.tobytes()) == once
    told.clear()
    again = assessed(example, resume=kept, progress=told.append)  # the folder stays
    assert [progress.done for progress in told] == [100]
    assert again.estimates.draws.tobytes() == once[1]


@pytest.mark.parametrize(
    ("instead", "told"),
    [
        ({"replicates": sp.Bootstrap(N, seed=2)}, "design.seed is 1, and here 2"),
        ({"replicates": sp.Bootstrap(N + 1)}, "design.n is 100, and here 101"),
        ({"replicates": sp.Jackknife()}, "design.method is 'rao-wu', and here 'jackknife'"),
        ({"statistics": [sp.Poverty(61.0)]}, "study is"),
        ({"statistics": [sp.Poverty(60.0, "national")]}, "study is"),
        ({"by": ["urbrur"]}, "study is"),
        ({"classes": "fixed", "by": ["decile"]}, "study is"),
        ({"survey": 600}, "data is"),
    ],
    ids=str,
)
def test_what_is_of_another_study_is_not_resumed(example, tmp_path, instead, told):
    given = {"statistics": [sp.Poverty(60.0)], "by": (), "replicates": sp.Bootstrap(N), "classes": "replicate"}
    if "decile" in instead.get("by", ()):
        given["by"] = ["decile"]
    sp.estimate(example, **given, resume=tmp_path)
    survey = sp.example_survey(instead["survey"]) if "survey" in instead else example
    with pytest.raises(sp.InputError, match=f"of the same version, data, design, study, but of .* {told}"):
        sp.estimate(survey, **{**given, **{k: v for k, v in instead.items() if k != "survey"}}, resume=tmp_path)


def test_another_level_of_confidence_is_of_the_same_replicates(example, tmp_path):
    told = []
    estimated(example, resume=tmp_path)
    made = estimated(example, resume=tmp_path, level=0.9, df="design", progress=told.append)
    assert [progress.loaded for progress in told] == [N]
    assert made.level == 0.9


def test_of_the_same_survey_looked_at_before_the_replicates_are_the_same(tmp_path):
    sp.estimate(sp.example_survey(400), [sp.Poverty(60.0)], replicates=sp.Bootstrap(N), resume=tmp_path)
    survey, told = sp.example_survey(400), []
    repr(survey), survey.svyset(), estimated(survey)
    sp.estimate(survey, [sp.Poverty(60.0)], replicates=sp.Bootstrap(N), resume=tmp_path, progress=told.append)
    assert [progress.loaded for progress in told] == [N]


def test_another_version_is_not_resumed(example, tmp_path, monkeypatch):
    estimated(example, resume=tmp_path)
    monkeypatch.setattr("sp2lnob.estimation.version", lambda name: "9.9")
    with pytest.raises(sp.InputError, match=f"version is '{sp.__version__}', and here '9.9'"):
        estimated(example, resume=tmp_path)


@pytest.mark.parametrize("theta", [second_largest, lambda weights, data: data["welfare"][weights > 0].max()])
def test_a_function_of_one_s_own_is_resumed_as_long_as_it_is_the_same(example, tmp_path, theta):
    def run(theta, **how):
        return sp.estimate(example, [sp.Custom("own", theta)], replicates=sp.Bootstrap(20), **how).draws.tobytes()

    told = []
    assert run(theta, resume=tmp_path) == run(theta, resume=tmp_path, progress=told.append) == run(theta)
    assert told[0].loaded == 20
    with pytest.raises(sp.InputError, match="study is"):
        run(lambda weights, data: data["welfare"][weights > 0].min(), resume=tmp_path)


@pytest.mark.parametrize(("resume", "error"), [(4, sp.InputTypeError), (b"kept", sp.InputTypeError)])
def test_resume_must_be_a_folder(example, resume, error):
    with pytest.raises(error, match="resume must be a folder"):
        estimated(example, resume=resume)


def test_resume_must_not_be_a_file(example, tmp_path):
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(sp.InputError, match=r"resume must be a folder, but .*kept' is a file"):
        estimated(example, resume=tmp_path / "kept")


# -- what an interrupt leaves ---------------------------------------------------------------------------------------


def test_what_is_finished_is_the_result_of_fewer_replicates_marked_so(example, stopping, tmp_path):
    expected = assessed(example, 64, n_threads=1)
    stopping(65, KeyboardInterrupt())
    result = assessed(example, n_threads=1)
    for name in ("value", "se", "ci_low", "ci_high"):
        assert getattr(result.estimates, name).tobytes() == getattr(expected.estimates, name).tobytes()
    assert result.estimates.draws.tobytes() == expected.estimates.draws.tobytes()
    assert result.estimates.asked == N
    assert all("interrupted" in flag.split(";") for flag in result.estimates.flags)
    assert not any("interrupted" in flag for flag in expected.estimates.flags)
    assert result.groups["flag"].str.contains("interrupted").all()
    assert "from 64 replicates" in repr(result)
    manifest = result.findings().manifest
    assert manifest["interrupted"] == {"finished": 64, "asked": N}
    assert "interrupted" not in expected.findings().manifest
    pages = [render(made.findings()) for made in (result, expected)]
    assert ["The run was stopped when 64 of 100 replicates were finished" in page for page in pages] == [True, False]


@pytest.mark.parametrize(
    ("design", "at", "message"),
    [
        (sp.Jackknife(), 9, "8 of 20 replicates were finished: this design needs all of them"),
        (sp.Bootstrap(12), 1, "0 of 12 replicates were finished: two at least are needed"),
    ],
)
def test_where_nothing_can_be_made_of_it_the_interrupt_is_passed_on(
    monkeypatch, stopping, tmp_path, design, at, message
):
    monkeypatch.setattr(_parallel, "GROUPS", 1)
    stopping(at, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt, match=message):
        estimated(PAIRS, design, n_threads=1)
    with pytest.raises(KeyboardInterrupt, match=message.replace("finished", "finished and are kept in '.*kept'")):
        estimated(PAIRS, design, n_threads=1, resume=tmp_path / "kept")
    stopping(0, None)
    whole = estimated(PAIRS, design, resume=tmp_path / "kept")
    assert whole.draws.tobytes() == estimated(PAIRS, design).draws.tobytes()
