"""Sums over shards: their addition, its inverse, and what one shard reports."""

from functools import reduce as fold

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.learners.online.merging.rules import (
    Evidence,
    merged_squared_gradients,
    merged_weights,
)
from petafit.learners.online.merging.shard_summary import moved_coordinates, shard_numbers
from petafit.learners.online.merging.summaries import Sums, merge, unmerge
from petafit.store.arrays import StateDict


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("optimizer", ["adagrad", "ftrl"])
@given(seed=st.integers(0, 2**32 - 1), kept=st.lists(st.integers(0, 40), min_size=4, max_size=4))
@settings(max_examples=20, deadline=None)
def test_shards_add_up_to_the_sums_of_each(
    shared: bool, optimizer: str, seed: int, kept: list[int]
) -> None:
    """Shards of few or many of 40 coordinates, with evidence for each of two outputs or for both.

    The sums of each alone are made another way than those of several.
    """
    random = np.random.default_rng(seed)

    def shard(most: int) -> StateDict:
        shape = (40, 1 if shared else 2)
        moved = (random.random(shape) < 0.9) & (random.permutation(40) < most)[:, None]
        return shard_numbers(
            weights=random.normal(size=(40, 2)).astype(np.float32),
            moved=moved,
            squares=np.where(moved, random.random(shape), 0).astype(np.float32),
            before=np.zeros(shape, np.float32),
            seen=np.ones(1),
            rows=3,
            z=random.normal(size=(40, 2)).astype(np.float32) if optimizer == "ftrl" else None,
        )

    shards = [shard(most) for most in kept]
    alone = [whole(Sums.from_state_dict(each)) for each in shards]
    together = whole(Sums.from_state_dict(fold(merge, shards)))
    by_twos = whole(Sums.from_state_dict(merge(merge(*shards[:2]), merge(*shards[2:]))))
    assert together.keys() == alone[0].keys()
    for name, found in together.items():
        expected = np.sum([of_one[name] for of_one in alone], axis=0)
        for merged in (found, by_twos[name]):
            np.testing.assert_allclose(merged, expected, rtol=1e-12, atol=1e-12, err_msg=name)


def whole(sums: Sums) -> dict[str, np.ndarray]:
    """Its matrices over all 40 coordinates."""
    matrices = {name: value for name, value in vars(sums).items() if np.ndim(value) == 2}
    return {n: sums.put(v, into=np.zeros((40, v.shape[1]))) for n, v in matrices.items()}


def shard_of(random: np.random.Generator, *, features: int = 40, moved: int = 12) -> StateDict:
    """A shard that moved some coordinates, from nothing."""
    table = np.zeros((features + 1, 2, 1), np.float32)
    at = np.append(random.choice(features, moved, replace=False), features)
    table[at, 0, 0], table[at, 1, 0] = random.normal(size=(2, moved + 1))
    table[:, 1] **= 2
    return shard_numbers(
        weights=table[:, 0],
        moved=(table != 0).any(axis=1),
        squares=table[:, 1],
        before=np.zeros_like(table[:, 0]),
        seen=np.array([7.0]),
        rows=int(random.integers(1, 9)),
    )


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("share", [0.1, 0.9, 1.0])
def test_sums_do_not_depend_on_how_a_shard_stores_its_numbers(share: float, outputs: int) -> None:
    """Few moved coordinates go by an index, most by flags, all by neither."""
    random = np.random.default_rng(2)
    w, G, z = random.normal(size=(3, 201, outputs)).astype(np.float32)
    moved = np.broadcast_to(random.random((201, 1)) < share, w.shape)
    summary = shard_numbers(
        weights=w,
        moved=moved,
        squares=np.where(moved, G**2, 0),
        before=np.zeros_like(G),
        seen=np.ones(1),
        rows=5,
        z=z,
    )
    assert ("index" in summary.arrays, "moved" in summary.arrays) == (share < 0.5, 0.5 < share < 1)
    sums, nothing = Sums.from_state_dict(summary), np.zeros(w.shape)
    own, seen = np.where(moved, w.astype(np.float64), 0), np.where(moved, G**2, 0).astype(float)
    for name, expected in {
        "count": moved,
        "weights": own,
        "evidence": seen,
        "evidence_squared": seen**2,
        "evidence_weights": seen * own,
        "z": np.where(moved, z, 0),
    }.items():
        np.testing.assert_array_equal(sums.put(getattr(sums, name), into=nothing), expected)
    assert moved_coordinates(summary).tolist() == np.flatnonzero(moved[:, 0]).tolist()


def test_removing_a_shard_from_evidence_is_the_leave_one_out_formula() -> None:
    """``(A + prior B - (G_k + prior) w_k) / (S - G_k + prior)``, from dense numbers of each."""
    random = np.random.default_rng(0)
    shards, prior = [shard_of(random) for _ in range(5)], 3.0
    total = fold(merge, shards)
    G, w, moved = np.zeros((3, 5, 41))
    for own, evidence, weights, count in zip(shards, G, w, moved, strict=True):
        at = own.arrays["index"]
        evidence[at], weights[at] = own.arrays["evidence"][:, 0], own.arrays["weights"][:, 0]
        count[at] = 1
    nothing = np.zeros((41, 1), np.float32)
    for k in range(5):
        A, B, S = (G * w).sum(axis=0), w.sum(axis=0), G.sum(axis=0)
        expected = (A + prior * B - (G[k] + prior * moved[k]) * w[k]) / (S - G[k] + prior)
        rest = Sums.from_state_dict(unmerge(total, shards[k]))
        found = merged_weights(Evidence(prior), rest, nothing, nothing)
        np.testing.assert_allclose(found[:-1, 0], expected[:-1], rtol=1e-6, atol=1e-12)
        alone = (moved.sum(axis=0) == moved[k])[:-1]
        assert not found[:-1][alone].any(), "what only k has moved is as nobody moved it"


def test_taking_out_leaves_no_evidence_that_is_only_rounding() -> None:
    random = np.random.default_rng(1)
    huge, small = shard_of(random), shard_of(random)
    huge = StateDict({**huge.arrays, "evidence": huge.arrays["evidence"] * 1e16}, huge.params)
    rest = unmerge(merge(small, huge), huge)
    assert (rest.arrays["evidence"] >= 0).all()
    nothing = np.zeros((41, 1), np.float32)
    squares = merged_squared_gradients(Sums.from_state_dict(rest), nothing)
    assert (squares <= rest.arrays["evidence"].max()).all()
