"""What the command line shows: of a survey that is checked, of what was found, and of what is installed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from ._validate import SP2LNOBError
from .disclosure import FEWEST, least_cases

if TYPE_CHECKING:
    from .best_package import Search
    from .findings import Findings
    from .overview import Overview
    from .study import Study
    from .survey import Survey
    from .transfers import Transfers

WORDS = ("group", "figure", "of", "when", "flag", "survey", "opportunity")  # columns of the tables printed


def facts(survey: "Survey") -> dict[str, Any]:
    """Return what ``check`` says of a survey."""
    design, weights = survey.design, survey.weight
    return {
        "files": [dict(source) for source in survey.sources],
        "households": survey.n_households,
        "persons": survey.n_persons if survey.persons is not None else None,
        "people": float(survey.people.sum()),
        "weight": {
            "column": survey.names["weight"],
            "min": float(weights.min()),
            "max": float(weights.max()),
            "sum": float(weights.sum()),
            "zero": int((weights == 0).sum()),
        },
        "strata": {"columns": survey.strata_columns, "number": design.strata, "of_one_psu": design.single_psu_strata},
        "psus": {
            "columns": survey.psu_columns,
            "number": design.psus,
            "least": int(design.psus_by_stratum.min()),
            "most": int(design.psus_by_stratum.max()),
        },
        "df": design.df,
        "welfare": None
        if survey.welfare is None
        else {
            "column": survey.names["welfare"],
            "period": survey.welfare_period,
            "missing": int((~survey.welfare_known).sum()),
        },
        "roles": {
            role: {"column": column, "missing": int(survey.role(role).missing.sum())}
            for role, column in survey.roles.items()
            if column is not None and survey.persons is not None
        },
        "svyset": survey.svyset().splitlines(),
        "svydesign": survey.svydesign().splitlines(),
    }


def asked_of(study: "Study", survey: "Survey") -> dict[str, Any]:
    """Return whom each opportunity and scheme of a study counts, and every problem on the way to its figures.

    A candidate of a search counts as it stands there, alone. A figure of fewer cases than the study publishes is None.
    """
    from .schemes import Package
    from .transfers import simulate

    counted: dict[str, Any] = {}
    paid: dict[str, Any] = {}
    offered: dict[str, Any] = {}
    problems: list[str] = []
    least = FEWEST

    def policy() -> None:
        nonlocal least
        least = least_cases(study.disclosure)

    def opportunities() -> None:
        for opportunity in study.opportunities:
            with found():
                cells = opportunity.prepare(survey)
                n = int((cells.weight > 0).sum())
                access = float(cells.weight @ cells.outcome / cells.weight.sum()) if n >= least else None
                rows = {
                    "unit": opportunity.unit,
                    "rows": len(cells.index),
                    "access": access,
                    "least": least,
                    "missing": cells.dropped,
                }
                counted[opportunity.name] = rows

    def package() -> None:
        schemes, economy = study.package, study.economy
        if schemes is not None:
            paid.update(paid_by(simulate(survey.uprated(economy, schemes.compat), schemes, economy), least))

    def candidates() -> None:
        economy, chosen = study.economy, study.candidates
        run = study.run_of_search if chosen else {}
        for choice in chosen:
            name = choice.scheme.name
            with found():
                alone = simulate(survey.uprated(economy), Package([choice.scheme], **run), economy)
                offered[name] = paid_by(alone, least)[name]

    @contextmanager
    def found() -> Iterator[None]:
        try:
            yield
        except SP2LNOBError as error:
            problems.append(str(error))

    of_file = (lambda: study.population, lambda: study.tree, lambda: study.replicates)
    for part in (policy, opportunities, package, candidates, *of_file):
        with found():
            part()
    return {"opportunities": counted, "schemes": paid, "candidates": offered, "problems": problems}


def paid_by(transfers: "Transfers", least: int) -> dict[str, Any]:
    """Return whom each scheme is meant for, who of them is eligible and who is paid, and the cost: of the full sample.

    ``n`` are persons of the sample with a weight; what fewer of them than ``least`` stand for is None.
    """
    import numpy as np

    from ._eligible import eligible
    from .incidence import intended

    survey, schemes = transfers.survey, transfers.package.schemes
    weight, bits, paid = survey.person_weight, eligible(survey, schemes), transfers.paid
    names = ("recipients", "total_cost", "cost_gdp")
    figures = transfers.cost[list(names)].to_numpy(dtype=np.float64)

    def people(of: Any) -> dict[str, Any]:
        n = int(((weight > 0) & of).sum())
        return {"n": n, "people": None if 0 < n < least else float(weight[of].sum())}

    def row(s: int, unit: str, **who: Any) -> dict[str, Any]:
        n = int(((weight > 0) & (paid[:, s] > 0)).sum())
        few = 0 < n < least
        told = {name: None if few or of != of else float(of) for name, of in zip(names, figures[s], strict=True)}
        return {**who, "unit": unit, "n": n, **told, "least": least, "finds_nobody": n == 0}

    made = {}
    for s, scheme in enumerate(schemes):
        meant = intended(survey, scheme)
        everybody = np.ones(survey.n_persons, dtype=bool)
        may = bits >> np.uint64(s) & np.uint64(1) == 1
        who = {"intended": people(everybody if meant is None else meant), "eligible": people(may)}
        made[scheme.name] = row(s, scheme.per, **who)
    return made | {"package": row(-1, "person")}


def describe(found: dict[str, Any]) -> list[str]:
    """Return what ``check`` prints, line by line."""
    weight, strata, psus, welfare = found["weight"], found["strata"], found["psus"], found["welfare"]
    persons, single = found["persons"], strata["of_one_psu"]
    lines = [
        *(f"file             {of['file']}: {of['rows']:,} rows, {of['columns']:,} columns" for of in found["files"]),
        f"households       {found['households']:,}",
        f"persons          {'no file' if persons is None else f'{persons:,}'}",
        f"people           {found['people']:,.0f} (weights times members)",
        f"weight           {weight['column']}: {weight['min']:.6g} to {weight['max']:.6g}, sum {weight['sum']:,.6g}, "
        f"{weight['zero']:,} zero",
        f"strata           {strata['number']:,} ({' x '.join(strata['columns']) or 'none named'})",
        f"PSUs             {psus['number']:,} ({' x '.join(psus['columns']) or 'households'}), "
        f"{psus['least']} to {psus['most']} a stratum",
        f"single-PSU       {len(single)}" + (f": {'; '.join(single[:5])}" if single else ""),
        f"degrees of freedom {found['df']:,}",
    ]
    if welfare:
        lines.append(
            f"missing          welfare {welfare['column']}: {welfare['missing']:,} households "
            f"(read per person and {welfare['period']})"
        )
    lines += [
        f"missing          {role} {of['column']}: {of['missing']:,} persons"
        + (" (who were not asked count as having none)" if role == "birth" and of["missing"] else "")
        for role, of in found["roles"].items()
    ]
    for name, of in found.get("opportunities", {}).items():
        lost = "".join(f"; {count:,} dropped, missing {what}" for what, count in of["missing"].items())
        rate = f"withheld (n<{of['least']})" if of["access"] is None else f"{of['access']:.1%}"
        lines.append(f"opportunity      {name}: {of['rows']:,} {of['unit']}s, {rate}{lost}")
    lines += [_paid_line(name, of) for name, of in found.get("schemes", {}).items()]
    lines += [_paid_line(name, of, "candidate") for name, of in found.get("candidates", {}).items()]
    if found.get("schemes") or found.get("candidates"):
        lines.append("                 (of the full sample, n unweighted; without standard errors)")
    lines += [f"problem          {problem}" for problem in found.get("problems", ())]
    stata, r = ([f"  {line}" for line in found[key]] for key in ("svyset", "svydesign"))
    return [*lines, "", "Stata", *stata, "R", *r]


def _paid_line(name: str, of: dict[str, Any], what: str = "scheme") -> str:
    """Return whom a scheme, or a candidate, or the package, counts: in the population, and in the sample."""

    def figure(value: float | None) -> str:
        return f"withheld (n<{of['least']})" if value is None else f"{value:,.0f}"

    said = [
        f"{word} {figure(of[word]['people'])} (n {of[word]['n']:,})" for word in ("intended", "eligible") if word in of
    ]
    paid = "recipients" if of["unit"] == "person" else "households paid"
    said.append(f"{paid} {figure(of['recipients'])} (n {of['n']:,})")
    share = "" if of["cost_gdp"] is None else f", {of['cost_gdp']:.2%} of GDP"
    said.append(f"cost {figure(of['total_cost'])} a year{share}")
    head = "package          " if name == "package" else f"{what:17}{name}: "  # no scheme may be called that
    return f"{head}{', '.join(said)}{'; FINDS NOBODY' * of['finds_nobody']}"


def summary(found: "Findings") -> list[Table]:
    """Return the headline figures, as they are published, in tables: groups, welfare and poverty, cost."""
    tables = []
    level = f"{100 * found.manifest['asked']['level']:g} % interval"
    for name, frame in found.groups.groupby("opportunity", sort=False):
        table = _table(
            f"{name}, from the group furthest behind to the furthest ahead",
            ("group", "share", "n", "before", level, "after", level, "change", level, "flag"),
        )
        for _, row in frame.iterrows():
            cells = []
            for which in ("before", "after", "change"):
                value, low, high = (float(row[which + end]) for end in ("", "_low", "_high"))
                form = _points if which == "change" else _share
                cells += [form(value), _ends(value, low, high, form)]
            table.add_row(Text(str(row["label"])), f"{row['share']:.1%}", f"{row['n']:,}", *cells, str(row["flag"]))
        picked = "The groups at either end were picked for their rates: these are biased outward."
        split = "Groups were looked for in one half of the sampling units, and counted in the other."
        table.caption = Text(split if found.manifest["asked"]["honest"] == "split" else picked)
        table.caption_justify = "left"
        tables.append(table)
    frame = found.estimates
    shown = {
        "access": _share,
        "headcount": _share,
        "poverty_gap": _share,
        "d_index": _ratio,
        "hoi": _share,
        "shapley": _ratio,
        "gap": _points,
        "mean_welfare": _money,
        "gini": _ratio,
        "palma": _ratio,
        "recipients": _money,
        "total_cost": _money,
        "cost_gdp": _share,
        "cost_revenue": _share,
        "cost_expenditure": _share,
        "cost_taxes": _share,
    }
    currency = (found.manifest["asked"]["economy"] or {}).get("currency") or "local currency"
    units = {
        "mean_welfare": f"{currency} per person and {found.manifest['survey']['welfare_period']}",
        "total_cost": f"{currency} a year",
    }
    table = _table("All people", ("figure", "of", "when", "value", level, "n", "flag"))
    for _, row in frame[(frame["by"] == "all") & frame["statistic"].isin(list(shown))].iterrows():
        statistic = str(row["statistic"])
        form = shown[statistic]
        if form is _share and row["scenario"] == "change":
            form = _points
        named = " ".join(part for part in (statistic, str(row["param"])) if part)
        table.add_row(
            Text(f"{named}, {units[statistic]}" if statistic in units else named),
            Text(str(row["of"])),
            str(row["scenario"]),
            form(float(row["value"])),
            _ends(float(row["value"]), float(row["ci_low"]), float(row["ci_high"]), form),
            f"{row['n']:,}",
            str(row["flag"]),
        )
    return [*tables, table]


def best_told(found: "Search", disclosure: str | int) -> list[str]:
    """Return what is told of the best package, line by line."""
    from .best_package import published
    from .economy import Amount

    asked, first = found.asked, published(found, found.frame(), disclosure).iloc[0]
    lines = [f"{found.packages:,} packages, all tried; the best for {asked['objective']}:"]
    for scheme in found.package.schemes:
        varied = [name for name in asked["candidates"][scheme.name] if name not in ("levels", "required")]
        more = "".join(f", {name} {getattr(scheme, name)}" for name in varied)
        amount = scheme.amount
        of = f"{amount.value:g} {amount.unit}" if isinstance(amount, Amount) else f"by {amount.by or 'welfare'}"
        lines.append(f"  {scheme.name}: {of}{more}")
    share = f", {first['cost_gdp']:.3%} of GDP" if "cost_gdp" in first else ""
    cost = f"{first['total_cost']:,.0f} a year{share}" if first["total_cost"] == first["total_cost"] else "withheld"
    lines.append(f"cost             {cost}")
    frame = found.estimates.frame(disclosure=disclosure)
    wanted = (frame["statistic"] == asked["objective"]) & (frame["by"] == "all") & (frame["scenario"] == "change")
    for row in frame[wanted].itertuples():
        how = "cross-validated" if str(row.param).endswith("package") else "as found, biased"
        interval = "" if row.ci_low != row.ci_low else f" ({row.ci_low:.4g} to {row.ci_high:.4g})"
        value = "withheld" if "withheld" in row.flag else f"{row.value:.4g}{interval}"
        lines.append(f"change           {value}, {how}")
    lines.append(f"stays best       in {found.stays_best:.1%} of replicates")
    return lines


def _table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="left" if name in WORDS else "right", overflow="fold")
    return table


def across_surveys(found: "Overview") -> Table:
    """Return the headline figures of many surveys, as they are published."""
    from ._places import ALL, Across

    across = Across(found)
    table = _table(repr(found), ("survey", "opportunity", "average", "furthest behind", "furthest ahead", "D", "n"))
    for survey in across.surveys:
        for name in across.opportunities:
            figures = across.figures((survey, ALL, ALL), name)
            if figures is not None:
                shares = (figures.average, figures.behind, figures.ahead)
                cells = [_share(point.value) or "withheld" for point in shares]
                cells += [_ratio(figures.d_index.value) or "withheld", f"{figures.average.n:,}"]
                table.add_row(Text(survey), Text(f"{name} (barrier)" if figures.barrier else name), *cells)
    return table


def versions() -> list[str]:
    """Return lines that say what is installed here, and which kernels Python found."""
    import pkgutil
    import platform
    import sysconfig

    from . import _kernels
    from ._kernels import _random

    found = [kernel for kernel in pkgutil.iter_modules(_kernels.__path__) if kernel.name != "_shared"]
    wide = sum(str(getattr(kernel.module_finder, "path", "")).endswith("_avx2") for kernel in found)
    suffix = Path(_random.__file__).name.removeprefix("_random")  # of one version of CPython alone, if it names it
    kernels = (
        "limited API" if suffix != sysconfig.get_config_var("EXT_SUFFIX") else "for this CPython alone",
        f"AVX2 in {wide} of {len(found)}" if wide else "portable",
        "every index checked" if _indices_checked() else "indices not checked",
    )
    free = ", free-threaded" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    libraries = {"NumPy": "numpy", "SciPy": "scipy", "pandas": "pandas", "scikit-learn": "scikit-learn"}
    return [
        f"sp2lnob {version('sp2lnob')}",
        f"{platform.python_implementation()} {platform.python_version()}{free}, {sysconfig.get_platform()}",
        ", ".join(f"{name} {version(key)}" for name, key in libraries.items()),
        f"kernels: {', '.join(kernels)}",
    ]


def _indices_checked() -> bool:
    """Return whether kernels check every index: one is let write a place beyond its view, where there is memory."""
    import numpy as np

    from ._kernels import _random

    room = np.zeros(2)
    try:
        _random.uniforms(1, np.arange(2, dtype=np.uint64), 0, 0, room[:1])
    except IndexError:
        return True
    return False


def _share(value: float) -> str:
    return "" if value != value else f"{value:.1%}"


def _points(value: float) -> str:
    """Return a difference of shares: in points, for per cent of what would be a riddle."""
    return "" if value != value else f"{100 * value:.1f} pts"


def _money(value: float) -> str:
    return "" if value != value else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _ratio(value: float) -> str:
    return "" if value != value else f"{value:.3f}"


def _ends(value: float, low: float, high: float, form: Callable[[float], str]) -> str:
    if value != value or low != low:
        return "" if value != value else "none"
    unit = " pts" * (form is _points)
    return f"{form(low).removesuffix(unit)} to {form(high)}"
