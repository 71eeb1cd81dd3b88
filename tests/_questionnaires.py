"""Files as the questionnaires of DHS and MICS fill them, and what each indicator is of one row, in plain Python.

Written from the questionnaires, the recode manual and what ESCAP's code does, and not from the codebooks: the two are
compared. A missing value is None; a row is a dict. Every code of a question occurs, with "don't know", "missing" and no
answer, and codes that only some country has.
"""

import numpy as np

WATER = [11, 12, 13, 14, 21, 31, 32, 41, 42, 43, 51, 61, 62, 71, 96]  # of the model questionnaire of DHS-7
TOILET = [11, 12, 13, 14, 15, 21, 22, 23, 31, 41, 42, 43, 96]
FUEL = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 95, 96]
STOVE = [1, 2, 3, 4, 5, 6, 7, 8, 9, 95, 96]


class Draw:
    """Answers drawn from the codes of a question."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def one(self, codes, missing=(), none=0.05):
        """Return a code, now and then one of the missing ones, or no answer at all."""
        u = self.rng.random()
        if u < none:
            return None
        if missing and u < none + 0.06:
            return int(self.rng.choice(list(missing)))
        return int(self.rng.choice(list(codes)))

    def odds(self, share):
        return self.rng.random() < share


def frame(rows):
    """Return rows as a dict of arrays, numbers with NaN for None, and text as it is."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    made = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if any(isinstance(value, str) for value in values):
            made[name] = np.array(values, dtype=object)
        else:
            made[name] = np.array([np.nan if value is None else value for value in values], dtype=float)
    return made


# -- DHS --------------------------------------------------------------------------------------------------------------


def dhs_files(phase=7, seed=1, clusters=24, per_cluster=12):
    """Return rows of HR, PR, IR, KR and MR."""
    d, able = Draw(seed), Draw(seed + 100)
    hr, pr, ir, kr, mr = [], [], [], [], []
    for cluster in range(1, clusters + 1):
        for number in range(1, per_cluster + 1):
            design = {"hv001": cluster, "hv002": number, "hv021": cluster, "hv023": 1 + (cluster - 1) // 6}
            weight = 500000 + 50000 * cluster
            house = {
                "hv000": f"ZZ{phase}",
                **design,
                "hv005": weight,
                "hv025": d.one([1, 2], none=0),
                "hv270": d.one([1, 2, 3, 4, 5], none=0.02),
                "hv206": d.one([0, 1], [9]),
                "hv201": d.one([*WATER, 92], [99]),
                "hv204": d.one([0, 1, 10, 29, 30, 31, 45, 240, 996, 996], [998, 999]),
                "hv205": d.one([*TOILET, 17], [99]),
                "hv225": d.one([0, 0, 1], [8, 9]),
                "hv226": d.one([*FUEL, 12], [99]),
                "hv230a": d.one([1, 2, 3, 4, 5] if phase >= 7 else [1, 2, 3, 4], [9]),
                "hv230b": d.one([0, 1], [9]),
                "hv232": d.one([0, 1], [9]),
                "hv232c": d.one([0, 1], [9]),
                "hv247": d.one([0, 1], [8, 9]),
                "hv243a": d.one([0, 1], [9]),
                "hv207": d.one([0, 0, 1], [9]),
                "hv208": d.one([0, 0, 1], [9]),
                "hv221": d.one([0, 0, 1], [9]),
                "hv216": d.one([0, 1, 2, 3], [99]),
            }
            if d.odds(0.2):  # has all that is asked of a household that can sit out an epidemic
                house |= {
                    "hv201": 11,
                    "hv205": 11,
                    "hv225": 0,
                    "hv230a": 1,
                    "hv230b": 1,
                    "hv232": 1,
                    "hv207": 1,
                    "hv216": 3,
                }
            if phase >= 8:
                house["hv222"] = d.one(STOVE, [99])
                house["hv223"] = d.one([1, 2, 3, 4, 8], [99]) if house["hv222"] in (6, 7, 8, 9) else None
            members = []
            for line in range(1, 2 + int(d.rng.integers(1, 6))):
                age = int(d.rng.choice([0, 2, 3, 4, 5, 6, 15, 19, 20, 24, 25, 34, 35, 36, 49, 50, 59, 60, 97, 98]))
                person = {
                    **house,
                    "hvidx": line,
                    "hv102": int(d.odds(0.9)),
                    "hv103": int(d.odds(0.9)),
                    "hv104": d.one([1, 2], none=0.01),
                    "hv105": age,
                    "hv106": d.one([0, 1, 2, 3], [8]),
                    "hv109": d.one([0, 1, 2, 3, 4, 5], [8, 9]),
                }
                if age >= 5:
                    person |= {
                        f"hdis{k}": able.one([1, 1, 1, 1, 2, 2, 3, 4], [8], none=0.01) for k in (2, 4, 5, 6, 7, 8)
                    }
                if age < 6:
                    person["hc1"] = min(12 * age + int(d.rng.integers(0, 12)), 71)
                    person["hc13"] = d.one([0, 0, 0, 0, 2, 3, 6], none=0)
                    person["hc61"] = d.one([0, 1, 2, 3], [9])
                    person["hc70"] = d.one([-601, -600, -350, -201, -200, -199, 0, 150, 600, 601], [9996, 9998, 9999])
                    person["hc72"] = d.one([-501, -500, -201, -200, 0, 199, 200, 201, 500, 501], [9996, 9998, 9999])
                members.append(person)
            house["hv009"], house["hv012"] = len(members), sum(p["hv102"] for p in members)
            pr += members
            hr.append(house)
            for person in members:
                respondent = {
                    "v000": house["hv000"],
                    "v001": cluster,
                    "v002": number,
                    "v003": person["hvidx"],
                    "v005": weight,
                    "v021": cluster,
                    "v023": design["hv023"],
                    "v025": house["hv025"],
                    "v190": house["hv270"],
                    "v012": person["hv105"],
                    "v106": d.one([0, 1, 2, 3], [9]),
                    "v502": d.one([0, 1, 1, 2], none=0.01),
                    "v201": int(d.rng.integers(0, 5)),
                    "v169a": d.one([0, 1], [9]),
                    "v170": d.one([0, 1], [9]),
                    "v171a": d.one([0, 1, 2, 3], [9]),
                }
                respondent["v169b"] = d.one([0, 1], [9]) if respondent["v169a"] == 1 else None
                if person["hv104"] == 1 and 15 <= person["hv105"] <= 59:
                    man = {f"m{name}": value for name, value in respondent.items()}
                    man["mv005"] = 2 * weight
                    mr.append(man)
                if person["hv104"] != 2 or not 15 <= person["hv105"] <= 49:
                    continue
                selected = d.one([0, 1, 1, 1, 2], none=0)
                suffered = [0, 3] if d.odds(0.6) else [0, 0, 0, 1, 2, 3, 4]
                woman = respondent | {
                    "v135": d.one([1, 1, 1, 2], none=0),
                    "v119": d.one([0, 1], [7, 9]),
                    "v113": d.one(WATER, [97, 99]),
                    "v115": d.one([0, 30, 31, 996], [998]),
                    "v116": d.one(TOILET, [97, 99]),
                    "v160": d.one([0, 1], [7, 9]),
                    "v161": d.one(FUEL, [97, 99]),
                    "v044": selected,
                    "d005": weight + 7 if selected == 1 else None,
                    "v313": d.one([0, 1, 2, 3, 3], none=0.02),
                    "v626a": d.one([0, 1, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9], [99]),
                    **{f"v744{c}": d.one([0, 0, 0, 1], [8, 9], none=0.02) for c in "abcde"},
                    **{
                        item: d.one(suffered, none=0.02) if selected == 1 else None
                        for item in [f"d103{c}" for c in "abc"] + [f"d105{c}" for c in "abcdefhijk"]
                    },
                }
                births = int(d.rng.integers(0, 4))
                for birth in range(1, 4):
                    here = birth <= births
                    woman[f"midx_{birth}"] = birth if here else None
                    if phase >= 8:  # a pregnancy, of which the latest live birth is one at most
                        latest = here and birth == min(births, 1 + woman["v003"] % 2)
                        woman[f"m80_{birth}"] = (1 if latest else d.one([2, 3, 4, 5], none=0)) if here else None
                    for who in "abc":
                        woman[f"m3{who}_{birth}"] = d.one([0, 0, 1], [9], none=0.03) if here else None
                ir.append(woman)
                for _ in range(births):
                    child = {
                        name: value
                        for name, value in woman.items()
                        if name.startswith("v0") or name in ("v106", "v190")
                    }
                    child |= {
                        "b4": d.one([1, 2], none=0),
                        "b5": int(d.odds(0.95)),
                        "b8": int(d.rng.integers(0, 5)),
                        "b9": int(d.odds(0.05)),
                        "s572": d.one([0, 1], [8, 9]),
                    }
                    kr.append(child)
    files = {"hr": hr, "pr": pr, "ir": ir, "kr": kr, "mr": mr}
    for what, rows in files.items():
        for position, row in enumerate(rows):
            row["mposition" if what == "mr" else "position"] = position
    return files


def flag(yes, no):
    """Return 1 where yes, 0 where no, and None where neither."""
    return 1 if yes else 0 if no else None


def band(value, low, high):
    return value is not None and low <= value <= high


class DhsRow:
    """What the indicators and circumstances are of a row; ``files`` are the rows of all files."""

    def __init__(self, files, phase, reading):
        self.phase, self.escap = phase, reading == "escap"
        self.members = {}
        for row in files["pr"]:
            self.members.setdefault((row["hv001"], row["hv002"]), []).append(row)

    def home(self, row):
        first, second = ("hv001", "hv002") if "hv001" in row else ("v001", "v002")
        return self.members[row[first], row[second]]

    # circumstances

    def wealth(self, row):
        quintile = row.get("hv270", row.get("v190"))
        if self.escap:
            return "Bottom 40" if quintile in (0, 1, 2) else "Top 60"
        return None if quintile is None else "Bottom 40" if quintile <= 2 else "Top 60"

    def residence(self, row):
        return "Urban" if row.get("hv025", row.get("v025")) == 1 else "Rural"

    def highest_education(self, row):
        levels = [p["hv106"] for p in self.home(row)]
        if 3 in levels:
            return "Higher"
        if 2 in levels:
            return "Secondary"
        return "Lower" if self.escap or 0 in levels or 1 in levels else None

    def disability(self, row):
        """Return the Washington Group's cut; respondents are members of their household by their line."""
        if "v003" in row:
            row = next(p for p in self.home(row) if p["hvidx"] == row["v003"])
        answers = [row[f"hdis{k}"] for k in (2, 4, 5, 6, 7, 8)]
        if 3 in answers or 4 in answers:
            return "With disability"
        return None if None in answers or 8 in answers else "Without disability"

    def level(self, code):
        if self.escap:
            return {2: "Secondary", 3: "Higher"}.get(code, "Lower")
        return {0: "Lower", 1: "Lower", 2: "Secondary", 3: "Higher"}.get(code)

    def education(self, row):
        return self.level(row["v106"])

    def mother_education(self, row):
        return self.level(row["v106"] if "b8" in row else row.get("hc61"))

    def attainment(self, row):
        found = {0: "Lower", 1: "Lower", 2: "Lower", 3: "Secondary", 4: "Secondary", 5: "Higher"}.get(row["hv109"])
        return found or ("Lower" if self.escap else None)

    def sex(self, row):
        if "man" in row:
            return "Male" if row["man"] else "Female"
        code = row["b4"] if "b4" in row else row["hv104"]
        if self.escap:
            return "Female" if code == 2 else "Male"
        return {1: "Male", 2: "Female"}.get(code)

    def age_group(self, row):
        age = row["v012"]
        if age < 25:
            return "15-24"
        return "25-34" if age < 35 else "35+" if self.escap else "35-49"

    def age_group_member(self, row):
        age = row["hv105"]
        return None if age >= 98 else "0-24" if age < 25 else "25-59" if age < 60 else "60+"

    def marital_status(self, row):
        return {0: "Never in union", 1: "In union", 2: "Formerly in union"}.get(row["v502"])

    def children_ever_born(self, row):
        return str(row["v201"])

    def children_under_5(self, row):
        last = 5 if self.escap else 4
        return str(sum(p["hv105"] <= last for p in self.home(row)))

    # households

    def electricity(self, row):
        if self.escap:
            return int(row["hv206"] == 1)
        return {0: 0, 1: 1}.get(row["hv206"])

    def clean_fuel(self, row):
        if self.escap:
            return int(row["hv226"] in (1, 2, 3, 4))
        if self.phase >= 8:
            stove, fuel = row["hv222"], row["hv223"]
            if stove == 6:  # liquid: clean if it is alcohol
                return None if fuel in (None, 99) else int(fuel == 1)
            return flag(stove in (1, 2, 3, 4, 5), stove in (7, 8, 9, 96))
        return flag(row["hv226"] in (1, 2, 3, 4), row["hv226"] in (5, 6, 7, 8, 9, 10, 11, 96))

    def cooks(self, row):
        return (row["hv222"] if self.phase >= 8 else row["hv226"]) != 95

    def improved_water(self, row):
        source = row["hv201"]
        if self.escap:
            return int(source not in (32, 33, 34, 35, 42, 43, 44, 45, 46, 61, 62, 91, 96))
        return flag(source in (11, 12, 13, 14, 21, 31, 41, 51, 61, 62, 71), source in (32, 42, 43, 96))

    def basic_water(self, row):
        improved, minutes = self.improved_water(row), row["hv204"]
        if self.escap:
            minutes = 0 if minutes == 996 else minutes
            return int(improved == 1 and (minutes is None or minutes < 30))
        if improved != 1:
            return improved
        if row["hv201"] in (11, 12) or minutes == 996:
            return 1
        return None if minutes is None or minutes >= 996 else int(minutes <= 30)

    def water_on_site(self, row):
        improved, minutes = self.improved_water(row), row["hv204"]
        if self.escap:
            minutes = 0 if minutes == 996 else minutes
            return int(improved == 1 and (minutes is None or minutes < 1))
        if improved != 1:
            return improved
        if row["hv201"] in (11, 12) or minutes in (0, 996):
            return 1
        return None if minutes is None or minutes >= 996 else 0

    def improved_sanitation(self, row):
        kind = row["hv205"]
        if self.escap:
            return int(kind not in (14, 15, 23, 30, 31, 32, 42, 43, 51, 61, 96))
        return flag(kind in (11, 12, 13, 15, 21, 22, 41), kind in (14, 23, 31, 42, 43, 96))

    def basic_sanitation(self, row):
        improved, shared = self.improved_sanitation(row), row["hv225"]
        if self.escap:
            return int(improved == 1 and shared != 1)
        if improved == 0 or shared == 1:
            return 0
        return 1 if improved == 1 and shared == 0 else None

    def handwashing(self, row):
        place, water, soap = row["hv230a"], row["hv230b"], row["hv232"]
        seen, none = ((1, 2), 3) if self.phase >= 7 else ((1,), 2)
        if self.escap:
            return int(place in seen and water == 1 and (soap == 1 or row["hv232c"] == 1))
        if place == none:
            return 0
        if place not in seen:
            return None
        if water == 0 or soap == 0:
            return 0
        return 1 if water == 1 and soap == 1 else None

    def household_bank_account(self, row):
        return int(row["hv247"] == 1) if self.escap else {0: 0, 1: 1}.get(row["hv247"])

    def household_mobile_phone(self, row):
        return int(row["hv243a"] == 1) if self.escap else {0: 0, 1: 1}.get(row["hv243a"])

    # members

    def mobile_phone_at_home(self, row):
        phone = row["hv243a"]
        if self.escap:
            return None if phone is None else int(phone == 1)
        return {0: 0, 1: 1}.get(phone)

    def learning_at_home(self, row):
        means = [row["hv207"], row["hv208"], row["hv221"], row["hv243a"]]
        if 1 in means:
            return 1
        return 0 if self.escap or all(m == 0 for m in means) else None

    def room_to_sleep(self, row):
        sleepers = sum(p["hv105"] > 2 for p in self.home(row))
        rooms = row["hv216"]
        if rooms in (None, 0, 99):
            return int(sleepers <= 2) if self.escap else None
        return int(sleepers / rooms <= 2)

    def covid_readiness(self, row):
        parts = [
            self.learning_at_home(row),
            self.water_on_site(row),
            self.handwashing(row),
            self.room_to_sleep(row),
            self.basic_sanitation(row),
        ]
        if 0 in parts:
            return 0
        return None if None in parts else 1

    def secondary_completion(self, row):
        if self.escap:
            return int(row["hv109"] in (4, 5))
        return {0: 0, 1: 0, 2: 0, 3: 0, 4: 1, 5: 1}.get(row["hv109"])

    def higher_education(self, row):
        if self.escap:
            return int(row["hv109"] == 5)
        return {0: 0, 1: 0, 2: 0, 3: 0, 4: 0, 5: 1}.get(row["hv109"])

    def z(self, row, name, bound):
        value = row.get(name)
        return value / 100 if value is not None and abs(value) <= 100 * bound else None

    def stunting(self, row):
        z = self.z(row, "hc70", 6)
        return None if z is None else int(z <= -2 if self.escap else z < -2)

    def wasting(self, row):
        z = self.z(row, "hc72", 6 if self.escap else 5)
        return None if z is None else int(z <= -2 if self.escap else z < -2)

    def overweight(self, row):
        z = self.z(row, "hc72", 6 if self.escap else 5)
        return None if z is None else int(z >= 2 if self.escap else z > 2)

    def measured(self, row):
        if self.escap:
            return row["hv105"] <= 5 and row.get("hc13") == 0
        return row["hv103"] == 1 and band(row.get("hc1"), 0, 59) and row["hc13"] == 0

    # women and men

    def early_childhood_education(self, row):
        return int(row["s572"] == 1) if self.escap else {0: 0, 1: 1}.get(row["s572"])

    def skilled_birth_attendance(self, row):
        births = (1, 2, 3) if self.escap else (1,)
        if self.phase >= 8 and not self.escap:
            births = [birth for birth in (1, 2, 3) if row[f"m80_{birth}"] == 1]
        answers = [row[f"m3{who}_{birth}"] for who in "abc" for birth in births]
        if 1 in answers:
            return 1
        return 0 if self.escap or all(a == 0 for a in answers) else None

    def modern_contraception(self, row):
        if self.escap:
            return int(row["v313"] == 3)
        if row["v626a"] in (1, 2):
            return 0
        return {1: 0, 2: 0, 3: 1}.get(row["v313"])

    def internet_use(self, row):
        return int(row["v171a"] == 1) if self.escap else {0: 0, 1: 1, 2: 0}.get(row["v171a"])

    def mobile_phone(self, row):
        owns = row["v169a"]
        if self.escap:
            return None if owns is None else int(owns == 1)
        return {0: 0, 1: 1}.get(owns)

    def bank_account(self, row):
        has = row["v170"]
        if self.escap:
            return None if has is None else int(has == 1)
        return {0: 0, 1: 1}.get(has)

    def financial_inclusion(self, row):
        account, pays = row["v170"], row["v169b"]
        if self.escap:
            return None if account is None or pays is None else int(account == 1 or pays == 1)
        if account == 1 or pays == 1:
            return 1
        return 0 if account == 0 and (pays == 0 or row["v169a"] == 0) else None

    def suffered(self, row, items, drop=False):
        answers = [row[item] for item in items]
        if drop and None in answers:
            return None
        if any(a in (1, 2) for a in answers):
            return 1
        return 0 if self.escap or all(a in (0, 3) for a in answers) else None

    PHYSICAL = tuple(f"d105{c}" for c in "abcdefj")
    SEXUAL = ("d105h", "d105i", "d105k")
    EMOTIONAL = ("d103a", "d103b", "d103c")

    def physical_violence(self, row):
        return self.suffered(row, self.PHYSICAL, drop=self.escap)

    def sexual_violence(self, row):
        return self.suffered(row, self.SEXUAL)

    def emotional_violence(self, row):
        return self.suffered(row, self.EMOTIONAL)

    def physical_or_sexual_violence(self, row):
        return self.suffered(row, self.PHYSICAL + self.SEXUAL)

    def any_violence(self, row):
        return self.suffered(row, self.PHYSICAL + self.SEXUAL + self.EMOTIONAL)

    def beating_justified(self, row):
        answers = [row[f"v744{c}"] for c in "abcde"]
        if 1 in answers:
            return 1
        if self.escap:
            return None if all(a is None for a in answers) else 0
        return 0 if all(a in (0, 8) for a in answers) else None


def dhs_indicators(row, files, escap):
    """Return (rows, who counts, outcome) of every indicator; ``row`` is a DhsRow."""

    def usual(person):
        return escap or person["hv102"] == 1

    def aged(low, high):
        return lambda person: (escap or person["hv103"] == 1) and band(person["hv105"], low, high)

    def everybody(_):
        return True

    def absence(outcome):
        return lambda r: None if (found := outcome(r)) is None else 1 - found

    homes = [house for house in files["hr"] if escap or house["hv012"] > 0]
    members, women, children = files["pr"], files["ir"], files["kr"]
    men = [{name[1:]: value for name, value in m.items()} for m in files["mr"]]
    both = [w | {"man": 0} for w in women] + [m | {"man": 1, "position": 10**6 + m["position"]} for m in men]
    adults = [r for r in both if escap or r["v012"] <= 49]

    def asked(woman):
        return woman["v044"] == 1 and woman["v502"] in (1, 2)

    def in_need(woman):
        if escap:
            return woman["v626a"] in (1, 2, 3, 4, 5, 6)
        return woman["v502"] == 1 and woman["v626a"] in (1, 2, 3, 4)

    last = 10**9 if escap else 97
    return {
        "electricity": (homes, everybody, row.electricity),
        "clean fuel": (homes, everybody if escap else row.cooks, row.clean_fuel),
        "basic water": (homes, everybody, row.basic_water),
        "improved water": (homes, everybody, row.improved_water),
        "basic sanitation": (homes, everybody, row.basic_sanitation),
        "improved sanitation": (homes, everybody, row.improved_sanitation),
        "handwashing": (homes, everybody, row.handwashing),
        "household bank account": (homes, everybody, row.household_bank_account),
        "household mobile phone": (homes, everybody, row.household_mobile_phone),
        "mobile phone at home": (members, usual, row.mobile_phone_at_home),
        "bank account at home": (members, usual, row.household_bank_account),
        "covid readiness": (members, usual, row.covid_readiness),
        "learning at home": (members, usual, row.learning_at_home),
        "water on site": (members, usual, row.water_on_site),
        "handwashing at home": (members, usual, row.handwashing),
        "room to sleep": (members, usual, row.room_to_sleep),
        "toilet at home": (members, usual, row.basic_sanitation),
        "secondary completion": (members, aged(20, 35), row.secondary_completion),
        "secondary completion, older": (members, aged(36, last), row.secondary_completion),
        "higher education": (members, aged(25, 35), row.higher_education),
        "higher education, older": (members, aged(36, last), row.higher_education),
        "stunting": (members, row.measured, row.stunting),
        "no stunting": (members, row.measured, absence(row.stunting)),
        "wasting": (members, row.measured, row.wasting),
        "no wasting": (members, row.measured, absence(row.wasting)),
        "overweight": (members, row.measured, row.overweight),
        "no overweight": (members, row.measured, absence(row.overweight)),
        "early childhood education": (
            children,
            lambda c: c["b5"] == 1 and c["b9"] == 0 and c["b8"] in (3, 4),
            row.early_childhood_education,
        ),
        "skilled birth attendance": (women, lambda w: w["midx_1"] is not None, row.skilled_birth_attendance),
        "modern contraception": (women, in_need, row.modern_contraception),
        "internet use": (adults, everybody, row.internet_use),
        "mobile phone": ([w | {"man": 0} for w in women] if escap else adults, everybody, row.mobile_phone),
        "bank account": (adults, everybody, row.bank_account),
        "financial inclusion": (adults, everybody, row.financial_inclusion),
        "physical violence": (women, asked, row.physical_violence),
        "sexual violence": (women, asked, row.sexual_violence),
        "no sexual violence": (women, asked, absence(row.sexual_violence)),
        "emotional violence": (women, asked, row.emotional_violence),
        "physical or sexual violence": (women, asked, row.physical_or_sexual_violence),
        "any violence": (women, asked, row.any_violence),
        "beating justified": (women, everybody, row.beating_justified),
        "beating not justified": (women, everybody, absence(row.beating_justified)),
    }


# -- MICS -------------------------------------------------------------------------------------------------------------

MICS_WATER = [11, 12, 13, 14, 21, 31, 32, 41, 42, 51, 61, 71, 81, 91, 96]
MICS6_TOILET = [11, 12, 13, 14, 18, 21, 22, 23, 31, 41, 51, 95, 96]
MICS5_TOILET = [11, 12, 13, 14, 15, 21, 22, 23, 31, 41, 51, 95, 96]
ATTENDANTS = "ABCFGHXY"
METHODS = "ABCDEFGHIJKLMX"


def letters(d, prefix, known, share=0.25):
    """Return answers of which several may be given: the letter where it was, and a blank where not."""
    return {f"{prefix}{letter}": letter if d.odds(share) else " " for letter in known}


def mics_files(round=6, seed=2, clusters=24, per_cluster=12):
    """Return rows of hh, hl, wm, ch and mn."""
    d, able, new = Draw(seed), Draw(seed + 100), round == 6
    hh, hl, wm, ch, mn = [], [], [], [], []
    for cluster in range(1, clusters + 1):
        for number in range(1, per_cluster + 1):
            done = d.odds(0.95)
            place = {"HH1": cluster, "HH2": number, "HH6": 1 + cluster % 2, "HH7": 1 + (cluster - 1) // 6}
            place["windex5"] = d.one([1, 2, 3, 4, 5], none=0) if done else 0
            weight = (0.5 + 0.05 * cluster) if done else 0.0
            ages = [
                int(a)
                for a in d.rng.choice(
                    [0, 2, 3, 4, 5, 6, 15, 19, 20, 24, 25, 34, 35, 36, 49, 58, 59, 60, 97, 98], d.rng.integers(1, 6)
                )
            ]
            house = {**place, "hhweight": weight, "WS1": d.one([*MICS_WATER, 63], [99])}
            house["WS3"] = d.one([1, 2, 3, 3], [9])
            house["WS4"] = d.one([0, 10, 29, 30, 31, 60], [998, 999])
            if new:
                house |= {
                    "HH46": 1 if done else 2,
                    "HH48": len(ages) if done else None,
                    "HH51": sum(a < 5 for a in ages) if done else None,
                    "WS2": d.one([11, 13, 32], [99]) if house["WS1"] == 91 else None,
                    "HC3": d.one([1, 2, 3], [98, 99]),
                    "HC7A": d.one([1, 2, 2], [9]),
                    "HC7B": d.one([1, 2, 2], [9]),
                    "HC8": d.one([1, 2, 3], [9]),
                    "HC9A": d.one([1, 2, 2], [9]),
                    "HC12": d.one([1, 2, 2], [9]),
                    "HC13": d.one([1, 2, 2], [9]),
                    "HC19": d.one([1, 2], [8, 9]),
                    "EU1": d.one([1, 2, 3, 4, 5, 6, 6, 7, 8, 9, 96, 97], [99]),
                    "WS11": d.one([*MICS6_TOILET, 25], [99]),
                    "WS15": d.one([1, 2, 2], [9]),
                    "HW1": d.one([1, 2, 3, 4, 5, 6], [9]),
                    "HW2": d.one([1, 2], [9]),
                    "HW3": d.one([1, 2], [9]),
                }
                house["EU4"] = d.one([1, 2, 3, 4, 8], [99]) if house["EU1"] in (6, 7, 8, 9) else None
            else:
                house |= {
                    "HH9": 1 if done else 2,
                    "HH11": len(ages) if done else None,
                    "HH14": sum(a < 5 for a in ages) if done else None,
                    "HC2": d.one([1, 2, 3], [98, 99]),
                    "HC6": d.one([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 95, 96], [99]),
                    "HC8A": d.one([1, 2], [9]),
                    "HC8B": d.one([1, 2, 2], [9]),
                    "HC8C": d.one([1, 2, 2], [9]),
                    "HC8D": d.one([1, 2, 2], [9]),
                    "HC9B": d.one([1, 2, 2], [9]),
                    "HC15": d.one([1, 2], [8, 9]),
                    "WS8": d.one([*MICS5_TOILET, 25], [99]),
                    "WS9": d.one([1, 2, 2], [9]),
                    "HW1": d.one([1, 2, 3, 6], [9]),
                    "HW2": d.one([1, 2], [9]),
                    **letters(d, "HW3", "ABCDY"),
                }
            if d.odds(0.25):
                house |= {"WS1": 11, "WS3": None, "WS4": None, "HW1": 1, "HW2": 1}
                house |= (
                    {"WS11": 11, "WS15": 2, "HW3": 1, "HC7B": 1, "HC3": 3}
                    if new
                    else {"WS8": 11, "WS9": 2, "HW3A": "A", "HC8B": 1, "HC2": 3}
                )
            hh.append(house)
            if not done:
                continue
            for line, age in enumerate(ages, 1):
                sex = d.one([1, 2], none=0.01)
                person = {**place, "LN": line, "hhweight": weight, "HL4": sex, "HL6": age}
                ever = d.one([1, 1, 1, 2], [9])
                if new:
                    person |= {"ED4": ever, "ED5A": d.one([0, 1, 2, 3, 3, 4], [8, 9]) if ever == 1 else None}
                    person["ED5B"] = d.one([1, 2, 3], [98, 99]) if ever == 1 else None
                    person["ED6"] = d.one([1, 1, 2], [8]) if ever == 1 else None
                else:
                    person |= {"ED3": ever, "ED4A": d.one([0, 1, 2, 2, 3], [8, 9]) if ever == 1 else None}
                    person["ED4B"] = d.one([1, 5, 6], [98, 99]) if ever == 1 else None
                hl.append(person)
                if age <= 5:
                    child = {
                        **place,
                        "LN": line,
                        "chweight": weight,
                        "HL4": sex,
                        "CAGE": 12 * age + (int(d.rng.integers(0, 12)) if age < 5 else 0),
                    }
                    child["HAZ2"] = float(
                        d.rng.choice([-6.01, -6, -5.99, -2.01, -2, -1.99, 0, 1.5, 6, 6.01, 99.97, 99.99])
                    )
                    child["WHZ2"] = float(d.rng.choice([-6.5, -5.01, -5, -2.01, -2, 0, 2, 2.01, 5, 5.5, 6.5, 99.98]))
                    child["melevel"] = d.one([0, 1, 2, 3, 4] if new else [1, 2, 3, 4], [9])
                    if new:
                        child |= {"UF17": d.one([1, 1, 1, 1, 2], none=0), "UB6": d.one([1, 1, 2], [9])}
                        child["UB8"] = d.one([1, 2], [9]) if child["UB6"] == 1 else None
                    else:
                        child |= {"UF9": d.one([1, 1, 1, 1, 2], none=0), "EC5": d.one([1, 2], [8, 9])}
                    ch.append(child)
                if not 15 <= age <= 49:
                    continue
                attended = d.one([1, 1, 1, 2], [9])
                answers = {"MT9": d.one([1, 1, 2], [9])}
                if new:
                    answers |= {"WM17": d.one([1, 1, 1, 1, 2], none=0), "WB4": age, "WB5": attended}
                    answers["WB6A"] = d.one([0, 1, 2, 3, 4], [8, 9]) if attended == 1 else None
                    answers["MT10"] = d.one([0, 1, 2, 3], [9]) if answers["MT9"] == 1 else None
                    answers["MT11"] = d.one([1, 2], [9])
                    for k in (6, 8, 9, 10, 11, 12):
                        answers[f"AF{k}"] = able.one([1, 1, 1, 1, 2, 2, 3, 4], [9], none=0.01) if age >= 18 else None
                else:
                    answers |= {"WM7": d.one([1, 1, 1, 1, 2], none=0), "WB2": age, "WB3": attended}
                    answers["WB4"] = d.one([0, 1, 2, 3], [8, 9]) if attended == 1 else None
                    answers["MT10"] = d.one([1, 2], [9]) if answers["MT9"] == 1 else None
                answers["MSTATUS"] = d.one([1, 1, 2, 3], [9])
                if sex == 1:
                    man = {f"M{name}": value for name, value in answers.items()}
                    mn.append({**place, "LN": line, "mnweight": 2 * weight, **man})
                if sex != 2:
                    continue
                recent = d.odds(0.5)
                attendants = letters(d, "MN19" if new else "MN17", ATTENDANTS) if recent else {}
                private, suffered = d.one([1, 1, 2], none=0), [3] if d.odds(0.6) else [1, 2, 3]
                woman = {**place, "LN": line, "wmweight": weight, **answers, "CEB": int(d.rng.integers(0, 4))}
                woman["MN20" if new else "MN18"] = d.one([11, 21, 31], none=0) if recent else None
                woman |= {"CM17": 1 if recent else 0} if new else {"CM13": "Y" if recent else "N"}
                woman |= attendants
                woman |= letters(d, "CP4" if new else "CP3", METHODS, 0.1)
                woman["unmet"] = d.one([0, 1, 2, 3, 3, 4, 4], [9])
                woman |= {f"DV1{c}": d.one([1, 2, 2, 2, 2], [8, 9], none=0.02) for c in "ABCDE"}
                woman |= {"DVD1": private, "DVWEIGHT": 1.5 * weight if private == 1 else None}
                woman |= {"MA1": d.one([1, 2, 3], [9]), "MA5": d.one([1, 2, 3], [9])}
                for item in [f"DVD5{c}" for c in "ABCDEFGHIJ"] + [f"DVD4{c}" for c in "ABC"]:
                    woman[item] = d.one([1, 2, 2], [9], none=0.02)
                    woman[f"{item}1"] = d.one(suffered, none=0.02) if woman[item] == 1 else None
                wm.append(woman)
    files = {"hh": hh, "hl": hl, "wm": wm, "ch": ch, "mn": mn}
    for what, rows in files.items():
        for position, row in enumerate(rows):
            row["Mposition" if what == "mn" else "position"] = position
    return files


class MicsRow:
    """What the indicators and circumstances are of a row of MICS."""

    def __init__(self, files, round, reading):
        self.new, self.escap = round == 6, reading == "escap"
        self.houses = {(row["HH1"], row["HH2"]): row for row in files["hh"]}
        self.members = {}
        for row in files["hl"]:
            self.members.setdefault((row["HH1"], row["HH2"]), []).append(row)

    def house(self, row):
        return self.houses[row["HH1"], row["HH2"]]

    def home(self, row):
        return self.members[row["HH1"], row["HH2"]]

    # circumstances

    def wealth(self, row):
        if row["windex5"] == 0 and not self.escap:
            return None
        return "Bottom 40" if row["windex5"] in (1, 2) else "Top 60"

    def residence(self, row):
        return "Urban" if row["HH6"] == 1 else "Rural"

    def disability(self, row):
        answers = [row[f"AF{k}"] for k in (6, 8, 9, 10, 11, 12)]
        if 3 in answers or 4 in answers:
            return "With disability"
        return "Without disability" if self.escap or not {None, 9} & set(answers) else None

    def schooling(self, level, ever):
        """Return the category of a level attended; MICS4 and MICS5 have one level of secondary school."""
        if level == (4 if self.new else 3):
            return "Higher"
        if level in ((2, 3) if self.new else (2,)):
            return "Secondary"
        return "Lower" if self.escap or level in (0, 1) or ever == 2 else None

    def attainment(self, row):
        return self.schooling(row["ED5A"], row["ED4"]) if self.new else self.schooling(row["ED4A"], row["ED3"])

    def education(self, row):
        return self.schooling(row["WB6A"], row["WB5"]) if self.new else self.schooling(row["WB4"], row["WB3"])

    def highest_education(self, row):
        found = [self.attainment(person) for person in self.home(row)]
        return next((level for level in ("Higher", "Secondary", "Lower") if level in found), None)

    def mother_education(self, row):
        known = {0: "Lower", 1: "Lower", 2: "Secondary", 3: "Secondary", 4: "Higher"}
        if not self.new:
            known = {1: "Lower", 2: "Lower", 3: "Secondary", 4: "Higher"}
        return known.get(row["melevel"], "Lower" if self.escap else None)

    def sex(self, row):
        if "man" in row:
            return "Male" if row["man"] else "Female"
        return {1: "Male", 2: "Female"}.get(row["HL4"], "Male" if self.escap else None)

    def age_group(self, row):
        age = row["WB4"] if self.new else row["WB2"]
        return "15-24" if age < 25 else "25-34" if age < 35 else "35-49"

    def age_group_member(self, row):
        age = row["HL6"]
        if age == 98 or (self.escap and age == 59):
            return None
        return "0-24" if age < 25 else "25-59" if age < 60 else "60+"

    def marital_status(self, row):
        known = {1: "In union", 2: "Formerly in union", 3: "Never in union"}
        return known.get(row["MSTATUS"], "Never in union" if self.escap else None)

    def children_ever_born(self, row):
        return str(row["CEB"])

    def children_under_5(self, row):
        return str(sum(p["HL6"] < 5 for p in self.home(row)))

    # households

    def yes_no(self, value):
        """Return 1 for yes and 0 for no; ESCAP drops who gave no answer, and counts any other as no."""
        if self.escap:
            return None if value is None else int(value == 1)
        return {1: 1, 2: 0}.get(value)

    def electricity(self, row):
        if not self.new:
            return self.yes_no(row["HC8A"])
        if self.escap:
            return None if row["HC8"] is None else int(row["HC8"] in (1, 2))
        return {1: 1, 2: 1, 3: 0}.get(row["HC8"])

    def clean_fuel(self, row):
        code = row["EU1"] if self.new else row["HC6"]
        if self.escap:
            return None if code is None else int(code in (1, 2, 3, 4, 5))
        if not self.new:
            return flag(code in (1, 2, 3, 4), code in (5, 6, 7, 8, 9, 10, 11, 96))
        if code == 6:
            return None if row["EU4"] in (None, 99) else int(row["EU4"] == 1)
        return flag(code in (1, 2, 3, 4, 5), code in (7, 8, 9, 96))

    def cooks(self, row):
        return row["EU1"] != 97 if self.new else row["HC6"] != 95

    def improved_water(self, row):
        source = row["WS1"]
        if self.escap:
            return None if source is None else int(source in (11, 12, 13, 14, 21, 31, 41, 51, 61, 71, 91))
        return flag(source in (11, 12, 13, 14, 21, 31, 41, 51, 61, 71, 91), source in (32, 42, 81, 96))

    def basic_water(self, row):
        improved, place, minutes = self.improved_water(row), row["WS3"], row["WS4"]
        if self.escap:
            return (
                None
                if improved is None
                else int(improved == 1 and not (place == 3 and minutes is not None and minutes >= 30))
            )
        if improved != 1:
            return improved
        if row["WS1"] in (11, 12) or row.get("WS2") in (11, 12) or place in (1, 2):
            return 1
        return None if minutes is None or minutes > 990 else int(minutes <= 30)

    def water_on_site(self, row):
        improved, place, minutes = self.improved_water(row), row["WS3"], row["WS4"]
        if self.escap:
            return None if improved is None else int(improved == 1 and (minutes is None or minutes <= 0))
        if improved != 1:
            return improved
        if row["WS1"] in (11, 12) or row.get("WS2") in (11, 12) or place in (1, 2) or minutes == 0:
            return 1
        return 0 if place == 3 or (minutes is not None and minutes < 990) else None

    def improved_sanitation(self, row):
        kind = row["WS11"] if self.new else row["WS8"]
        if self.escap:
            return None if kind is None else int(kind in (11, 12, 13, 16, 21, 22, 31))
        unknown_place = 18 if self.new else 15
        return flag(kind in (11, 12, 13, unknown_place, 21, 22, 31), kind in (14, 23, 41, 51, 95, 96))

    def basic_sanitation(self, row):
        improved, shared = self.improved_sanitation(row), row["WS15"] if self.new else row["WS9"]
        if self.escap:
            return None if improved is None else int(improved == 1 and shared != 1)
        if improved == 0 or shared == 1:
            return 0
        return 1 if improved == 1 and shared == 2 else None

    def handwashing(self, row):
        place, water = row["HW1"], row["HW2"]
        given = [letter for letter in "ABCDY" if row.get(f"HW3{letter}") == letter]
        soap = {1: 1, 2: 0}.get(row.get("HW3"))
        if not self.new:
            soap = 1 if set(given) & set("ABC") else 0 if given else None
        if self.escap:
            return None if place is None else int(place in (1, 2, 3) and water == 1 and soap == 1)
        if place == (4 if self.new else 2):
            return 0
        if place not in ((1, 2, 3) if self.new else (1,)):
            return None
        if water == 2 or soap == 0:
            return 0
        return 1 if water == 1 and soap == 1 else None

    def household_bank_account(self, row):
        return self.yes_no(row["HC19"] if self.new else row["HC15"])

    def household_mobile_phone(self, row):
        return {1: 1, 2: 0}.get(row["HC12"] if self.new else row["HC9B"])

    def household_internet(self, row):
        return {1: 1, 2: 0}.get(row["HC13"])

    # members

    def learning_at_home(self, row):
        named = ("HC7A", "HC7B", "HC9A", "HC12", "HC13") if self.new else ("HC8B", "HC8C", "HC8D", "HC9B")
        means = [self.house(row)[name] for name in named]
        if 1 in means:
            return 1
        return 0 if self.escap or all(m == 2 for m in means) else None

    def room_to_sleep(self, row):
        rooms = self.house(row)["HC3" if self.new else "HC2"]
        if rooms in (None, 98, 99):
            return None
        return int(sum(p["HL6"] > 2 for p in self.home(row)) / rooms <= 2)

    def covid_readiness(self, row):
        house = self.house(row)
        parts = [
            self.learning_at_home(row),
            self.water_on_site(house),
            self.handwashing(house),
            self.room_to_sleep(row),
            self.basic_sanitation(house),
        ]
        if 0 in parts:
            return 0
        return None if None in parts else 1

    def secondary_completion(self, row):
        """Upper secondary school has 3 grades in MICS6, secondary school 6 in MICS4 and MICS5."""
        if self.new:
            level, grade, ever = row["ED5A"], row["ED5B"], row["ED4"]
            if level == 4:
                return 1
            reached = level == 3 and band(grade, 3, 97 if not self.escap else 89)
            if self.escap:
                return int(reached)
            if reached:
                return {1: 1, 2: 0}.get(row["ED6"])
            return 0 if ever == 2 or level in (0, 1, 2) or (level == 3 and band(grade, 0, 2)) else None
        level, grade, ever = row["ED4A"], row["ED4B"], row["ED3"]
        if level == 3:
            return 1
        reached = level == 2 and band(grade, 6, 97 if not self.escap else 89)
        if self.escap or reached:
            return int(reached)
        return 0 if ever == 2 or level in (0, 1) or (level == 2 and band(grade, 0, 5)) else None

    def higher_education(self, row):
        found = self.attainment(row)
        return None if found is None else int(found == "Higher")

    # children

    def z(self, row, name, bound):
        value = row[name]
        if self.escap:
            return value if -6 < value < 6 else None
        return value if -bound <= value <= bound else None

    def stunting(self, row):
        z = self.z(row, "HAZ2", 6)
        return None if z is None else int(z <= -2 if self.escap else z < -2)

    def wasting(self, row):
        z = self.z(row, "WHZ2", 5)
        return None if z is None else int(z <= -2 if self.escap else z < -2)

    def overweight(self, row):
        z = self.z(row, "WHZ2", 5)
        return None if z is None else int(z >= 2 if self.escap else z > 2)

    def early_childhood_education(self, row):
        attends = row["UB8"] if self.new else row["EC5"]
        if self.escap:
            return int(attends == 1)
        return 0 if row.get("UB6") == 2 else {1: 1, 2: 0}.get(attends)

    # women and men

    def given(self, row, prefix, known):
        return {letter for letter in known if row.get(f"{prefix}{letter}") == letter}

    def skilled_birth_attendance(self, row):
        found = self.given(row, "MN19" if self.new else "MN17", ATTENDANTS)
        if found & set("ABC"):
            return 1
        return 0 if self.escap or found else None

    def modern_contraception(self, row):
        found = self.given(row, "CP4" if self.new else "CP3", METHODS)
        if self.escap:
            return int(bool(found & set("ABCDEFGHIJ")))
        if row["unmet"] in (1, 2):
            return 0
        return int(bool(found & set("ABCDEFGHIJK"))) if found else None

    def internet_use(self, row):
        used = row["MT10"] in ((1, 2, 3) if self.new else (1,))
        if self.escap or used:
            return int(used)
        return 0 if row["MT9"] == 2 or row["MT10"] == (0 if self.new else 2) else None

    def mobile_phone(self, row):
        return self.yes_no(row["MT11"])

    def suffered(self, row, items):
        ever, lately = [row[i] for i in items], [row[f"{i}1"] for i in items]
        if any(a in (1, 2) for a in lately):
            return 1
        return 0 if self.escap or all(e == 2 or a == 3 for e, a in zip(ever, lately, strict=True)) else None

    PHYSICAL = tuple(f"DVD5{c}" for c in "ABCDEFG")
    SEXUAL = tuple(f"DVD5{c}" for c in "HIJ")
    EMOTIONAL = tuple(f"DVD4{c}" for c in "ABC")

    def beating_justified(self, row):
        answers = [row[f"DV1{c}"] for c in "ABCDE"]
        if 1 in answers:
            return 1
        return 0 if self.escap or all(a in (2, 8) for a in answers) else None


def mics_indicators(row, files, round, escap):
    """Return (rows, who counts, outcome) of every indicator; ``row`` is a MicsRow."""
    new = round == 6

    def everybody(_):
        return True

    def absence(outcome):
        return lambda r: None if (found := outcome(r)) is None else 1 - found

    def at_home(outcome):
        return lambda r: outcome(row.house(r))

    def suffered(*kinds):
        return lambda w: row.suffered(w, sum(kinds, ()))

    def aged(low, high):
        return lambda person: band(person["HL6"], low, high)

    def complete(rows, name):
        return [r for r in rows if r[name] == 1]

    homes, members = complete(files["hh"], "HH46" if new else "HH9"), files["hl"]
    children = complete(files["ch"], "UF17" if new else "UF9")
    women = complete(files["wm"], "WM17" if new else "WM7")
    men = [
        {name[1:] if name.startswith("M") else name: v for name, v in m.items()}
        | {"man": 1, "position": 10**6 + m["Mposition"]}
        for m in complete(files["mn"], "MWM17" if new else "MWM7")
    ]
    both = [w | {"man": 0} for w in women] + men
    age = "WB4" if new else "WB2"

    def months(low, high):
        return lambda c: band(c["CAGE"], low, high)

    def asked(w):
        return w["DVD1"] == 1 and (w["MA1"] in (1, 2) or w["MA5"] in (1, 2))

    if escap:

        def birth(w):
            return w["MN20" if new else "MN18"] is not None
    else:

        def birth(w):
            return w["CM17"] == 1 if new else w["CM13"] == "Y"

    under_5, last = months(0, 60 if escap else 59), 10**9 if escap else 97
    made = {
        "electricity": (homes, everybody, row.electricity),
        "clean fuel": (homes, everybody if escap else row.cooks, row.clean_fuel),
        "basic water": (homes, everybody, row.basic_water),
        "improved water": (homes, everybody, row.improved_water),
        "basic sanitation": (homes, everybody, row.basic_sanitation),
        "improved sanitation": (homes, everybody, row.improved_sanitation),
        "handwashing": (homes, everybody, row.handwashing),
        "household bank account": (homes, everybody, row.household_bank_account),
        "household mobile phone": (homes, everybody, row.household_mobile_phone),
        "household internet": (homes, everybody, row.household_internet),
        "mobile phone at home": (members, everybody, at_home(row.household_mobile_phone)),
        "bank account at home": (members, everybody, at_home(row.household_bank_account)),
        "covid readiness": (members, everybody, row.covid_readiness),
        "learning at home": (members, everybody, row.learning_at_home),
        "water on site": (members, everybody, at_home(row.water_on_site)),
        "handwashing at home": (members, everybody, at_home(row.handwashing)),
        "room to sleep": (members, everybody, row.room_to_sleep),
        "toilet at home": (members, everybody, at_home(row.basic_sanitation)),
        "secondary completion": (members, aged(20, 35), row.secondary_completion),
        "secondary completion, older": (members, aged(36, last), row.secondary_completion),
        "higher education": (members, aged(25, 35), row.higher_education),
        "higher education, older": (members, aged(36, last), row.higher_education),
        "stunting": (children, under_5, row.stunting),
        "no stunting": (children, under_5, absence(row.stunting)),
        "wasting": (children, under_5, row.wasting),
        "no wasting": (children, under_5, absence(row.wasting)),
        "overweight": (children, under_5, row.overweight),
        "no overweight": (children, under_5, absence(row.overweight)),
        "early childhood education": (children, months(36, 59), row.early_childhood_education),
        "skilled birth attendance": (women, birth, row.skilled_birth_attendance),
        "modern contraception": (
            women,
            lambda w: w["MSTATUS"] == 1 and w["unmet"] in (1, 2, 3, 4),
            row.modern_contraception,
        ),
        "internet use": ([r for r in both if new or r[age] <= 24], everybody, row.internet_use),
        "mobile phone": (both, everybody, row.mobile_phone),
        "physical violence": (women, asked, suffered(row.PHYSICAL)),
        "sexual violence": (women, asked, suffered(row.SEXUAL)),
        "no sexual violence": (women, asked, absence(suffered(row.SEXUAL))),
        "emotional violence": (women, asked, suffered(row.EMOTIONAL)),
        "physical or sexual violence": (women, asked, suffered(row.PHYSICAL, row.SEXUAL)),
        "any violence": (women, asked, suffered(row.PHYSICAL, row.SEXUAL, row.EMOTIONAL)),
        "beating justified": (women, everybody, row.beating_justified),
        "beating not justified": (women, everybody, absence(row.beating_justified)),
    }
    if not new:  # not asked
        del made["household internet"], made["mobile phone"]
    return made
