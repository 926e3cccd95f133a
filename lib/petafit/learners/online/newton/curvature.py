"""An approximate Hessian of the objective, affordable in one pass over all rows.

For an output o, with the objective's diagonal bound h (n_features + 1, n_outputs) and the measured
block A (n_block, n_block) of `petafit.learners.online.newton.derivatives`, the approximation is::

    B_o = diag(h[:, o])              outside the block
    B_o = s_o (A + 1e-6 diag(A))     within the block

A is the mean over outputs of the block's second derivatives of the mean loss, plus the penalty on
its diagonal. The scale s_o corrects for an output's share of the curvature: with h's intercept
relative to its mean over outputs, ``t_o = h[-1, o] / mean(h[-1])``, the trace T of A without the
penalty and the penalty's trace P, ``s_o = (t_o T + P) / (T + P)``: outputs differ in the curvature
of their loss, which the intercept measures, not in their penalty.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from petafit.store.arrays import StateDict

_BLOCK = 512
"""Number of coordinates whose mixed second derivatives are measured. For rows of 39 entries that
takes about as long as the rest of the pass. On census, 512 brought the objective within 1e-5 of its
minimum after one step, 256 after six; the diagonal alone was 2e-4 above after 60.
"""

_RIDGE = 1e-6
"""Added to the block's diagonal, as a share of it: groups of one-hot features are collinear."""


@dataclass(frozen=True)
class Curvature:
    """A diagonal bound of all second derivatives, and a measured block of the Hessian.

    Attributes
    ----------
    bound : ndarray of float32, shape (n_features + 1, n_outputs)
        The diagonal bound h of `petafit.learners.online.newton.derivatives.FullBatch`.
    index : ndarray of int32, shape (n_block,)
        The coordinates of the block, ascending.
    block : ndarray of float64, shape (n_block, n_block)
        A: the block's second derivatives, penalty included, averaged over outputs; upper triangle.
    shares : ndarray of float64, shape (n_outputs,)
        s_o: the block's scale for each output.
    """

    bound: np.ndarray
    index: np.ndarray
    block: np.ndarray
    shares: np.ndarray

    def solver(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function that computes ``B^-1 v`` for v of shape (n_features + 1, n_outputs)."""
        bound = self.bound.astype(np.float64)
        inverse = np.divide(1.0, bound, out=np.zeros_like(bound), where=bound > 0)
        scale = np.sqrt(np.maximum(np.diag(self.block), np.finfo(np.float32).tiny))
        normal = self.block / scale[:, None] / scale
        normal[np.diag_indices_from(normal)] += _RIDGE
        factor = cho_factor(normal)

        def solve(values: np.ndarray) -> np.ndarray:
            found = inverse * values
            own = values[self.index] / scale[:, None]
            found[self.index] = cho_solve(factor, own) / scale[:, None] / self.shares
            return found

        return solve


def block_of(evidence: np.ndarray) -> np.ndarray:
    """Choose the block: the coordinates of the largest squared gradients, ascending, int32."""
    total = evidence.sum(axis=1)
    total[-1] = np.inf  # the intercept occurs together with every feature
    chosen = np.argsort(-total, kind="stable")[:_BLOCK]
    return np.sort(chosen[total[chosen] > 0]).astype(np.int32)


def curvature_of(sums: StateDict, index: np.ndarray, bound: np.ndarray, l2: float) -> Curvature:
    """Build the approximation from the sums of a pass.

    Parameters
    ----------
    sums : StateDict
        From `petafit.learners.online.newton.derivatives.FullBatch`.
    index : ndarray
        From `block_of`.
    bound : ndarray of shape (n_features + 1, n_outputs)
        The diagonal bound h of mean loss and penalty.
    """
    outputs, block = bound.shape[1], sums.arrays["block"] / sums.arrays["weight"] / bound.shape[1]
    penalty = np.where(index == len(bound) - 1, 0.0, l2)
    # The intercept's bound measures an output's share of the total curvature.
    of_outputs = bound[-1] / bound[-1].mean() if bound[-1].any() else np.ones(outputs)
    diagonal = np.diag_indices_from(block)
    total = block[diagonal].sum()
    block[diagonal] += penalty
    shares = (of_outputs * total + penalty.sum()) / (total + penalty.sum() or 1.0)
    return Curvature(bound.astype(np.float32), index, block, np.maximum(shares, _RIDGE))
