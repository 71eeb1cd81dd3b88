"""What the lazy door leads to, for type checkers and editors."""

from . import indicators as indicators, plots as plots
from ._relative import RelativeLine as RelativeLine
from ._validate import (
    InputError as InputError,
    InputTypeError as InputTypeError,
    SP2LNOBError as SP2LNOBError,
    SP2LNOBWarning as SP2LNOBWarning,
)
from .adequacy import Adequacy as Adequacy, GapEfficiency as GapEfficiency, Targeting as Targeting
from .assessment import Assessment as Assessment, assess as assess
from .best_package import Search as Search, search as search
from .chances import HumanOpportunity as HumanOpportunity, Shapley as Shapley
from .choices import Choice as Choice
from .comparison import Comparison as Comparison, compare as compare
from .custom import Custom as Custom
from .datasets import example_frames as example_frames, example_survey as example_survey
from .decomposition import shapley as shapley
from .dissimilarity import d_index as d_index
from .economy import Amount as Amount, Economy as Economy
from .effects import AccessAfter as AccessAfter
from .estimates import Estimates as Estimates
from .estimation import estimate as estimate
from .export import replicate_weights as replicate_weights, write_replicate_weights as write_replicate_weights
from .findings import Findings as Findings, read_results as read_results
from .human_opportunity import (
    HumanOpportunityIndex as HumanOpportunityIndex,
    human_opportunity_change as human_opportunity_change,
    human_opportunity_index as human_opportunity_index,
)
from .incidence import ConsumptionGain as ConsumptionGain, Cost as Cost, Coverage as Coverage, Incidence as Incidence
from .io import read_survey as read_survey
from .many import assess_many as assess_many
from .means_test import ProxyMeans as ProxyMeans, proxy_means as proxy_means
from .measures import (
    atkinson as atkinson,
    fgt as fgt,
    generalized_entropy as generalized_entropy,
    gini as gini,
    lorenz as lorenz,
    mean as mean,
    palma as palma,
    quantile as quantile,
    quintile_ratio as quintile_ratio,
    watts as watts,
)
from .opportunity import Opportunity as Opportunity
from .overview import Overview as Overview, read_overview as read_overview
from .populations import Population as Population, population as population
from .presets import (
    child_benefit as child_benefit,
    disability_benefit as disability_benefit,
    household_benefit as household_benefit,
    maternity_benefit as maternity_benefit,
    old_age_pension as old_age_pension,
    preset_package as preset_package,
)
from .projection import Projection as Projection, financing as financing, project as project
from .replicate_columns import ReplicateColumns as ReplicateColumns
from .replication import (
    BRR as BRR,
    Bootstrap as Bootstrap,
    Jackknife as Jackknife,
    SuccessiveDifference as SuccessiveDifference,
)
from .scheme_shares import SchemeShapley as SchemeShapley
from .schemes import Package as Package, Schedule as Schedule, Scheme as Scheme
from .situations import (
    Situation as Situation,
    existing_benefits as existing_benefits,
    without_existing as without_existing,
)
from .spot import spot_cost as spot_cost
from .statistics import (
    Access as Access,
    Dissimilarity as Dissimilarity,
    Inequality as Inequality,
    Lorenz as Lorenz,
    MeanWelfare as MeanWelfare,
    Poverty as Poverty,
    Quantile as Quantile,
)
from .survey import Survey as Survey
from .targeting import Affluence as Affluence, Rank as Rank, Threshold as Threshold
from .targeting_error import TargetingError as TargetingError
from .transfers import Transfers as Transfers, simulate as simulate, spread as spread
from .tree import OpportunityTree as OpportunityTree

__version__: str
__all__ = [
    "BRR",
    "Access",
    "AccessAfter",
    "Adequacy",
    "Affluence",
    "Amount",
    "Assessment",
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
    "InputError",
    "InputTypeError",
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
    "SP2LNOBError",
    "SP2LNOBWarning",
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
    "indicators",
    "lorenz",
    "maternity_benefit",
    "mean",
    "old_age_pension",
    "palma",
    "plots",
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
]
