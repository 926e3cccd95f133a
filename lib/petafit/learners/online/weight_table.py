"""The optimizer's state of every coordinate, in one table, and prefetching of its rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic


@dataclass(frozen=True)
class CoordinateTable:
    """A coordinate's numbers, adjacent in memory, the intercept's last.

    Attributes
    ----------
    numbers : ndarray of float32, shape (n_features + 1, width + n_squares)
        First the numbers from which its weights are derived, then its sums of squared gradients:
        one for each weight, or one shared by all (n_squares 1).
    width : int
        Number of weights of a coordinate.
    """

    numbers: np.ndarray
    width: int

    @classmethod
    def of(cls, first: np.ndarray, squares: np.ndarray) -> Self:
        """Combine first numbers and squared gradients in a table."""
        both = np.concatenate([first, squares], axis=1, dtype=np.float32, casting="same_kind")
        return cls(both, first.shape[1])

    @property
    def first(self) -> np.ndarray:
        """The numbers from which weights are derived, (n_features + 1, width); a view."""
        return self.numbers[:, : self.width]

    @property
    def squares(self) -> np.ndarray:
        """Sums of squared gradients, (n_features + 1, n_squares); a view."""
        return self.numbers[:, self.width :]

    @property
    def n_squares(self) -> int:
        return self.numbers.shape[1] - self.width

    def copy(self) -> Self:
        """Return an independent copy."""
        return type(self)(self.numbers.copy(), self.width)

    def moved_from(self, first: np.ndarray, squares: np.ndarray) -> np.ndarray:
        """Return where the table differs from these numbers, bool of the shape of `squares`."""
        moved = self.first != first
        if self.n_squares < self.width:
            moved = moved.any(axis=1, keepdims=True)
        return np.asarray(moved | (self.squares != squares))


def squares_of_each(squares: np.ndarray, width: int) -> np.ndarray:
    """Return the squared gradients per weight: the mean over those weights that share a sum."""
    return squares * squares.dtype.type(squares.shape[1] / width)


def _lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Emit LLVM's prefetch of data (1) for writing (1), into every level of the cache (3)."""
    table, row, offset = arguments
    array = context.make_array(signature.args[0])(context, builder, table)
    row = context.cast(builder, row, signature.args[1], types.int64)
    start = builder.mul(row, builder.extract_value(array.strides, 0))
    byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
    address = builder.gep(builder.bitcast(array.data, byte), [builder.add(start, offset)])
    kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
    prefetch_line = builder.module.declare_intrinsic("llvm.prefetch.p0", fnty=kind)
    builder.call(prefetch_line, [address, flag(1), flag(3), flag(1)])
    return context.get_dummy_value()


def _type(context: Any, table: Any, row: Any, offset: Any) -> Any:
    return types.void(table, row, types.int64), _lower


prefetch = cast(Callable[[np.ndarray, Any, int], None], intrinsic(_type))
"""Prefetch the cache line of byte `offset` of ``table[row]`` for writing, in compiled code.

There is no other effect, and no error whatever the row.
"""
