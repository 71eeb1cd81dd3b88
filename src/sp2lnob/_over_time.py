"""Pictures of years to come: what a package costs from year to year."""

from itertools import pairwise
from typing import TYPE_CHECKING

from ._canvas import BOLD, GREY, INK, LINE, OF_GDP, PERCENT, Point, axis_of, canvas_of, case_notes, text_width
from ._validate import fail_type
from .projection import Projection
from .transfers import PACKAGE

if TYPE_CHECKING:
    import altair as alt

WIDTH = 600
HEIGHT, LEFT, APART = 280.0, 44.0, 16.0
STEP = 5  # years between points with an interval, where years are many
