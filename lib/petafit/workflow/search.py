"""`petafit search`: race candidates over the training rows, and write the best as a task file."""

from typing import Any, Unpack

from petafit.config.searching import budget_of
from petafit.config.settings import LearnerChoice, Settings
from petafit.config.yaml12 import dump
from petafit.errors import ConfigurationError
from petafit.evaluation.evaluate import metrics_of
from petafit.features.instances import Encoding
from petafit.learners.objective import Objective
from petafit.learners.registry import describe, learner_names
from petafit.racing.candidate import Candidate
from petafit.racing.confidence import FEWEST_ROWS
from petafit.racing.proposal import AS_IT_IS, MOST_BITS, ablations, propose
from petafit.racing.rounds import SearchRounds
from petafit.racing.standing import Standing, best
from petafit.store.filesystem import Folder
from petafit.store.runs import Run
from petafit.stream.batches import Source
from petafit.stream.direct import DirectSource
from petafit.training.schedule import geometric
from petafit.workflow.job import Job, JobOptions, open_job
from petafit.workflow.profile import encoder_for
from petafit.workflow.removals import removals_of
from petafit.workflow.rows import TaskRows, open_rows
from petafit.workflow.stages import task_with_stages
from petafit.workflow.step_size import with_step_size
from petafit.workflow.task import Task

_ROUNDS = 3
"""Each but the first has as many rows as all before it."""

_PENALISED = ("petafit.OnlineLinearClassifier", "petafit.OnlineLinearRegressor")
_FACTORIZATION = {
    "classifier": "petafit.FactorizationMachineClassifier",
    "regressor": "petafit.FactorizationMachineRegressor",
}


def search(settings: Settings, **options: Unpack[JobOptions]) -> Run:
    """Find the best of a task's candidates in one pass, and write it as a task file.

    Parameters
    ----------
    settings : Settings
        ``settings.search`` says which candidates there are, and when to end.
    frame, spark, run_id, logical_date
        As in `petafit.train`.

    Returns
    -------
    Run
        ``run.manifest["search"]`` has the candidates and the best of them; ``task.yaml`` in the
        run folder extends the task.

    Raises
    ------
    ConfigurationError
        Settings that cannot work, a budget that is too small, or all candidates failed.
    ContractError
        The table does not hold what the task needs, or too many rows are bad.
    EmptyInputError
        There are no training rows.
    ConflictError
        The run id belongs to other settings, or to a run that is still going on.
    """
    choices = _choices(settings)
    with open_job("search", settings, **options) as job:
        if job.finished:
            return job.run
        rows = open_rows(job, job.settings.table)
        task, _ = task_with_stages(job, rows)
        candidates, encoding = _candidates(job, task, rows, choices)
        source = rows.source("train", task.columns, task.derived)
        total = encoding.encoder.statistics.rows or rows.estimated("train")
        parts, seconds, share = _parts(settings, source, total)
        loop = SearchRounds(
            job.passes,
            encoding,
            metrics_of(task.signature(encoding.encoder)),
            alpha=settings.search.risk,
            max_bad_share=settings.contract.max_bad_share,
            seed=settings.training.seed,
            seconds=seconds,
            reference=AS_IT_IS if settings.search.ablate else None,
        )
        with job.run.stage("search"):
            standings = loop.run(
                candidates, parts, rows=None if total is None else round(share * total)
            )
        _record(job, candidates, standings)
        job.run.folder.remove("search")
    return job.run


def _choices(settings: Settings) -> list[LearnerChoice]:
    """Return the learners to compare, the task's first.

    Raises
    ------
    ConfigurationError
        One is unknown, cannot share a pass, or minimises another loss than the task's.
    """
    own, asked = describe(settings.learner), settings.search.learners
    if settings.search.ablate:
        asked = ()
    elif asked is None:
        other = _FACTORIZATION.get(own.kind)
        asked = () if other in (None, own.name) else (other,)
    names = [name for name in dict.fromkeys(asked) if name != own.name]
    choices = [settings.learner, *(LearnerChoice(name=name) for name in names)]
    for choice in choices:
        found = describe(choice)
        if found.family == "mllib" or (found.layout, found.dtype) != ("csr", "float32"):
            raise ConfigurationError(
                f"{choice.name} cannot race with others: it does not learn batch by batch from "
                "sparse rows of float32",
                expected="learners such as "
                + ", ".join(name for name in learner_names() if name.startswith("petafit.Online")),
                hint="Leave it out of `search.learners`, and compare it by `petafit evaluate`.",
            )
        _require_same(found.objective, own.objective, choice.name, own.name)
    return choices


def _require_same(objective: Objective, own: Objective, name: str, first: str) -> None:
    if objective != own:
        raise ConfigurationError(
            f"The losses of {name} and {first} do not compare: they minimise different ones",
            expected=own.name,
            got=objective.name,
            hint="Set the loss in `learner.params`, or leave it out of `search.learners`.",
        )


def _candidates(
    job: Job, task: Task, rows: TaskRows, choices: list[LearnerChoice]
) -> tuple[list[Candidate], Encoding]:
    """Return the candidates, and the encoding of rows with the most bits of any."""
    settings = task.settings
    wanted = settings.search
    steps = (min(settings.hash_bits + 1, MOST_BITS),) if wanted.ablate else wanted.hash_bits
    bits = max(settings.hash_bits, *steps, 1)
    wide = _with(task, hash_bits=bits)
    encoder = encoder_for(job, wide, rows).with_tracing()
    source = rows.source("train", task.columns, task.derived)
    fixed: list[LearnerChoice] = []
    for choice in reversed(choices):  # the manifest keeps the rate of the last
        own = with_step_size(job, _with(wide, learner=choice), encoder, rows, source)
        fixed.insert(0, own.settings.learner)
    removals = removals_of(task, rows.snapshot, encoder) if wanted.leave_out else []
    declared, penalised = settings.hash_bits, settings.learner.name in _PENALISED
    if wanted.ablate:
        candidates = ablations(fixed[0], hash_bits=declared, removals=removals, penalised=penalised)
    else:
        candidates = propose(
            wanted, fixed, hash_bits=declared, removals=removals, penalised=penalised
        )
    return candidates, Encoding(task.checks, encoder)


def _with(task: Task, **changes: Any) -> Task:
    settings = task.settings.model_copy(update=changes)
    return Task(settings, task.schema, task.learner, task.features, task.kind, task.derived)


def _parts(
    settings: Settings, source: Source, total: int | None
) -> tuple[list[Source], float | None, float]:
    """Return the rows of each round, the time there is, and the share of the rows that is read.

    Raises
    ------
    ConfigurationError
        The budget is too small.
    """
    kind, size = budget_of(settings.search.budget)
    share = 1.0
    if kind == "pass":
        share = size
    elif kind == "rows" and total:
        share = min(1.0, size / total)
    if total and share * total < FEWEST_ROWS:
        raise ConfigurationError(
            f"The budget of {settings.search.budget!r} is too small to compare any candidates",
            expected=f"at least {FEWEST_ROWS:,} rows",
            got=f"{share * total:,.0f} of {total:,}",
            hint="Raise `search.budget`.",
        )
    seconds = size if kind == "seconds" else None
    if not isinstance(source, DirectSource):
        if share < 1:
            raise ConfigurationError(
                "Spark's scan reads all rows of the table at once",
                expected="search.budget: 1 pass",
                got=settings.search.budget,
                hint="Narrow the rows by `table.filter` instead.",
            )
        return [source], seconds, share
    rounds = 1 if settings.search.ablate else _ROUNDS
    while rounds > 1 and total and share * total / 2 ** (rounds - 1) < FEWEST_ROWS:
        rounds -= 1
    cuts = [share * cut for cut in geometric(rounds)]
    whole = source.cut(cuts if share == 1 else [*cuts, 1.0])
    return [whole.only(range(part, part + 1)) for part in range(rounds)], seconds, share


def _record(job: Job, candidates: list[Candidate], standings: list[Standing]) -> None:
    """Write the best candidate's task file, and all candidates into the manifest."""
    found = best(standings)
    assert found is not None
    chosen = next(each for each in candidates if each.name == found.name)
    text = _task_file(job.settings.task, chosen, found)
    job.run.folder.write("task.yaml", text.encode())
    written = f"{job.run.folder.uri}/task.yaml"
    if job.settings.search.task_file:
        folder, _, name = job.settings.search.task_file.rpartition("/")
        Folder(folder or ".").write(name, text.encode())
        written = job.settings.search.task_file
    listed = [
        {
            "name": each.name,
            "changes": candidate.changes,
            "loss": each.loss,
            "difference": each.difference,
            "interval": None if each.low is None else [each.low, each.high],
            "rows": each.rows,
            "dropped_at": each.dropped_at,
            "error": each.error,
            "curve": each.curve,
        }
        for candidate, each in zip(candidates, standings, strict=True)
    ]
    job.run.update(
        search={
            "best": found.name,
            "reference": AS_IT_IS if job.settings.search.ablate else found.name,
            "task_file": written,
            "candidates": listed,
        },
        rows={"used": max(each.rows for each in standings)},
        metrics={"loss": found.loss, "candidates": len(candidates)},
    )


def _task_file(task: str, chosen: Candidate, standing: Standing) -> str:
    changed = "".join(f"{key}: {dump(value)}\n" for key, value in dict(chosen.changes).items())
    return (
        f"# The best candidate of a search: {chosen.name}; progressive loss {standing.loss:.6g} "
        f"over the last rows of {standing.rows:,}.\nextends: {task}\n{changed}"
    )
