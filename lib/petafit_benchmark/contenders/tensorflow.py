"""TensorFlow: a `tf.data` pipeline and a hashed linear model with Adagrad.

Arrow's batches enter by `Dataset.from_generator`, large, since each crosses from Python to the
graph; hashing runs in the pipeline beside the training, and `rebatch` sets the rows of a step.
Weights are gathered, so that gradients and the updates of Adagrad stay sparse: the optimiser of
`tf.compat.v1` has a fused kernel for them, that of Keras 3 took twice the time. Of 1,024 to 8,192
rows a step, the fewest gave the best model at nearly the same speed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from petafit_benchmark.contender import (
    Contender,
    ContenderRun,
    Spec,
    save_predictions,
    step_sizes,
    versions,
)

if TYPE_CHECKING:
    import tensorflow as tf


READ_ROWS = 1 << 14
BATCH_ROWS = 1 << 10


def train(spec: Spec) -> ContenderRun:
    """One pass, the loop over the batches inside the graph."""
    began = time.monotonic()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    weights, bias = tf.Variable(tf.zeros(1 << spec.hash_bits)), tf.Variable(0.0)
    optimizer = tf.compat.v1.train.AdagradOptimizer(spec.tuned or 0.05)

    def logits(indices: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.gather(weights, indices) * values, axis=1) + bias

    def one_pass(batches: tf.data.Dataset) -> None:
        for indices, values, label in batches:
            with tf.GradientTape() as tape:
                losses = tf.nn.sigmoid_cross_entropy_with_logits(label, logits(indices, values))
                # Not the mean: its gradients would drown in Adagrad's first accumulator.
                loss = tf.reduce_sum(losses)
            variables = [weights, bias]
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    learn = tf.function(one_pass)
    batches = _batches(tf, spec, spec.files)
    learn(batches.take(0))  # traces the graph
    startup = time.monotonic() - began
    began = time.monotonic()
    learn(batches)
    seconds = time.monotonic() - began
    predictions = (
        tf.sigmoid(logits(indices, values)).numpy()
        for indices, values, _ in _batches(tf, spec, spec.test_files)
    )
    return ContenderRun(
        rows=spec.rows,
        seconds=seconds,
        predictions=save_predictions(spec, predictions),
        startup_seconds=startup,
        versions=versions("tensorflow", "tensorflow-cpu", "keras", "numpy", "pyarrow"),
    )


def _batches(tf: Any, spec: Spec, files: Sequence[str]) -> tf.data.Dataset:
    """Indices and values, each (n, columns), and labels, (n,)."""
    size = 1 << spec.hash_bits
    # A value has the same hash in all columns: an offset for each column tells them apart.
    starts = np.random.default_rng(spec.seed).integers(size, size=len(spec.columns) - 1)
    of_integers, of_strings = np.split(starts[:, None], [len(spec.integers)])

    def encode(
        integers: tf.Tensor, strings: tf.Tensor, present: tf.Tensor, label: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        logarithms = tf.sign(integers) * tf.math.log1p(tf.abs(integers))
        known = tf.where(tf.math.is_nan(logarithms), tf.zeros_like(logarithms), logarithms)
        hashed = (tf.strings.to_hash_bucket_fast(strings, size) + of_strings) % size
        named = tf.broadcast_to(of_integers, tf.shape(integers, tf.int64))
        values = tf.concat([known, tf.cast(present, tf.float32)], axis=0)
        return tf.transpose(tf.concat([named, hashed], axis=0)), tf.transpose(values), label

    signature = (
        tf.TensorSpec((len(spec.integers), None), tf.float32),
        tf.TensorSpec((len(spec.strings), None), tf.string),
        tf.TensorSpec((len(spec.strings), None), tf.bool),
        tf.TensorSpec((None,), tf.float32),
    )
    read = tf.data.Dataset.from_generator(_reader(spec, files), output_signature=signature)
    encoded = read.map(encode, num_parallel_calls=tf.data.AUTOTUNE)
    return encoded.rebatch(BATCH_ROWS).prefetch(tf.data.AUTOTUNE)


def _reader(
    spec: Spec, files: Sequence[str]
) -> Callable[[], Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]]:
    """Integers (n_integers, n), strings and their validity (n_strings, n), labels (n,)."""

    def read() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        for path in files:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(READ_ROWS, columns=list(spec.columns)):
                    yield (
                        _matrix(batch, spec.integers).astype(np.float32),
                        _matrix(batch, spec.strings, lambda read: pc.fill_null(read, b"")),
                        _matrix(batch, spec.strings, pc.is_valid),
                        batch.column(spec.label).to_numpy().astype(np.float32),
                    )

    return read


def _matrix(
    batch: pa.RecordBatch,
    names: Sequence[str],
    made: Callable[[pa.Array], pa.Array] = lambda read: read,
) -> np.ndarray:
    """Columns of one type, a row each; strings as bytes, numbers with NaN for null."""
    read = pa.concat_arrays([batch.column(name) for name in names])
    if pa.types.is_string(read.type):
        read = read.cast(pa.binary())
    return made(read).to_numpy(zero_copy_only=False).reshape(len(names), -1)


LINEAR = Contender(
    title="TensorFlow, tf.data and Adagrad",
    learner="tensorflow.AdagradOptimizer",
    train=train,
    cores=2,
    requires=("tensorflow",),
    most_rows=2_000_000,
    tunes="learning_rate",
    grid=step_sizes(0.05),
)
