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
from .chances import HumanOpportunity as HumanOpportunity, Shapley as Shapley
from .custom import Custom as Custom
from .datasets import example_frames as example_frames, example_survey as example_survey
from .decomposition import shapley as shapley
from .dissimilarity import d_index as d_index
from .economy import Amount as Amount, Economy as Economy
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
from .presets import (
    child_benefit as child_benefit,
    disability_benefit as disability_benefit,
    household_benefit as household_benefit,
    maternity_benefit as maternity_benefit,
    old_age_pension as old_age_pension,
)
from .replicate_columns import ReplicateColumns as ReplicateColumns
from .replication import (
    BRR as BRR,
    Bootstrap as Bootstrap,
    Jackknife as Jackknife,
    SuccessiveDifference as SuccessiveDifference,
)
from .scheme_shares import SchemeShapley as SchemeShapley
from .schemes import Package as Package, Scheme as Scheme
from .situations import Situation as Situation, without_existing as without_existing
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
from .transfers import Transfers as Transfers, simulate as simulate
from .tree import OpportunityTree as OpportunityTree

__version__: str
__all__ = [
    "BRR",
    "Access",
    "Adequacy",
    "Amount",
    "Assessment",
    "Bootstrap",
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
    "Poverty",
    "Quantile",
    "RelativeLine",
    "ReplicateColumns",
    "SP2LNOBError",
    "SP2LNOBWarning",
    "Scheme",
    "SchemeShapley",
    "Shapley",
    "Situation",
    "SuccessiveDifference",
    "Survey",
    "Targeting",
    "Transfers",
    "assess",
    "assess_many",
    "atkinson",
    "child_benefit",
    "d_index",
    "disability_benefit",
    "estimate",
    "example_frames",
    "example_survey",
    "fgt",
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
    "quantile",
    "quintile_ratio",
    "read_overview",
    "read_results",
    "read_survey",
    "replicate_weights",
    "shapley",
    "simulate",
    "watts",
    "without_existing",
    "write_replicate_weights",
]
