"""The indicator library: the codebooks against the questionnaires, row by row, in both readings."""

import pytest

from sp2lnob import indicators

from . import _questionnaires as q

CIRCUMSTANCES = {
    "standard": {
        "household": ["wealth", "residence", "highest_education"],
        "home": ["wealth", "residence", "age_group_member", "attainment", "sex"],
        "school": ["wealth", "residence", "sex"],
        "growth": ["wealth", "residence", "mother_education", "sex", "children_under_5"],
        "preschool": ["wealth", "residence", "mother_education", "sex"],
        "birth": ["wealth", "residence", "education", "children_ever_born", "age_group"],
        "need": ["wealth", "residence", "education", "children_ever_born", "age_group"],
        "connected": ["wealth", "residence", "education", "sex", "age_group", "marital_status"],
        "violence": ["wealth", "residence", "education", "age_group", "marital_status"],
    },
    "escap": {  # as ESCAP's code has its sets HH, CO, ED, CH, PH, CM, IC, VI
        "household": ["wealth", "residence", "highest_education"],
        "home": ["wealth", "residence", "age_group_member", "attainment", "sex"],
        "school": ["wealth", "residence", "sex"],
        "growth": ["wealth", "residence", "mother_education", "sex", "children_under_5"],
        "preschool": ["wealth", "residence", "mother_education", "children_under_5", "sex"],
        "birth": ["wealth", "residence", "age_group", "marital_status", "children_ever_born", "education"],
        "need": ["wealth", "residence", "age_group", "children_ever_born", "education"],
        "connected": ["wealth", "residence", "age_group", "education", "sex"],
        "violence": ["wealth", "residence", "age_group", "children_under_5", "education"],
    },
}


def kind_of(name):
    """Return which set of circumstances an indicator has."""
    if name in ("skilled birth attendance",):
        return "birth"
    if name == "modern contraception":
        return "need"
    if name in ("internet use", "mobile phone", "bank account", "financial inclusion"):
        return "connected"
    if "violence" in name or "beating" in name:
        return "violence"
    if any(word in name for word in ("stunting", "wasting", "overweight")):
        return "growth"
    if name == "early childhood education":
        return "preschool"
    if "completion" in name or name.startswith("higher"):
        return "school"
    return (
        "home"
        if name.endswith("home") or name in ("covid readiness", "water on site", "room to sleep")
        else "household"
    )


def built_rows(found, name):
    """Return {position: (outcome, labels of the circumstances)} of the rows that count."""
    survey, opportunity = found[name]
    cells = opportunity.prepare(survey)
    position = survey.column("position", opportunity.unit).values
    if survey.has_column("man") and "respondents" in found.surveys and survey is found.surveys["respondents"]:
        position = position + 10**6 * survey.person_column("man").values
    levels = cells.domains[cells.domain]
    labels = [[c.labels[code] for c, code in zip(cells.circumstances, row, strict=True)] for row in levels]
    return {
        int(position[i]): (int(y), row) for i, y, row in zip(cells.index, cells.outcome, labels, strict=True)
    }, opportunity


def expected_rows(oracle, rows, counts, outcome, circumstances):
    """Return the same of plain rows: who counts, with a known outcome and known circumstances."""
    made = {}
    for row in rows:
        if not counts(row):
            continue
        labels = [getattr(oracle, name)(row) for name in circumstances]
        found = outcome(row)
        if found is not None and None not in labels:
            made[row["position"]] = (found, labels)
    return made


def built(name, files, **more):
    """Return what a builder makes of plain rows, with the rows' positions kept."""
    frames = {what: q.frame(rows) for what, rows in files.items()}
    return getattr(indicators, name)(**frames, **more)


@pytest.fixture(scope="module", params=[(7, "standard"), (7, "escap"), (6, "standard"), (8, "standard")])
def dhs(request):
    phase, reading = request.param
    files = q.dhs_files(phase)
    found = built("dhs", files, reading=reading, variables={"early_education": "s572"})
    oracle = q.DhsRow(files, phase, reading)
    return reading, found, oracle, q.dhs_indicators(oracle, files, reading == "escap")


@pytest.fixture(scope="module", params=[(6, "standard"), (6, "escap"), (5, "standard"), (5, "escap")])
def mics(request):
    round, reading = request.param
    files = q.mics_files(round)
    given = {"unmet_need": "unmet"}
    grade = {"last_secondary_grade": [3 if round == 6 else 6]}
    found = built("mics", files, reading=reading, variables=given, codes=grade)
    oracle = q.MicsRow(files, round, reading)
    return reading, found, oracle, q.mics_indicators(oracle, files, round, reading == "escap")


def test_every_row_of_mics_is_as_the_questionnaire_has_it(mics):
    reading, found, oracle, expected = mics
    assert sorted(found.names) == sorted(expected)
    for name, (rows, counts, outcome) in expected.items():
        got, opportunity = built_rows(found, name)
        circumstances = list(CIRCUMSTANCES[reading][kind_of(name)])
        if reading == "escap" and name == "mobile phone":
            circumstances.remove("sex")
        if name == "internet use" and "WB2" in oracle_columns(found):
            circumstances.remove("age_group")  # all are 15 to 24
        assert list(opportunity.circumstances) == circumstances, name
        assert got == expected_rows(oracle, rows, counts, outcome, circumstances), name
        assert len(got) > 20, name
        assert {y for y, _ in got.values()} == {0, 1}, name


def oracle_columns(found):
    """Return the columns of the women of a set."""
    return list(found.surveys["women"].persons)


def test_every_row_of_dhs_is_as_the_questionnaire_has_it(dhs):
    reading, found, oracle, expected = dhs
    assert sorted(found.names) == sorted(indicators.names("dhs")) == sorted(expected)
    for name, (rows, counts, outcome) in expected.items():
        got, opportunity = built_rows(found, name)
        circumstances = list(CIRCUMSTANCES[reading][kind_of(name)])
        if reading == "escap" and name == "mobile phone":
            circumstances.remove("sex")  # men are not merged
        assert list(opportunity.circumstances) == circumstances, name
        assert got == expected_rows(oracle, rows, counts, outcome, circumstances), name
        assert len(got) > 20, name
        assert {y for y, _ in got.values()} == {0, 1}, name
    assert not len(found.lacking)
