"""Names for the arrays that pass between the rooms: one concrete type a role."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]  # money, weights, factors, statistics
CodeArray: TypeAlias = npt.NDArray[np.int32]  # positions of levels, households, PSUs
LongArray: TypeAlias = npt.NDArray[np.int64]  # numbers of rows
WordArray: TypeAlias = npt.NDArray[np.uint32]  # random words and streams
CountArray: TypeAlias = npt.NDArray[np.uint8]  # how often a PSU is drawn; 0/1 outcomes
BitArray: TypeAlias = npt.NDArray[np.uint64]  # sets of schemes; identities
BoolArray: TypeAlias = npt.NDArray[np.bool_]
Frame: TypeAlias = Any  # whatever narwhals reads, or a dict of arrays
