"""Prefetching of rows of a large table into the cache before they are needed.

A table of 2**20 coordinates exceeds the cache and hashed rows touch it at random, so an online
learner spends most of its time waiting for memory. The coordinates of the next rows are known
in advance, so their cache lines can be.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic


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
