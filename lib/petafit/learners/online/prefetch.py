"""Asking the processor for the rows of a large table before they are needed.

A table of 2**20 coordinates fits no cache and hashed rows touch it at random, so that an online
learner spends most of its time waiting for memory. The coordinates of the next rows are known.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic


def _lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """LLVM's prefetch of data (1) that will be written (1), into every level of the cache (3)."""
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
"""Compiled code asks for the cache line of byte `offset` of ``table[row]``, to write to it soon.

There is no other effect, and no error whatever the row.
"""
