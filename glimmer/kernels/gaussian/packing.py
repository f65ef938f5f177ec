"""Packs arrays one after the other into a vector of integers and a vector of floats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from glimmer.kernels.gaussian.blocks import Floats, Integers


class Packer:
    """Takes arrays and says where each will stand; ``integers_at`` integers come before them."""

    def __init__(self, integers_at: int) -> None:
        self.integer_parts: list[np.ndarray] = []
        self.float_parts: list[Floats] = []
        self.integers_at, self.floats_at = integers_at, 0

    def floats(self, array: Floats) -> int:
        """Where the array will stand."""
        self.float_parts.append(np.asarray(array, np.float64).ravel())
        self.floats_at += array.size
        return self.floats_at - array.size

    def integers(self, array: Integers) -> int:
        """Where the array will stand."""
        self.integer_parts.append(np.asarray(array, np.int32).ravel())
        self.integers_at += array.size
        return self.integers_at - array.size

    def packed(self, *first: Integers | list[int]) -> tuple[NDArray[np.int32], Floats]:
        """Both vectors; the first integers are those left out so far."""
        integers = np.concatenate([*first, *self.integer_parts])
        return integers.astype(np.int32), np.concatenate(self.float_parts)
