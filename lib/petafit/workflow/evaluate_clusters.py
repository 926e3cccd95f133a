"""The passes of `petafit evaluate` over rows whose clusters have no label to compare with."""

from typing import Any

from petafit.aggregate.checked import Checked
from petafit.evaluation.clusters import EvaluateClusters, Silhouette, cluster_figures
from petafit.evaluation.metrics import Figures
from petafit.learners.mllib.clusters import ClusterModel
from petafit.models.mllib import MllibModel
from petafit.store.arrays import StateDict
from petafit.stream.batches import Source
from petafit.table.contract import Checks
from petafit.workflow.job import Job
from petafit.workflow.published import Published


def evaluate_clusters(
    job: Job, published: Published, source: Source, checks: Checks
) -> dict[str, float | None]:
    """Measure a clusterer; the manifest gets its clusters.

    Parameters
    ----------
    source, checks
        The rows to measure, and what they must meet.

    Raises
    ------
    ContractError
        Too many rows break the contract.
    EmptyInputError
        There are no test rows.
    """
    model = published.model
    assert isinstance(model, MllibModel)
    assert isinstance(model.fitted, ClusterModel)
    sizes = {"n_clusters": model.fitted.n_clusters, "n_features": model.fitted.n_features}
    rows = published.rows.expected("test")
    with job.run.stage("evaluate"):
        counting = Checked(checks, EvaluateClusters(**sizes))
        outcome = job.passes.run("evaluate", counting, source, start=published.content, rows=rows)
    job.run.update(rows=outcome.result.counts)
    sums = outcome.result.require(job.settings.contract.max_bad_share)
    silhouette = None
    if sums.arrays["vectors"].size and (sums.arrays["weight"] > 0).sum() > 1:
        with job.run.stage("silhouette"):
            start = published.content.prefixed("model") | sums.prefixed("sums")
            second = job.passes.run(
                "silhouette", Checked(checks, Silhouette()), source, start=start, rows=rows
            )
        silhouette = second.result.result
    found: Figures = cluster_figures(sums, model.objective.name, silhouette)
    job.run.update(clusters=_clusters(sums))
    return {**found, "rows_per_second": outcome.rows_per_second}


def _clusters(sums: StateDict) -> list[dict[str, Any]]:
    """The manifest's entry of each cluster."""
    weight = sums.arrays["weight"]
    return [
        {"cluster": cluster, "weight": own, "share": own / float(weight.sum())}
        for cluster, own in enumerate(weight.tolist())
    ]
