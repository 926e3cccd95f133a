"""Declared features and petafit's learners as stages of `pyspark.ml` pipelines."""

from petafit.adapters.spark.features import FeatureEncoder, FeatureEncoderModel
from petafit.adapters.spark.learner import PetafitEstimator, PetafitModel

__all__ = ["FeatureEncoder", "FeatureEncoderModel", "PetafitEstimator", "PetafitModel"]
