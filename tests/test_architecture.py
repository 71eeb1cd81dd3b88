"""How the house is built: who may import whom, who may raise, what is public, and that it is told."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sp2lnob as sp
from sp2lnob import _kernels

SOURCE = Path(__file__).parents[1] / "src" / "sp2lnob"

# A room imports only from rooms before it. `_kernels` is one room; `__init__` is the door, and imports none of them.
ROOMS = (
    "_kernels",
    "_typing",
    "_validate",
    "_html",
    "disclosure",
    "_parallel",
    "_columns",
    "_shards",
    "_variance",
    "_codebook",
    "_expressions",
    "_recodes",
    "_sweeps",
    "design",
    "_folds",
    "_cuts",
    "_cells",
    "_logit",
    "_bayes",
    "measures",
    "dissimilarity",
    "human_opportunity",
    "decomposition",
    "_splits",
    "_pruning",
    "_training",
    "tree",
    "_roster",
    "_household_types",
    "economy",
    "survey",
    "means_test",
    "_hadamard",
    "replication",
    "replicate_columns",
    "_outcomes",
    "_domains",
    "opportunity",
    "cross_validation",
    "stability",
    "targeting",
    "schemes",
    "presets",
    "_eligible",
    "_receipt",
    "transfers",
    "choices",
    "spot",
    "_prepared",
    "_paid",
    "_corrected",
    "custom",
    "_relative",
    "targeting_error",
    "_responses",
    "effects",
    "statistics",
    "_packages",
    "chances",
    "incidence",
    "adequacy",
    "scheme_shares",
    "situations",
    "_intervals",
    "estimates",
    "estimation",
    "populations",
    "projection",
    "_results",
    "_written",
    "_search_question",
    "_search_choice",
    "best_package",
    "findings",
    "_tables",
    "_canvas",
    "_tree_layout",
    "_places",
    "_across",
    "_side_by_side",
    "_over_time",
    "_plot_findings",
    "_plot_groups",
    "_plot_inequality",
    "_plot_package",
    "plots",
    "_report_page",
    "_report_opportunities",
    "_report_package",
    "report",
    "_overview_page",
    "overview",
    "_comparison_page",
    "_figures",
    "assessment",
    "comparison",
    "_files",
    "_readstat",
    "_delimited",
    "io",
    "_builders",
    "_concepts",
    "indicators",
    "export",
    "datasets",
    "_draft",
    "study",
    "_levels",
    "many",
    "_cli_shown",
    "_cli_work",
    "cli",
)

# Every name that `sp2lnob` promises.
PUBLIC = {
    "functions": [
        "assess",
        "assess_many",
        "atkinson",
        "child_benefit",
        "compare",
        "d_index",
        "disability_benefit",
        "estimate",
        "example_frames",
        "example_survey",
        "existing_benefits",
        "fgt",
        "financing",
        "generalized_entropy",
        "gini",
        "household_benefit",
        "human_opportunity_change",
        "human_opportunity_index",
        "lorenz",
        "maternity_benefit",
        "mean",
        "old_age_pension",
        "palma",
        "population",
        "preset_package",
        "project",
        "proxy_means",
        "quantile",
        "quintile_ratio",
        "read_overview",
        "read_results",
        "read_survey",
        "replicate_weights",
        "search",
        "shapley",
        "simulate",
        "spot_cost",
        "spread",
        "watts",
        "without_existing",
        "write_replicate_weights",
    ],
    "classes": [
        "Access",
        "AccessAfter",
        "Adequacy",
        "Affluence",
        "Amount",
        "Assessment",
        "BRR",
        "Bootstrap",
        "Choice",
        "Comparison",
        "ConsumptionGain",
        "Cost",
        "Coverage",
        "Custom",
        "Dissimilarity",
        "Economy",
        "Estimates",
        "Findings",
        "GapEfficiency",
        "HumanOpportunity",
        "HumanOpportunityIndex",
        "Incidence",
        "Inequality",
        "Jackknife",
        "Lorenz",
        "MeanWelfare",
        "Opportunity",
        "OpportunityTree",
        "Overview",
        "Package",
        "Population",
        "Poverty",
        "Projection",
        "ProxyMeans",
        "Quantile",
        "Rank",
        "RelativeLine",
        "ReplicateColumns",
        "Schedule",
        "Scheme",
        "SchemeShapley",
        "Search",
        "Shapley",
        "Situation",
        "SuccessiveDifference",
        "Survey",
        "Targeting",
        "TargetingError",
        "Threshold",
        "Transfers",
    ],
    "errors": ["InputError", "InputTypeError", "SP2LNOBError", "SP2LNOBWarning"],
    "modules": ["indicators", "plots"],
}
NAMES = sorted(name for names in PUBLIC.values() for name in names)
PICTURES = [
    f"plots.{name}"
    for name in (
        "average_dissimilarity",
        "cost",
        "coverage",
        "dissimilarities",
        "dissimilarity",
        "effects",
        "front",
        "gain",
        "gap",
        "gaps",
        "groups",
        "lorenz",
        "poverty",
        "projection",
        "save",
        "shares",
        "side_by_side",
        "svg",
        "tree",
    )
]
LIBRARY = [f"indicators.{name}" for name in ("dhs", "explain", "get", "hies", "mics", "names", "table")]
METHODS = [
    "Amount.per_year",
    "Assessment.findings",
    "Assessment.report",
    "Assessment.save",
    "Assessment.tree",
    "Comparison.findings",
    "Comparison.frame",
    "Comparison.report",
    "Comparison.save",
    "Economy.poverty_lines",
    "Estimates.contrast",
    "Estimates.find",
    "Estimates.frame",
    "Estimates.monte_carlo",
    "Opportunity.complement",
    "OpportunityTree.apply",
    "OpportunityTree.fit",
    "OpportunityTree.lnob",
    "OpportunityTree.predict",
    "OpportunityTree.prune",
    "OpportunityTree.score",
    "OpportunityTree.to_dict",
    "OpportunityTree.to_text",
    "Overview.findings",
    "Overview.frame",
    "Overview.report",
    "Overview.save",
    "Population.frame",
    "Population.people",
    "Projection.frame",
    "ProxyMeans.errors",
    "ProxyMeans.frame",
    "ProxyMeans.scored",
    "Schedule.by_age",
    "Schedule.by_recipients",
    "Schedule.by_size",
    "Schedule.flat",
    "Schedule.tapered",
    "Scheme.coverage_in",
    "Search.frame",
    "Search.save",
    "Survey.svydesign",
    "Survey.svyset",
    "Survey.uprated",
    "Survey.with_column",
    *LIBRARY,
    *PICTURES,
]
STATISTICS = {
    "adequacy": ["Adequacy", "GapEfficiency", "Targeting"],
    "chances": ["HumanOpportunity", "Shapley"],
    "effects": ["AccessAfter"],
    "incidence": ["ConsumptionGain", "Cost", "Coverage", "Incidence"],
    "scheme_shares": ["SchemeShapley"],
    "statistics": ["Access", "Dissimilarity", "Inequality", "Lorenz", "MeanWelfare", "Poverty", "Quantile"],
    "targeting_error": ["TargetingError"],
}

FILES = sorted(SOURCE.glob("*.py"))
TREES = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


# -- imports --------------------------------------------------------------------------------------------------------


def imported_rooms(tree):
    """Return the rooms that a file imports, wherever it does: at its top, in a function, or for types alone."""
    rooms = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.level == 1
            rooms |= {node.module.split(".")[0]} if node.module else {alias.name for alias in node.names}
    return rooms


def modules(tree):
    """Return the modules of other packages, and of this one by its full name, that a file imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_every_file_is_a_room():
    assert {path.stem for path in FILES} - {"__init__"} == set(ROOMS) - {"_kernels"}
    folders = {path.name for path in SOURCE.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == {"_kernels", "codebooks", "templates"}  # indicators and the report's page are no code


@pytest.mark.parametrize("room", ROOMS[1:])
def test_a_room_imports_only_from_rooms_before_it(room):
    before = set(ROOMS[: ROOMS.index(room)])
    assert imported_rooms(TREES[room]) <= before
    assert not any(name.split(".")[0] == "sp2lnob" for name in modules(TREES[room]))


def test_the_door_imports_no_room():
    assert imported_rooms(TREES["__init__"]) == set()


@pytest.mark.parametrize("path", sorted((SOURCE / "_kernels").glob("*.p[yx][xd]")), ids=lambda path: path.name)
def test_kernels_import_nothing_but_c_and_each_other(path):
    lines = re.findall(r"^\s*(?:from\s+(\S+)\s+)?c?import\s+(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    allowed = re.compile(r"cython|libc\.\w+|sp2lnob\._kernels\._(lanes|random)")  # the compiler's own names are none
    assert all(allowed.fullmatch(module or name) for module, name in lines)


@pytest.mark.parametrize("room", TREES)
def test_only_one_room_knows_threads(room):
    threads = {"threading", "_thread", "concurrent", "multiprocessing", "asyncio", "queue", "joblib"}
    known = {name.split(".")[0] for name in modules(TREES[room])} & threads
    assert bool(known) == (room == "_parallel"), known


@pytest.mark.parametrize("room", TREES)
def test_no_global_randomness_and_no_code_from_text(room):
    refused = {"random", "secrets", "pickle", "cPickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}
    found = {name.split(".")[0] for name in modules(TREES[room])} & refused
    assert found == ({"pickle"} if room == "_parallel" else set())  # our own job, to the workers that we send it to
    assert not any(name.startswith(("numpy.random", "scipy.stats.rvs")) for name in modules(TREES[room]))
    for node in ast.walk(TREES[room]):
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("random", "eval", "query", "rvs", "default_rng", "seed_seq"), node.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec", "compile", "__import__"), node.lineno


# -- errors ---------------------------------------------------------------------------------------------------------


def raised(tree):
    """Return (function, what it raises) of every raise statement; a bare raise passes an error on."""
    found = []

    def visit(node, function):
        for child in ast.iter_child_nodes(node):
            inside = child.name if isinstance(child, ast.FunctionDef) else function
            if isinstance(child, ast.Raise) and child.exc is not None:
                exc = child.exc.func if isinstance(child.exc, ast.Call) else child.exc
                found.append((inside, ast.unparse(exc)))
            visit(child, inside)

    visit(tree, None)
    return found


@pytest.mark.parametrize("room", TREES)
def test_only_one_room_raises_errors_of_input(room):
    allowed = {
        "_validate": {("fail", "InputError"), ("fail_type", "InputTypeError")},
        "__init__": {("__getattr__", "AttributeError")},
        "_parallel": {("receive", "error")},  # of a block, passed on to the caller
        "_outcomes": {("through", "KeyboardInterrupt")},
        "best_package": {("run", "KeyboardInterrupt")},  # where not all packages are there
        "estimation": {  # where there is nothing to return
            ("_enough", "KeyboardInterrupt"),
            ("_enough", "ShardKept"),
            ("_influence", "KeyboardInterrupt"),
        },
    }.get(room, set())
    for function, error in raised(TREES[room]):
        ends = error in ("AssertionError", "SystemExit") or (room in ("cli", "_cli_work") and error == "typer.Exit")
        assert ends or (function, error) in allowed, f"{function} raises {error}"


def test_the_raising_room_raises():
    assert {error for _, error in raised(TREES["_validate"])} == {"InputError", "InputTypeError"}


def test_errors_have_one_root_and_are_python_s_own_as_well():
    assert issubclass(sp.InputError, sp.SP2LNOBError)
    assert issubclass(sp.InputTypeError, sp.SP2LNOBError)
    assert issubclass(sp.InputError, ValueError)
    assert issubclass(sp.InputTypeError, TypeError)
    assert not issubclass(sp.SP2LNOBError, ValueError | TypeError)


@pytest.mark.parametrize("error", [sp.SP2LNOBError, sp.InputError, sp.InputTypeError])
def test_errors_show_where_users_find_them_and_their_examples_run(error):
    assert error.__module__ == "sp2lnob"  # for which the search for doctests in `_validate` passes them by
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    (examples,) = (found for found in finder.find(error, globs={}) if found.examples)
    assert runner.run(examples).failed == 0


# -- public names ---------------------------------------------------------------------------------------------------


def test_public_names_are_these():
    assert sorted(sp.__all__) == NAMES
    assert sorted(dir(sp)) == sorted([*NAMES, "__version__"])


def test_type_checkers_see_the_same_names_in_the_same_rooms():
    stub = ast.parse((SOURCE / "__init__.pyi").read_text(encoding="utf-8"))
    seen = {
        alias.asname: node.module
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }
    (listed,) = (node.value for node in stub.body if isinstance(node, ast.Assign))
    assert ast.literal_eval(listed) == sp.__all__
    assert seen == {name: room for room, names in sp._ROOMS.items() for name in names} | dict.fromkeys(
        PUBLIC["modules"]
    )


def of(kind):
    return sorted(PUBLIC[kind])


@pytest.mark.parametrize("name", of("functions"))
def test_public_functions_are_functions(name):
    assert inspect.isfunction(getattr(sp, name))


@pytest.mark.parametrize("name", [*of("classes"), *of("errors")])
def test_public_classes_are_classes(name):
    assert inspect.isclass(getattr(sp, name))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'sp2lnob' has no attribute 'ginni'"):
        sp.ginni  # noqa: B018


def test_the_version_is_that_of_the_package():
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", sp.__version__)


def found(name):
    """Return a public object, or a method of one."""
    result = sp
    for part in name.split("."):
        result = getattr(result, part)
    return result


def answers(thing):
    """Return the examples of a docstring that show a result."""
    return [example for example in doctest.DocTestParser().get_examples(inspect.getdoc(thing) or "") if example.want]


def test_the_library_of_indicators_is_these():
    assert [f"indicators.{name}" for name in sp.indicators.__all__ if name != "IndicatorSet"] == LIBRARY


def test_pictures_are_these():
    assert [f"plots.{name}" for name in sp.plots.__all__] == PICTURES


@pytest.mark.parametrize("name", sorted({*NAMES, *METHODS} - {*PUBLIC["modules"]}))
def test_every_public_name_has_a_docstring_with_two_examples(name):
    docstring = found(name).__doc__
    assert docstring, name
    assert docstring.count(">>>") >= 2
    assert len(answers(found(name))) >= 2  # an ordinary case, and a degenerate one


@pytest.mark.parametrize("name", [*of("functions"), *of("classes"), *METHODS])
def test_every_parameter_is_told(name):
    thing = found(name)
    docstring = inspect.getdoc(thing)
    sections = re.split(r"^(\w[\w ]*)\n-{3,}$", docstring, flags=re.MULTILINE)
    told = dict(zip(sections[1::2], sections[2::2], strict=True))
    assert "Examples" in told
    listed = told.get("Parameters", "") + told.get("Attributes", "")
    parameters = [key for key in inspect.signature(thing).parameters if key != "self"]
    named = set(re.findall(r"^[*\w, ]+?(?= :|$)", listed, flags=re.MULTILINE))
    words = {word.strip(" *") for line in named for word in line.split(",")}
    made = ("Estimates", "Assessment", "Findings", "Overview", "Search")  # by functions: their attributes say enough
    if name not in made:
        assert set(parameters) <= words, name
    assert not thing.__doc__.startswith((f"{thing.__name__}(", "\n"))


@pytest.mark.parametrize("name", of("classes"))
def test_every_public_method_has_a_docstring(name):
    cls = getattr(sp, name)
    for key, member in vars(cls).items():
        member = getattr(member, "__func__", member)
        if not key.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
            assert member.__doc__, f"{name}.{key}"


@pytest.mark.parametrize("room", STATISTICS)
def test_every_statistic_is_public_and_told(room):
    module = importlib.import_module(f"sp2lnob.{room}")
    made = sorted(
        name
        for name, cls in vars(module).items()
        if inspect.isclass(cls)
        and cls.__module__ == module.__name__
        and hasattr(cls, "prepare")
        and not name.startswith("_")
        and name != "OfWelfare"
    )
    assert made == STATISTICS[room]
    for name in made:
        cls = getattr(sp, name)
        assert cls is getattr(module, name)
        assert len(answers(cls)) >= 2
        assert cls.prepare.__doc__
        assert getattr(cls, "__dataclass_params__").frozen  # noqa: B009


@pytest.mark.parametrize("room", TREES)
def test_every_file_says_what_it_is(room):
    told = ast.get_docstring(TREES[room])
    assert told
    assert told[0].isupper() or told.startswith("sp2lnob")


# -- kernels --------------------------------------------------------------------------------------------------------

NO_CYTHON = ("_processor", "_shared")  # C of our own, and what Cython shares
KERNELS = sorted({module.name for module in pkgutil.iter_modules(_kernels.__path__)}.difference(NO_CYTHON))


def test_every_kernel_is_built():
    assert sorted(path.stem for path in (SOURCE / "_kernels").glob("*.pyx")) == KERNELS
    assert len(KERNELS) >= 8


@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_function_says_what_it_does(name):
    """In a comment where it begins: the wheel carries no prose of kernels, and what `inspect` needs all the same."""
    lines = (SOURCE / "_kernels" / f"{name}.pyx").read_text(encoding="utf-8").splitlines()
    defined = {line[4 : line.index("(")]: i for i, line in enumerate(lines) if line.startswith("def ")}
    module = importlib.import_module(f"sp2lnob._kernels.{name}")
    assert defined
    for function, first in defined.items():
        last = next(i for i in range(first, len(lines)) if lines[i].endswith("):"))
        assert re.match(r"    # .{20}", lines[last + 1]), function
        assert not getattr(module, function).__doc__, function
        assert inspect.signature(getattr(module, function)).parameters, function
    assert len(module.__doc__) > 20


# -- the price of an import -----------------------------------------------------------------------------------------


def loaded(code):
    """Return the top modules that a fresh interpreter has after some code."""
    code += "\nimport sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


FRAMES = {"pandas", "narwhals", "pyarrow", "polars", "pyreadstat"}
PAGES = {"jinja2", "altair", "vl_convert", "typer", "rich"}
HEAVY = {"scipy", "sklearn", *FRAMES, *PAGES}


def test_the_import_is_light():
    assert not loaded("import sp2lnob") & HEAVY


def test_measures_of_arrays_stay_light():
    assert not loaded("import sp2lnob as sp; sp.gini([1, 2], [1, 1]); sp.fgt([1, 2], [1, 1], 2)") & HEAVY


def test_what_draws_comes_when_a_picture_is_asked_for():
    assert not loaded("import sp2lnob as sp; sp.assess, sp.plots, sp.read_results") & PAGES


def test_the_heavy_ones_come_when_they_are_asked_for():
    assert {"sklearn", "pandas"} <= loaded("import sp2lnob as sp; sp.OpportunityTree")
