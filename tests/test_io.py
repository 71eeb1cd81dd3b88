"""Files: the same survey from .dta and .csv, and clear errors for what cannot be read."""

import numpy as np
import pandas as pd
import pytest

import sp2lnob as sp

pyreadstat = pytest.importorskip("pyreadstat", reason="the extra 'io' reads .dta")

DESIGN = {"person": "pid", "welfare": "pc_exp", "psu": "ea", "strata": ["region", "urbrur"]}


@pytest.fixture
def frames():
    households, persons = sp.example_frames(400)
    return pd.DataFrame(households), pd.DataFrame(persons)


def test_dta_and_csv_give_the_same_digits(tmp_path, frames):
    for frame, name in zip(frames, ("households", "persons"), strict=True):
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        pyreadstat.write_dta(frame, str(tmp_path / f"{name}.dta"))
    made = []
    for suffix in ("csv", "dta"):
        survey = sp.read_survey(tmp_path / f"households.{suffix}", tmp_path / f"persons.{suffix}", **DESIGN)
        made.append(
            sp.estimate(survey, [sp.MeanWelfare(), sp.Inequality()], by=["urbrur"], replicates=sp.Bootstrap(40))
        )
    memory = sp.estimate(
        sp.Survey(*frames, **DESIGN), [sp.MeanWelfare(), sp.Inequality()], by=["urbrur"], replicates=sp.Bootstrap(40)
    )
    for estimates in made:
        np.testing.assert_array_equal(estimates.value, memory.value)
        np.testing.assert_array_equal(estimates.draws, memory.draws)


def test_value_labels_are_kept(tmp_path):
    frame = pd.DataFrame({"hid": [1, 2, 3], "hhweight": [1.0, 1.0, 1.0], "n": [1, 1, 1], "area": [1, 2, 2]})
    pyreadstat.write_dta(frame, str(tmp_path / "h.dta"), variable_value_labels={"area": {1: "Rural", 2: "Urban"}})
    survey = sp.read_survey(tmp_path / "h.dta", size="n", derive={"town": "area == 'Urban'", "two": "area == 2"})
    assert survey.household_column("area").label(2) == "Urban"
    assert survey.household_column("town").values.tolist() == [0, 1, 1]
    assert survey.household_column("two").values.tolist() == [0, 1, 1]


def test_sources_say_what_was_read(tmp_path):
    (tmp_path / "h.csv").write_text("hid,hhweight,n\n1,2,3\n2,2,3\n")
    survey = sp.read_survey(tmp_path / "h.csv", size="n")
    (source,) = survey.sources
    assert (source["file"], source["rows"], source["columns"]) == ("h.csv", 2, 3)
    assert len(source["sha256"]) == 64


@pytest.mark.parametrize(
    ("name", "content", "must", "came", "mend"),
    [
        ("gone.dta", None, "must exist", "there is no", "Check the path"),
        ("h.xlsx", b"x", "one of .csv, .dta", "it is 'h.xlsx'", "Convert it"),
        ("h.dta", b"not a stata file at all", "readable Stata file", "'h.dta' is not", "Save it again"),
        ("h.dta", b"", "readable Stata file", "'h.dta' is not", "Save it again"),
        ("h.csv", b"", "comma-separated", "'h.csv' is not", "UTF-8"),
        ("h.csv", b"a,b\n1,2\n1,2,3,4\n", "comma-separated", "'h.csv' is not", "UTF-8"),
        ("h.csv", b"a,\xff\xfe\n1,2\n", "comma-separated", "'h.csv' is not", "UTF-8"),
        ("h.csv", b"a,b\n1,2\n", "A column", "'hid' does not", "There are: a, b"),
    ],
)
def test_unreadable_files(tmp_path, name, content, must, came, mend):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(sp.InputError) as caught:
        sp.read_survey(tmp_path / name, size="b")
    for part in (must, came, mend):
        assert part in str(caught.value)


def test_words_for_nothing_are_words(tmp_path):
    """An education of "None" is known; an empty field and a Stata dot are missing."""
    (tmp_path / "h.csv").write_text("hid,hhweight,n,educ,age\n1,1,1,None,\n2,1,1,NA,.\n3,1,1,Primary,7\n")
    survey = sp.read_survey(tmp_path / "h.csv", size="n")
    assert survey.household_column("educ").categories()[2] == ("NA", "None", "Primary")
    assert survey.household_column("age").missing.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("content", "came"),
    [
        ("w,acc,u\n10,0,0,5\n20,1,0,5\n", "'h.csv' is not"),  # a value too many would shift every column
        ("w,n,n\n1,2,3\n", "'n' occurs more than once"),
        ("hid;hhweight;n\n1;2;3\n", "has no comma"),
    ],
)
def test_a_csv_that_would_be_misread(tmp_path, content, came):
    (tmp_path / "h.csv").write_text(content)
    with pytest.raises(sp.InputError, match=came):
        sp.read_survey(tmp_path / "h.csv", household=None, weight="w", size="n")


def test_a_csv_with_a_byte_order_mark(tmp_path):
    (tmp_path / "h.csv").write_text("hid,hhweight,n\n1,2,3\n2,2,3\n", encoding="utf-8-sig")
    assert sp.read_survey(tmp_path / "h.csv", size="n").n_households == 2


def test_a_comma_at_the_end_of_every_line_shifts_nothing(tmp_path):
    (tmp_path / "h.csv").write_text("w,acc,u\n10,0,7,\n20,1,7,\n")
    survey = sp.read_survey(None, tmp_path / "h.csv", household=None, weight="w")
    assert survey.weight.tolist() == [10, 20]
    assert survey.person_column("acc").values.tolist() == [0, 1]
