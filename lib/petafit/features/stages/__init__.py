"""Stages of Spark ML as features of a model: a record of what was fitted, without Spark."""
