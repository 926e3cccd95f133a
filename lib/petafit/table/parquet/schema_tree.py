"""The tree of a Parquet footer's schema, which is stored as a list: parents before children."""

from typing import NamedTuple

import numpy as np

from petafit.compiled import njit
from petafit.table.parquet.compact_protocol import ABSENT

_REQUIRED, _REPEATED = 0, 2
_MOST_DEPTH = 100


class SchemaTree(NamedTuple):
    """Parents, leaves and levels of a schema's elements.

    Attributes
    ----------
    parents : ndarray of int64, shape (n_elements,)
        The parent of each element; -1 for the first one.
    leaves : ndarray of int64, shape (n_leaves,)
        The elements that are columns.
    list_levels, null_levels : ndarray of int64, shape (n_elements,)
        Maximal repetition and definition level: the number of lists around a value, and of optional
        or repeated elements on its path.
    """

    parents: np.ndarray
    leaves: np.ndarray
    list_levels: np.ndarray
    null_levels: np.ndarray


def tree_of(children: np.ndarray, types: np.ndarray, repetitions: np.ndarray) -> SchemaTree | None:
    """Build the tree; None if the list is not a tree, or one too deep to be walked safely.

    Parameters
    ----------
    children, types, repetitions : ndarray of int64, shape (n_elements,)
        Number of children, physical type, and repetition of each element; or `ABSENT`.
    """
    parents = np.empty(len(children), np.int64)
    leaves = np.empty(len(children), np.int64)
    in_list = (repetitions == _REPEATED).astype(np.int64)
    absent = (repetitions > _REQUIRED).astype(np.int64)
    count = _fill(children, types, parents, leaves, in_list, absent)
    return None if count < 0 else SchemaTree(parents, leaves[:count], in_list, absent)


@njit
def _fill(
    children: np.ndarray,
    types: np.ndarray,
    parents: np.ndarray,
    leaves: np.ndarray,
    in_list: np.ndarray,
    absent: np.ndarray,
) -> int:
    """Fill in parents, leaves and levels from the root on; return the number of leaves, or -1."""
    open_groups, left = np.empty(_MOST_DEPTH, np.int64), np.empty(_MOST_DEPTH, np.int64)
    depth, count = -1, 0
    for i in range(children.size):
        while depth >= 0 and left[depth] == 0:
            depth -= 1
        if (depth < 0) != (i == 0) or (children[i] < 0 and children[i] != ABSENT):
            return -1
        if i == 0:
            parents[i], in_list[i], absent[i] = -1, 0, 0  # the root's repetition is ignored
        else:
            parents[i] = open_groups[depth]
            left[depth] -= 1
            in_list[i] += in_list[parents[i]]
            absent[i] += absent[parents[i]]
        if i and children[i] <= 0 and types[i] != ABSENT:
            leaves[count] = i
            count += 1
            continue
        depth += 1
        if depth == _MOST_DEPTH:
            return -1
        open_groups[depth], left[depth] = i, max(children[i], 0)
    while depth >= 0 and left[depth] == 0:
        depth -= 1
    return count if depth < 0 and children.size else -1


@njit
def are_paths(
    content: np.ndarray, names: np.ndarray, parents: np.ndarray, own: np.ndarray, paths: np.ndarray
) -> bool:
    """Return whether paths match the elements they belong to.

    Parameters
    ----------
    content : ndarray of uint8
    names : ndarray of int64, shape (n_elements, 2)
        Start and end of each element's name in the content.
    parents : ndarray of int64, shape (n_elements,)
    own : ndarray of int64, shape (n_paths,)
        The element of each path.
    paths : ndarray of int64, shape (n_paths, 2)
        Start and end of each path: a list of names, each preceded by its length.
    """
    chain = np.empty(_MOST_DEPTH + 1, np.int64)
    for i in range(own.size):
        depth, element = 0, own[i]
        while parents[element] >= 0:
            chain[depth] = element
            depth, element = depth + 1, parents[element]
        at, stop = paths[i]
        for k in range(depth - 1, -1, -1):
            start, end = names[chain[k]]
            shift, length, more = 0, 0, True
            while more and at < stop:
                length |= int(np.int64(content[at] & 127)) << shift
                more = content[at] >= 128
                shift += 7
                at += 1
            if length != end - start or at + length > stop:
                return False
            for byte in range(length):
                if content[at + byte] != content[start + byte]:
                    return False
            at += length
        if at != stop:
            return False
    return True
