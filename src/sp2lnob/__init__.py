"""sp2lnob: who is left behind, what a cash-transfer package changes, what it costs, and how sure we are."""

from importlib import import_module as _import
from importlib.metadata import version as _version

# Names by the room they live in: a room is entered when its first name is asked for, so that the import is quick.
_ROOMS = {
    "adequacy": ("Adequacy", "GapEfficiency", "Targeting"),
    "assessment": ("Assessment", "assess"),
    "best_package": ("Search", "search"),
    "chances": ("HumanOpportunity", "Shapley"),
    "choices": ("Choice",),
    "comparison": ("Comparison", "compare"),
    "custom": ("Custom",),
    "datasets": ("example_frames", "example_survey"),
    "decomposition": ("shapley",),
    "dissimilarity": ("d_index",),
    "economy": ("Amount", "Economy"),
    "effects": ("AccessAfter",),
    "estimates": ("Estimates",),
    "estimation": ("estimate",),
    "export": ("replicate_weights", "write_replicate_weights"),
    "findings": ("Findings", "read_results"),
    "human_opportunity": ("HumanOpportunityIndex", "human_opportunity_change", "human_opportunity_index"),
    "incidence": ("ConsumptionGain", "Cost", "Coverage", "Incidence"),
    "io": ("read_survey",),
    "many": ("assess_many",),
    "means_test": ("ProxyMeans", "proxy_means"),
    "measures": (
        "atkinson",
        "fgt",
        "generalized_entropy",
        "gini",
        "lorenz",
        "mean",
        "palma",
        "quantile",
        "quintile_ratio",
        "watts",
    ),
    "opportunity": ("Opportunity",),
    "overview": ("Overview", "read_overview"),
    "populations": ("Population", "population"),
    "presets": (
        "child_benefit",
        "disability_benefit",
        "household_benefit",
        "maternity_benefit",
        "old_age_pension",
        "preset_package",
    ),
    "projection": ("Projection", "financing", "project"),
    "replicate_columns": ("ReplicateColumns",),
    "replication": ("BRR", "Bootstrap", "Jackknife", "SuccessiveDifference"),
    "scheme_shares": ("SchemeShapley",),
    "schemes": ("Package", "Schedule", "Scheme"),
    "situations": ("Situation", "existing_benefits", "without_existing"),
    "spot": ("spot_cost",),
    "statistics": ("Access", "Dissimilarity", "Inequality", "Lorenz", "MeanWelfare", "Poverty", "Quantile"),
    "survey": ("Survey",),
    "targeting": ("Affluence", "Rank", "Threshold"),
    "targeting_error": ("TargetingError",),
    "transfers": ("Transfers", "simulate", "spread"),
    "tree": ("OpportunityTree",),
    "_relative": ("RelativeLine",),
    "_validate": ("InputError", "InputTypeError", "SP2LNOBError", "SP2LNOBWarning"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}
_WHOLE = ("indicators", "plots")  # rooms that are names themselves

__all__ = sorted([*_ROOM_OF, *_WHOLE], key=lambda name: (not name.isupper(), name))  # as linters sort them


def __getattr__(name: str) -> object:
    if name == "__version__":
        return _version("sp2lnob")
    if name in _WHOLE:
        return _import(f".{name}", __name__)
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'sp2lnob' has no attribute {name!r}")
    value = getattr(_import(f".{_ROOM_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
