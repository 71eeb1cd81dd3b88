"""The indicator library: the codebooks against the questionnaires, row by row, in both readings."""

import subprocess
import sys
from functools import cache

import numpy as np
import pandas as pd
import pytest

import sp2lnob as sp
from sp2lnob import indicators
from sp2lnob._codebook import PROGRAMS, READINGS, read_codebook, read_indicators

from . import _questionnaires as q
from ._data import data_file

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


@pytest.mark.parametrize(
    ("program", "rounds", "reading"), [("dhs", 8, "standard"), ("mics", 6, "standard"), ("mics", 6, "escap")]
)
def test_disability_is_a_circumstance_of_adults_where_it_is_asked_for(program, rounds, reading):
    files = (q.dhs_files if program == "dhs" else q.mics_files)(rounds)
    given = {"variables": {"unmet_need": "unmet"}} if program == "mics" else {}
    found = built(program, files, reading=reading, optional=["disability"], **given)
    oracle = (q.DhsRow if program == "dhs" else q.MicsRow)(files, rounds, reading)
    escap = reading == "escap"
    expected = (
        q.dhs_indicators(oracle, files, escap) if program == "dhs" else q.mics_indicators(oracle, files, 6, escap)
    )
    seen = set()
    for name in found.names:
        opportunity = found[name][1]
        if "disability" not in opportunity.circumstances:
            continue
        seen.add(name)
        rows, counts, outcome = expected[name]
        age = "WB4" if program == "mics" else "hv105" if rows is files["pr"] else "v012"
        adults = [row for row in rows if 18 <= row[age] <= 97]
        assert opportunity.circumstances[-1] == "disability"
        got, _ = built_rows(found, name)
        assert got == expected_rows(oracle, adults, counts, outcome, opportunity.circumstances), name
        assert {labels[-1] for _, labels in got.values()} == {"With disability", "Without disability"}, name
    asked = {name for name in found.names if "disability" in read_indicators()[name].optional}
    members = {name for name in asked if name.startswith(("secondary", "higher"))}
    assert seen == (asked if program == "dhs" else asked - members)
    assert len(seen) == (18 if program == "dhs" else 12)
    assert "indicators with disability are of those where adult == 1" in found.notes


def test_disability_is_not_taken_unasked_and_told_where_it_cannot_be():
    files = q.mics_files(5)
    names = ["beating justified", "electricity"]
    assert "disability" not in built("mics", q.mics_files(6), indicators=names)["beating justified"][1].circumstances
    found = built("mics", files, indicators=names, optional=["disability"])
    _, opportunity = found["beating justified"]
    assert opportunity.population is None
    assert "disability" not in opportunity.circumstances
    assert found.lacking.values.tolist() == [
        ["beating justified", "circumstance disability", "disability in this phase or round", True]
    ]
    files = q.dhs_files(8)
    alone = built("dhs", {"ir": files["ir"]}, indicators=["beating justified"], optional=["disability"])
    assert alone.lacking["lacks"].tolist() == ["the file of members"]


def test_a_person_without_a_line_among_the_members_has_no_known_disability():
    files = q.dhs_files(8)
    for woman in files["ir"]:
        woman["v003"] += 50 if woman["position"] % 2 else 0
    found = built("dhs", files, indicators=["beating justified"], optional=["disability"])
    survey, _ = found["beating justified"]
    known = ~survey.person_column("disability").missing
    assert not known[survey.person_column("position").values % 2 == 1].any()
    assert known.any()


# -- real files -------------------------------------------------------------------------------------------------------

POPSTAN = [f"WLD_2023_SYNTH-SVY-{which}-EN_v01_M.dta" for which in ("HLD", "IND")]


@cache
def popstan():
    files = [data_file("popstan", name) for name in POPSTAN]
    design = {
        "person": "idno",
        "welfare": "pc_exp",
        "welfare_period": "year",
        "psu": "ea",
        "strata": ["geo1", "urbrur"],
    }
    return indicators.hies(*files, concepts="popstan", **design)


def access(survey, opportunity):
    return sp.estimate(survey, [sp.Access(opportunity)], replicates=sp.Bootstrap(2)).value[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [  # R's survey, tests/reference/r_values.csv: wb.pop.elec, wb.pop.clean, wb.pop.bankk
        ("electricity", 0.796793038272229),
        ("clean fuel", 0.520365607758693),
        ("household bank account", 0.555006657462858),
    ],
)
def test_popstan_is_as_r_has_it(name, value):
    assert access(*popstan()[name]) == pytest.approx(value, rel=1e-12)


def test_popstan_by_hand():
    """Water, toilet and phone by households' members, and schooling by persons, straight from the files."""
    pyreadstat = pytest.importorskip("pyreadstat")
    homes, people = (pyreadstat.read_dta(data_file("popstan", name))[0] for name in POPSTAN)
    weight = homes["hhweight"] * homes["hhsize"]
    found = popstan()
    outcomes = {
        "improved water": ~homes["water"].isin([32, 42, 43, 96]),
        "improved sanitation": homes["toilet"].isin([11, 12, 13, 21, 22]),
        "household mobile phone": homes["cell"] == 1,
    }
    for name, outcome in outcomes.items():
        assert access(*found[name]) == pytest.approx(np.average(outcome, weights=weight), rel=1e-12), name
    grown = {
        "secondary completion": (20, 35, 3),
        "higher education": (25, 35, 4),
        "higher education, older": (36, 200, 4),
    }
    for name, (low, high, least) in grown.items():
        inside = people[people["age"].between(low, high)]
        expected = np.average(inside["educ_attain"] >= least, weights=inside["hhweight"])
        assert access(*found[name]) == pytest.approx(expected, rel=1e-12), name
    opportunity = found["higher education"][1]
    assert opportunity.circumstances == ("bottom40", "residence", "gender_of_person")
    assert found["clean fuel"][1].circumstances == ("bottom40", "residence", "highest_education")
    survey = found["clean fuel"][0]
    best = people.groupby("hid")["educ_attain"].max().map({0: 0, 1: 0, 2: 0, 3: 1, 4: 2})
    keys = survey.household_column("hid")
    named = [keys.label(code) for code in keys.values]
    assert survey.household_column("highest_education").values.tolist() == best.loc[named].tolist()


def test_popstan_tells_what_its_questionnaire_lacks():
    lacking = popstan().lacking.set_index("indicator")["lacks"].to_dict()
    assert lacking["basic water"] == "water_minutes"
    assert lacking["basic sanitation"] == "toilet_shared"
    assert lacking["stunting"] == "haz"
    assert set(popstan().names) | set(lacking) == set(indicators.names("hies"))


AREAS = [f"region {region} - {area}" for region in range(1, 5) for area in ("urban", "rural")]
CODES = {  # labels of the DHS model survey, which came without codes, as the recode manual numbers them
    "v023": {area: code for code, area in enumerate(AREAS, 1)},
    "v025": {"urban": 1, "rural": 2},
    "v106": {"no education": 0, "primary": 1, "secondary": 2, "higher": 3, "missing": 9},
    "v190": {"poorest": 1, "poorer": 2, "middle": 3, "richer": 4, "richest": 5},
    "v119": {"no": 0, "yes": 1, "not a dejure resident": 7, "missing": 9},
    "v160": {"no": 0, "yes": 1, "not a dejure resident": 7, "missing": 9},
    "b4": {"male": 1, "female": 2},
    "b5": {"no": 0, "yes": 1},
    "b9": {"respondent": 0, "lives elsewhere": 4},
    "v135": {"usual resident": 1, "visitor": 2, "missing": 9},
    "v161": {
        **{"electricity": 1, "lpg": 2, "natural gas": 3, "biogas": 4, "kerosene": 5, "coal, lignite": 6, "charcoal": 7},
        **{
            "wood": 8,
            "straw/shrubs/grass": 9,
            "agricultural crop": 10,
            "animal dung": 11,
            "no food cooked in house": 95,
        },
        **{"other": 96, "not a dejure resident": 97, "missing": 99},
    },
    "v113": {
        **{
            "piped into dwelling": 11,
            "piped to yard/plot": 12,
            "public tap/standpipe": 13,
            "tube well or borehole": 21,
        },
        **{"protected well": 31, "unprotected well": 32, "protected spring": 41, "unprotected spring": 42},
        **{"river/dam/lake/ponds/stream/canal/irrigation channel": 43, "rainwater": 51, "tanker truck": 61},
        **{
            "cart with small tank": 62,
            "bottled water or sachets": 71,
            "other": 96,
            "not a dejure resident": 97,
            "missing": 99,
        },
    },
    "v116": {
        **{"flush to piped sewer system": 11, "flush to septic tank": 12, "flush to pit latrine": 13},
        **{"flush to somewhere else": 14, "flush, don't know where": 15, "ventilated improved pit latrine (vip)": 21},
        **{"pit latrine with slab": 22, "pit latrine without slab/open pit": 23, "no facility/bush/field": 31},
        **{"composting toilet": 41, "bucket toilet": 42, "hanging toilet/latrine": 43, "other": 96},
        **{"not a dejure resident": 97, "missing": 99},
    },
}
PLAIN = ["b8", "v000", "v001", "v002", "v005", "v012", "v021", "v022", "v201"]


@cache
def model(name):
    """Return the women or births of the DHS model survey with codes, and the frame of labels."""
    rdata = pytest.importorskip("rdata")
    parsed = rdata.parser.parse_file(data_file("dhs_zz", f"{name}.rda"))
    held = parsed.object.value[0]
    columns = held.attributes.value[0]  # to convert them all takes minutes
    asked = {column.encode() for column in (*PLAIN, *CODES, "v115")}
    kept = [k for k, column in enumerate(columns.value) if column.value in asked]
    held.value, columns.value = [held.value[k] for k in kept], [columns.value[k] for k in kept]
    labels = rdata.conversion.convert(parsed)[name]
    made = {}
    for column in labels:
        if column in CODES:
            texts = labels[column].astype(object)
            unknown = set(texts.dropna()) - set(CODES[column])
            assert not unknown, (column, unknown)
            made[column] = texts.map(CODES[column]).to_numpy(dtype=float)
        elif column == "v000":
            made[column] = labels[column].astype(str).to_numpy()
        elif column == "v115":
            minutes = labels[column].astype(str)
            words = {"on premises": 996, "not a dejure resident": 997, "don't know": 998, "missing": 999}
            made[column] = np.array([float(words.get(text, text)) for text in minutes])
        else:
            made[column] = labels[column].to_numpy(dtype=float, na_value=np.nan)
    return made, labels


def test_women_of_the_dhs_model_survey():
    """The files of households are not at hand: what women live with, by labels instead of codes."""
    frame, labels = model("zzir")
    found = indicators.dhs(ir=frame)
    here = labels["v135"].astype(str) == "usual resident"
    weight = labels["v005"].astype(float)
    fuel, water, toilet = (labels[name].astype(str) for name in ("v161", "v113", "v116"))
    minutes = pd.Series(frame["v115"], index=labels.index)
    power, shared = labels["v119"].astype(str), labels["v160"].astype(str)
    clean = ["electricity", "lpg", "natural gas", "biogas"]
    bad = ["unprotected well", "unprotected spring", "river/dam/lake/ponds/stream/canal/irrigation channel", "other"]
    near = water.isin(["piped into dwelling", "piped to yard/plot"]) | (minutes <= 30) | (minutes == 996)
    poor = ["flush to somewhere else", "pit latrine without slab/open pit", "no facility/bush/field", "bucket toilet"]
    poor += ["hanging toilet/latrine", "other"]
    gone = ["missing", "not a dejure resident"]
    outcomes = {
        "electricity": (power == "yes", power.isin(["yes", "no"])),
        "clean fuel": (fuel.isin(clean), ~fuel.isin([*gone, "no food cooked in house"])),
        "improved water": (~water.isin(bad), ~water.isin(gone)),
        "basic water": (
            ~water.isin(bad) & near,
            ~water.isin(gone) & (water.isin(bad) | near | (minutes < 996)),
        ),
        "improved sanitation": (~toilet.isin(poor), ~toilet.isin(gone)),
        "basic sanitation": (
            ~toilet.isin(poor) & (shared == "no"),
            ~toilet.isin(gone) & (toilet.isin(poor) | shared.isin(["yes", "no"])) | (shared == "yes"),
        ),
    }
    assert set(found.names) == set(outcomes)
    for name, (yes, known) in outcomes.items():
        inside = here & known
        assert access(*found[name]) == pytest.approx(np.average(yes[inside], weights=weight[inside]), rel=1e-12), name
        assert found[name][1].circumstances == ("wealth", "residence", "education")
    assert "women stand for households: the file hr is lacking" in found.notes
    assert not len(found.unlisted)
    survey = found["electricity"][0]
    assert (survey.design.psus, survey.design.strata) == (217, 8)
    assert dict(zip(found.lacking["indicator"], found.lacking["lacks"], strict=True))["modern contraception"] == (
        "v626a, v313"
    )


def test_births_of_the_dhs_model_survey_are_children_with_their_mothers():
    """The file of births has no question of early education: that of electricity stands for it, to see the rest."""
    births, labels = model("zzbr")
    names = ["early childhood education", "skilled birth attendance"]
    told = indicators.dhs(kr=births, indicators=names).lacking
    assert told["lacks"].tolist() == ["early_education", "the file ir"]
    found = indicators.dhs(kr=births, indicators=names[:1], variables={"early_education": "v119"})
    survey, opportunity = found[names[0]]
    assert opportunity.circumstances == ("wealth", "residence", "mother_education", "sex")
    here = (labels["b9"].astype(str) == "respondent") & labels["b8"].isin([3, 4])
    here &= labels["v119"].isin(["yes", "no"])
    cells = opportunity.prepare(survey)
    assert len(cells.index) == here.sum() == 1822
    weight = labels["v005"].astype(float)
    yes = labels["v119"].astype(str) == "yes"
    assert access(survey, opportunity) == pytest.approx(np.average(yes[here], weights=weight[here]), rel=1e-12)
    girls = cells.among(np.flatnonzero(cells.domains[cells.domain, 3] == 1))
    of_girls = here & (labels["b4"].astype(str) == "female")
    assert cells.circumstances[3].labels[1] == "Female"
    assert girls.weight.sum() == pytest.approx(weight[of_girls].sum() / 1e6, rel=1e-12)
    mothers = [c.labels for c in cells.circumstances][2]
    schooled = here & labels["v106"].isin(["secondary", "higher"])
    lower = cells.weight[cells.domains[cells.domain, 2] == mothers.index("Lower")].sum()
    assert cells.weight.sum() - lower == pytest.approx(weight[schooled].sum() / 1e6, rel=1e-12)


def test_men_of_the_dhs_model_survey_stand_below_the_women():
    women, _ = model("zzir")
    men = data_file("dhs_zz", "ZZMR61FL.DTA")
    found = indicators.dhs(ir=women, mr=men, indicators=["internet use", "bank account"])
    assert found.lacking["lacks"].tolist() == ["v171a", "v170"]  # phase 6 did not ask
    given = {"v171a": "v201", "v502": "v025"}  # children stand for the question, to see that men's rows are men's
    found = indicators.dhs(ir=women, mr=men, indicators=["internet use"], variables=given)
    survey, opportunity = found["internet use"]
    assert survey.n_persons == 8348 + 3621
    assert (survey.person_column("man").values == 1).sum() == 3621
    assert opportunity.circumstances[3] == "sex"
    of_men = sp.Opportunity("men", "v201 == 1", "person", "man == 1 and v201 <= 2", circumstances=["residence"])
    pyreadstat = pytest.importorskip("pyreadstat")
    raw = pyreadstat.read_dta(men)[0]
    few = raw[raw["mv201"] <= 2]
    assert access(survey, of_men) == pytest.approx(np.average(few["mv201"] == 1, weights=few["mv005"]), rel=1e-12)


# -- files, names and labels ------------------------------------------------------------------------------------------


@cache
def sample():
    return q.dhs_files(7, seed=5, clusters=12, per_cluster=8)


def figures(found):
    return {name: access(*found[name]) for name in found.names}


def test_files_are_as_frames_and_capital_letters_make_no_difference(tmp_path):
    pyreadstat = pytest.importorskip("pyreadstat")
    frames = {what: pd.DataFrame(q.frame(sample()[what])) for what in ("hr", "pr", "ir")}
    expected = figures(indicators.dhs(**frames))
    paths = {}
    for what, frame in frames.items():
        paths[what] = tmp_path / f"{what}.dta"
        pyreadstat.write_dta(frame.rename(columns=str.upper), paths[what])
    assert figures(indicators.dhs(**paths)) == expected
    assert len(expected) == 41


def test_columns_of_the_file_stay_at_hand():
    frames = {what: q.frame(sample()[what]) for what in ("hr", "pr")}
    survey, _ = indicators.dhs(**frames)["electricity"]
    assert survey.has_column("hv204")
    assert set(survey.household_column("hv206").values) >= {0, 1}


def test_numbers_as_text_are_numbers_and_labels_are_told():
    frame = pd.DataFrame(q.frame(sample()["hr"]))
    expected = access(*indicators.dhs(frame)["electricity"])
    digits = frame.assign(hv206=frame["hv206"].map(lambda v: None if v != v else f"{v:.0f}"))
    assert access(*indicators.dhs(digits)["electricity"]) == expected
    words = frame.assign(hv206=frame["hv206"].map({0: "no", 1: "yes"}))
    found = indicators.dhs(words)
    (told,) = found.lacking.loc[found.lacking["indicator"] == "electricity", "lacks"].tolist()[-1:]
    assert told.startswith("codes that can be read: codebook of dhs: a number must be compared with numbers")
    with pytest.raises(sp.InputError, match="must have been built to be asked for, but 'electricity' lacks"):
        found["electricity"]


def test_codes_in_no_list_are_missing_and_told_until_they_are_given():
    rows = sample()["hr"]
    frame = q.frame(rows)
    found = indicators.dhs(frame, indicators=["improved water", "improved sanitation"])
    told = {(v, c): n for v, c, n in found.unlisted[["variable", "code", "rows"]].itertuples(index=False)}
    counted = {(name, code): sum(row[name] == code for row in rows) for name, code in (("hv201", 92), ("hv205", 17))}
    assert told == {key: n for key, n in counted.items() if n}
    assert len(told) == 2
    known = [*read_codebook("dhs").lists["water_improved"], 92]
    more = indicators.dhs(frame, indicators=["improved water"], codes={"water_improved": known})
    assert not len(more.unlisted)
    before, after = (len(s["improved water"][1].prepare(s["improved water"][0]).index) for s in (found, more))
    assert after - before == sum(row["hv201"] == 92 and row["hv012"] > 0 and row["hv270"] is not None for row in rows)


def test_what_is_lacking_is_told_and_not_dropped():
    frame = q.frame(sample()["hr"])
    found = indicators.dhs(frame)
    told = found.lacking
    assert set(found.names) | set(told.loc[~told["built"], "indicator"]) == set(indicators.names("dhs"))
    built = told[told["built"]]
    assert set(built["part"]) == {"circumstance highest_education"}
    assert set(built["lacks"]) == {"the file of members"}
    assert found["electricity"][1].circumstances == ("wealth", "residence")
    reasons = told[~told["built"]].set_index("indicator")["lacks"]
    assert reasons["stunting"] == "the file pr"
    assert reasons["modern contraception"] == "the file ir"
    assert repr(found).startswith("Indicators: 9 of households; ")
    assert "clean fuel" in found._repr_html_()


def test_a_circumstance_of_one_level_is_told():
    rows = [row | {"hv025": 2} for row in sample()["hr"]]
    found = indicators.dhs(q.frame(rows), q.frame(sample()["pr"]), indicators=["electricity"])
    assert found.lacking.values.tolist() == [
        ["electricity", "circumstance residence", "a second level among the rows that count", True]
    ]
    assert found["electricity"][1].circumstances == ("wealth", "highest_education")


def test_households_without_usual_members_are_left_out_and_told():
    rows = [row | {"hv012": 0 if k < 3 else row["hv012"]} for k, row in enumerate(sample()["hr"])]
    empty = sum(row["hv012"] == 0 for row in rows)
    found = indicators.dhs(q.frame(rows), indicators=["electricity"])
    assert found["electricity"][0].n_households == len(rows) - empty
    assert found.notes == [f"households: {len(rows) - empty} of {len(rows)} rows are kept, where hv012 > 0"]
    kept = indicators.dhs(q.frame(rows), indicators=["electricity"], reading="escap")
    assert kept["electricity"][0].n_households == len(rows)
    assert kept["electricity"][1].weigh == "households"


# -- weights and design -----------------------------------------------------------------------------------------------


def sums(found):
    """Return the weights of women and men of 15 to 49 years."""
    survey = found["internet use"][0]
    man, age = survey.person_column("man").values, survey.person_column("v012").values
    return [survey.person_weight[(man == sex) & (age <= 49)].sum() for sex in (0, 1)]


def test_men_are_weighted_to_women_as_they_are_among_members():
    files = sample()
    frames = {what: q.frame(files[what]) for what in ("ir", "mr")}
    only = {"indicators": ["internet use"]}
    raw = [sum(r["v005"] for r in files["ir"]) / 1e6, sum(r["mv005"] for r in files["mr"] if r["mv012"] <= 49) / 1e6]
    plain = indicators.dhs(**frames, **only)
    assert sums(plain) == pytest.approx(raw, rel=1e-12)
    assert "each set scaled to its own sample" in plain.notes[-1]
    present = [p for p in files["pr"] if p["hv103"] == 1 and 15 <= p["hv105"] <= 49]
    women, men = (sum(p["hv005"] for p in present if p["hv104"] == code) for code in (2, 1))
    members = q.frame(files["pr"])
    scaled = sums(indicators.dhs(pr=members, **frames, **only))
    assert scaled[0] == pytest.approx(raw[0], rel=1e-12)
    assert scaled[1] / scaled[0] == pytest.approx(men / women, rel=1e-12)
    assert sums(indicators.dhs(pr=members, **frames, **only, reading="escap")) == pytest.approx(raw, rel=1e-12)
    given = indicators.dhs(pr=members, **frames, **only, populations={"women": 2e6, "men": 1.8e6})
    assert sums(given) == pytest.approx([2e6, 1.8e6], rel=1e-12)


def test_men_of_mics_are_weighted_to_women_as_well():
    files = q.mics_files(6)
    found = indicators.mics(**{what: q.frame(files[what]) for what in ("hl", "wm", "mn")}, indicators=["internet use"])
    survey = found["internet use"][0]
    man = survey.person_column("man").values == 1
    weight = survey.person_weight
    whole = (("wm", "wmweight", "WM17"), ("mn", "mnweight", "MWM17"))
    kept = [sum(r[w] for r in files[f] if r[done] == 1) for f, w, done in whole]
    grown = [p for p in files["hl"] if 15 <= p["HL6"] <= 49]
    women, men = (sum(p["hhweight"] for p in grown if p["HL4"] == code) for code in (2, 1))
    assert weight[~man].sum() == pytest.approx(kept[0], rel=1e-12)
    assert weight[man].sum() == pytest.approx(kept[0] * men / women, rel=1e-12)


def test_women_alone_are_told_where_men_might_be():
    found = indicators.dhs(ir=q.frame(sample()["ir"]), indicators=["internet use"])
    assert found.notes == ["respondents are women alone: the file mr is lacking"]
    assert "sex" not in found["internet use"][1].circumstances


def test_a_sample_of_ever_married_women_is_told():
    rows = [row | {"v020": 1} for row in sample()["ir"] if row["v502"] != 0]
    found = indicators.dhs(ir=q.frame(rows), indicators=["beating justified"])
    assert found.notes == ["women are those who were ever in union: the survey interviewed no others (v020)"]


def test_the_violence_module_has_its_own_weight():
    rows = sample()["ir"]
    found = indicators.dhs(ir=q.frame(rows), indicators=["any violence", "beating justified"])
    assert list(found.surveys) == ["violence", "women"]
    violence, women = found.surveys["violence"], found.surveys["women"]
    assert violence.person_weight.sum() == pytest.approx(sum(r["d005"] or 0 for r in rows) / 1e6, rel=1e-12)
    assert women.person_weight.sum() == pytest.approx(sum(r["v005"] for r in rows) / 1e6, rel=1e-12)
    assert violence.n_persons == women.n_persons == len(rows)


def test_the_design_is_that_of_the_file_or_as_asked_and_told():
    rows = [row | {"hv022": 1 + row["hv001"] % 2} for row in sample()["hr"]]
    frame = q.frame(rows)
    only = {"indicators": ["electricity"]}
    assert indicators.dhs(frame, **only)["electricity"][0].design.strata == 2  # hv023
    for name in ("hv022", "v022", "mv022"):
        survey = indicators.dhs(frame, **only, strata=name, psu=["v021"])["electricity"][0]
        assert survey.household_column("strata_1").values.tolist() == survey.household_column("hv022").values.tolist()
    del frame["hv021"], frame["hv023"]
    found = indicators.dhs(frame, **only)
    assert found.notes[-2:] == [
        "households: hv021 is lacking, so hv001 is taken for the PSU",
        "households: no stratum is known, as hv023 are lacking",
    ]
    assert (found["electricity"][0].design.psus, found["electricity"][0].design.strata) == (12, 1)
    with pytest.raises(sp.InputError, match="A column of strata must be one that exists, but 'hv024' does not"):
        indicators.dhs(frame, **only, strata="v024")


def test_mics_strata_are_areas_of_regions_where_no_column_says_them():
    files = q.mics_files(6, clusters=12, per_cluster=4)
    found = indicators.mics(q.frame(files["hh"]), indicators=["electricity"])
    assert found.notes[1:] == [
        "households: PSU is lacking, so HH1 is taken for the PSU",
        "households: stratum is lacking, so HH6 x HH7 is taken for the stratum",
    ]
    assert found["electricity"][0].design.strata == len({(r["HH6"], r["HH7"]) for r in files["hh"]})


def test_mics_asks_for_the_last_grade_and_the_need():
    files = q.mics_files(6, clusters=12, per_cluster=4)
    found = indicators.mics(hl=q.frame(files["hl"]), wm=q.frame(files["wm"]), single_psu="certainty")
    lacks = found.lacking.set_index("indicator")["lacks"]
    assert lacks["secondary completion"] == "codes={'last_secondary_grade': ...}"
    assert lacks["modern contraception"] == "unmet_need"


def test_an_assessment_takes_a_set():
    frames = {what: q.frame(sample()[what]) for what in ("hr", "pr")}
    found = indicators.dhs(**frames, indicators=["electricity", "stunting"])
    for survey, opportunities in found:
        result = sp.assess(survey, opportunities, replicates=sp.Bootstrap(5))
        assert {row.of for row in result.estimates.rows} >= {o.name for o in opportunities}


# -- the library as data ----------------------------------------------------------------------------------------------


def test_the_table_has_every_indicator_with_all_that_is_said_of_it():
    frame = indicators.table()
    assert frame["name"].tolist() == indicators.names() == list(read_indicators())
    told = frame.drop(columns=["escap_name", "optional"])
    assert not (told == "").any().any()
    assert set(frame["kind"]) == {"access", "barrier"}
    assert set(frame["unit"]) == {"household", "person"}
    in_use = {  # Indicator_info.csv, InUse = Y, of ESCAP's code, and what was added later but for NEET
        *("AccessElectricity", "AllViolence", "BankAccount", "BankAccountPR", "BankCardHH", "BasicWater", "CleanFuel"),
        *("ContraceptiveMethod", "Covid", "EmotionalViolence", "FinancialInclusion", "HigherEducation2535"),
        *("HigherEducation35plus", "InternetUse", "MobilePhone", "MobilePhonePR", "NoSexualViolence", "NotOverweight"),
        *("NotStunting", "NotWasting", "NoViolenceJustifiedAgainstWomen", "Overweight", "PhysicalViolence"),
        *("ProfessionalHelp", "ReasonBeating", "SafeSanitation", "SecondaryEducation2035", "SecondaryEducation35plus"),
        *("SexualPhysicalViolence", "SexualViolence", "Stunting", "Wasting", "EarlyChildhoodEducation"),
    }
    assert in_use <= set(frame["escap_name"])
    assert frame["escap_name"][frame["escap_name"] != ""].is_unique


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_expression_of_a_codebook_is_of_the_language_and_names_what_there_is(program):
    from sp2lnob._builders import _texts
    from sp2lnob._expressions import parse

    book = read_codebook(program)
    for text in _texts(book):
        if text:
            written = book.written(text, book.lists | {"last_secondary_grade": (12,)})
            assert "{" not in written
            parse(written, program)
    for name, listed in book.columns.items():
        kinds = [
            sum(map(bool, (d.yes and not d.any, d.any, d.all, d.negates, d.letters_yes, d.levels, d.value)))
            for d in listed
        ]
        assert set(kinds) == {1}, name
        assert all(d.reading in ("", *READINGS) for d in listed)
    for name in book.indicators:
        for source in book.sources(name, "standard"):
            assert source.outcome in book.columns
            assert source.survey in book.surveys
            assert read_indicators()[name].unit == book.surveys[source.survey]["unit"] or source.circumstances


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_indicator_can_be_explained(program, reading):
    for name in indicators.names(program):
        for rounds in {"dhs": (6, 7, 8), "mics": (5, 6)}.get(program, (0,)):
            if rounds == 5 and name in ("mobile phone", "household internet"):
                continue
            text = indicators.explain(name, program, reading=reading, rounds=rounds)
            assert len(text.splitlines()) >= 4, (name, rounds)
    assert "hv201 in (30, 32, 40, 42, 43, 96)" in indicators.explain("basic water", "dhs")


def test_readings_say_where_escap_differs():
    frame = indicators.table().set_index("name")["readings"]
    assert set(frame) == {"standard", "standard, escap"} or set(frame) == {"standard, escap"}
    assert frame["basic water"] == "standard, escap"


def test_the_import_reads_no_data():
    code = "import sys, sp2lnob; assert 'tomllib' not in sys.modules and 'sp2lnob.indicators' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import sys, sp2lnob as sp; sp.indicators.names(); assert 'pandas' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# -- bad input --------------------------------------------------------------------------------------------------------

HR = {"hv001": [1], "hv002": [1], "hv005": [1e6], "hv012": [2], "hv206": [1], "hv021": [1], "hv023": [1]}
HOMES = {"hid": [1, 2], "hhweight": [1, 1], "n": [1, 1], "fuel": [1, 2], "kind": ["a", "b"]}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: indicators.dhs(), "A file must be given, but none came. Pass one or more of hr, pr, ir, kr, mr."),
        (lambda: indicators.dhs(HR, reading="dhs"), "reading must be one of"),
        (lambda: indicators.dhs(HR, indicators=["water"]), "An indicator of dhs must be one that exists, but 'water'"),
        (lambda: indicators.dhs(HR, codes={"water": [1]}), "A list of codes must be one that exists, but 'water'"),
        (
            lambda: indicators.dhs(HR, codes={"water_improved": []}),
            "Codes of 'water_improved' must be a list",
        ),
        (lambda: indicators.dhs(HR, variables={"hv206": "sh110"}), "The column for 'hv206' must be one that exists"),
        (lambda: indicators.dhs(HR, populations={"women": 1}), "populations must have women and men, but it has"),
        (lambda: indicators.dhs(HR, populations={"boys": 1}), "A population must be one that exists, but 'boys'"),
        (lambda: indicators.mics({"HH1": [1]}), "The round of MICS must be clear, but"),
        (lambda: indicators.names("lsms"), "program must be one of"),
        (lambda: indicators.explain("mobile phone", "hies"), "The indicator must be one that hies has"),
        (lambda: indicators.hies(None, concepts={}), "A file must be given, but none came"),
        (lambda: indicators.hies(HOMES, concepts="zz"), "concepts must be one of"),
        (lambda: indicators.hies(HOMES, concepts={"area": "urb"}), "The concept 'area' must have a column, but"),
        (lambda: indicators.hies(HOMES, concepts={"area": {"column": "fuel"}}), "must have categories, but it has"),
        (
            lambda: indicators.hies(HOMES, concepts={"area": {"column": "urb", "urban": [1]}}),
            "The column of 'area' must be one that exists, but 'urb' does not",
        ),
        (
            lambda: indicators.hies(HOMES, concepts={"area": {"column": "fuel", "town": [1]}}),
            "A category of 'area' must be one that exists, but 'town' does not",
        ),
        (
            lambda: indicators.hies(HOMES, concepts={"area": {"column": "fuel", "urban": [1], "rural": [1]}}),
            "A code of 'area' must be in one category, but '1' is in 'urban' and 'rural'",
        ),
        (
            lambda: indicators.hies(HOMES, concepts={"area": {"column": "kind", "urban": ["c"]}}),
            "A label of 'kind' must be one that exists, but 'c' does not",
        ),
        (
            lambda: indicators.hies(HOMES, concepts={"area": {"column": "kind", "urban": [1]}}),
            "A code of 'kind' must be a text",
        ),
    ],
)
def test_bad_input_is_told(call, message):
    with pytest.raises((sp.InputError, sp.InputTypeError)) as error:
        call()
    assert message in str(error.value)


# -- concepts ---------------------------------------------------------------------------------------------------------


def test_every_concept_makes_its_indicators():
    """Each indicator of a survey of one's own, row by row, with z-scores that came with the file."""
    d = q.Draw(3)
    homes, people = [], []
    for hid in range(1, 241):
        home = {
            "hid": hid,
            "hhweight": 1.0 + hid % 3,
            "ea": 1 + hid // 8,
            "urb": 1 + hid // 8 % 2,
            "pc": 10.0 + (hid * 37) % 91,
        }
        home |= {"el": d.one([1, 2]), "fu": d.one([1, 2, 3, 9]), "wa": d.one([1, 2, 3, 4]), "mi": d.one([5, 30, 31])}
        home |= {
            "to": d.one([1, 2]),
            "sh": d.one([1, 2]),
            "hw": d.one([1, 2]),
            "ba": d.one([1, 2]),
            "ce": d.one([1, 2]),
        }
        home |= {"ne": d.one([1, 2])}
        homes.append(home)
        for _ in range(1 + hid % 5):
            age = int(d.rng.choice([0, 3, 4, 22, 28, 40, 70]))
            person = {
                "hid": hid,
                "sx": d.one([1, 2], none=0),
                "ag": age,
                "ed": d.one([0, 1, 2, 3]),
                "pre": d.one([1, 2]),
            }
            person |= {"mo": 12 * age + 5 if age < 5 else None}
            person |= {
                "ha": float(d.rng.choice([-6.5, -2.1, -2.0, 1.0])),
                "wh": float(d.rng.choice([-5.5, -2.1, 2.0, 2.1])),
            }
            people.append(person)
    for rows in (homes, people):
        for position, row in enumerate(rows):
            row["position"] = position
    yes_no = {"yes": [1], "no": [2]}
    concepts = {
        "electricity": {"column": "el", **yes_no},
        "cooking_fuel": {"column": "fu", "clean": [1], "polluting": [2, 3], "none": [9]},
        "water_source": {"column": "wa", "home": [1], "improved": [2], "unimproved": [3]},
        "water_minutes": {"column": "mi"},
        "toilet": {"column": "to", "improved": [1], "unimproved": [2]},
        "toilet_shared": {"column": "sh", **yes_no},
        "handwashing_place": {"column": "hw", **yes_no},
        "bank": {"column": "ba", **yes_no},
        "mobile": {"column": "ce", **yes_no},
        "internet": {"column": "ne", **yes_no},
        "area": {"column": "urb", "urban": [1], "rural": [2]},
        "gender": {"column": "sx", "male": [1], "female": [2]},
        "years": {"column": "ag"},
        "months": {"column": "mo"},
        "school": {"column": "ed", "lower": [0, 1], "secondary": [2], "higher": [3]},
        "preschool": {"column": "pre", **yes_no},
        "haz": {"column": "ha"},
        "whz": {"column": "wh"},
    }
    found = indicators.hies(q.frame(homes), q.frame(people), concepts=concepts, welfare="pc", psu="ea")
    assert sorted(found.names) == sorted(indicators.names("hies"))
    counted = sum(row["wa"] == 4 for row in homes)
    assert found.unlisted.values.tolist() == [["households", "wa", 4.0, "4", counted]]

    def yes(name):
        return lambda r: {1: 1, 2: 0}.get(r[name])

    def water(r):
        if r["wa"] != 2:
            return {1: 1, 3: 0}.get(r["wa"])
        return None if r["mi"] is None else int(r["mi"] <= 30)

    def toilet(r):
        if r["to"] == 2 or r["sh"] == 1:
            return 0
        return 1 if r["to"] == 1 and r["sh"] == 2 else None

    def z(name, bound, holds):
        return lambda r: int(holds(r[name])) if abs(r[name]) <= bound else None

    def young(r):
        return r["mo"] is not None

    def aged(low, high):
        return lambda r: low <= r["ag"] <= high

    def everybody(_):
        return True

    schooled = {"secondary": lambda r: None if r["ed"] is None else int(r["ed"] >= 2)}
    schooled["higher"] = lambda r: None if r["ed"] is None else int(r["ed"] == 3)
    expected = {
        "electricity": (everybody, yes("el")),
        "clean fuel": (lambda r: r["fu"] != 9, lambda r: {1: 1, 2: 0, 3: 0}.get(r["fu"])),
        "basic water": (everybody, water),
        "improved water": (everybody, lambda r: {1: 1, 2: 1, 3: 0}.get(r["wa"])),
        "basic sanitation": (everybody, toilet),
        "improved sanitation": (everybody, yes("to")),
        "handwashing": (everybody, yes("hw")),
        "household bank account": (everybody, yes("ba")),
        "household mobile phone": (everybody, yes("ce")),
        "household internet": (everybody, yes("ne")),
        "secondary completion": (aged(20, 35), schooled["secondary"]),
        "secondary completion, older": (aged(36, 200), schooled["secondary"]),
        "higher education": (aged(25, 35), schooled["higher"]),
        "higher education, older": (aged(36, 200), schooled["higher"]),
        "early childhood education": (lambda r: r["mo"] is not None and 36 <= r["mo"] <= 59, yes("pre")),
        "stunting": (young, z("ha", 6, lambda v: v < -2)),
        "no stunting": (young, z("ha", 6, lambda v: v >= -2)),
        "wasting": (young, z("wh", 5, lambda v: v < -2)),
        "no wasting": (young, z("wh", 5, lambda v: v >= -2)),
        "overweight": (young, z("wh", 5, lambda v: v > 2)),
        "no overweight": (young, z("wh", 5, lambda v: v <= 2)),
    }
    best = {row["hid"]: [p["ed"] for p in people if p["hid"] == row["hid"] and p["ed"] is not None] for row in homes}
    for name, (counts, outcome) in expected.items():
        survey, opportunity = found[name]
        cells = opportunity.prepare(survey)
        position = survey.column("position", opportunity.unit).values
        rows = homes if opportunity.unit == "household" else people
        educated = "highest_education" in opportunity.circumstances
        known = [r for r in rows if counts(r) and outcome(r) is not None and (not educated or best[r["hid"]])]
        got = dict(zip(position[cells.index].astype(int).tolist(), cells.outcome.tolist(), strict=True))
        assert got == {r["position"]: outcome(r) for r in known}, name
        assert opportunity.circumstances[:2] == ("bottom40", "residence")


def test_one_file_of_persons_with_the_household_repeated_gives_the_same():
    households, persons = sp.example_frames(400)
    concepts = {
        "cooking_fuel": {"column": "cook_fuel", "clean": ["Electricity", "Gas"], "polluting": ["Wood", "Charcoal"]},
        "area": {"column": "urbrur", "urban": "Urban", "rural": "Rural"},
        "school": {"column": "educ", "lower": [0, 1], "secondary": 2, "higher": 3},
        "years": {"column": "age"},
    }
    design = {"welfare": "pc_exp", "psu": "ea", "strata": "region", "person": "pid"}
    two = indicators.hies(households, persons, concepts=concepts, **design)
    both = pd.DataFrame(persons).merge(pd.DataFrame(households), on="hid")
    one = indicators.hies(None, both, concepts=concepts, **design)
    assert one.names == two.names
    assert figures(one) == figures(two)
    assert [o.circumstances for _, listed in one for o in listed] == [
        o.circumstances for _, listed in two for o in listed
    ]
    few = {name: concepts[name] for name in ("cooking_fuel", "area")}
    sized = households | {"n": np.bincount(persons["hid"])[1:]}
    alone = indicators.hies(sized, concepts=few, welfare="pc_exp", size="n")
    assert alone.names == ["clean fuel"]
    assert access(*alone["clean fuel"]) == pytest.approx(access(*two["clean fuel"]), rel=1e-12)
