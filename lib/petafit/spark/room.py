"""Workers of a standalone cluster: whether any is large enough for an executor."""

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from petafit.errors import ConfigurationError
from petafit.spark.start import addresses

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_log = logging.getLogger(__name__)

_SHOWN = 3


class Room(NamedTuple):
    """The size of a worker, or of an executor; memory in MiB."""

    cores: int
    memory: int

    def __str__(self) -> str:
        return f"{self.cores} core{'s' * (self.cores != 1)} and {self.memory:,} MiB"


def require_room(session: "SparkSession") -> None:
    """Refuse executors that are larger than every worker of a standalone cluster.

    Spark itself waits for such a worker for ever. A cluster without any worker may still get some.

    Raises
    ------
    ConfigurationError
        Names the size of an executor, and the sizes of the workers.
    """
    from py4j.protocol import Py4JError

    try:
        context: Any = session.sparkContext
    except (NotImplementedError, AttributeError):  # Spark Connect
        return
    if not context.master.startswith("spark://"):
        return
    wanted = Room(_cores(session), context._jsc.sc().executorMemory())
    try:
        found = _workers(context)
    except Py4JError as error:  # another release's classes, or a master that went away
        _log.debug("%s does not say which workers it has", context.master, exc_info=error)
        return
    if found and not any(_holds(worker, wanted) for worker in found):
        sizes = [f"{count} of {worker}" for worker, count in sorted(found.items(), reverse=True)]
        raise ConfigurationError(
            f"No worker of {context.master} is large enough for one executor",
            expected=f"a worker of {wanted}",
            got=", ".join([*sizes[:_SHOWN], *(["..."] * (len(sizes) > _SHOWN))]),
            hint="Lower `spark.executor.cores` or `spark.executor.memory` in `spark.submit`.",
        )


def _holds(worker: Room, executor: Room) -> bool:
    return worker.cores >= executor.cores and worker.memory >= executor.memory


def _cores(session: "SparkSession") -> int:
    """Return the number of cores without which an executor does not start."""
    names = "spark.executor.cores", "spark.task.cpus"
    asked = (session.conf.get(name, None) for name in names)
    return next((int(text) for text in asked if text), 1)


def _workers(context: Any) -> Counter[Room]:
    """Count the workers that are alive by their size; asks the masters as their own pages do."""
    jvm, found = context._jvm, Counter[Room]()
    spark = jvm.org.apache.spark
    request = jvm.java.lang.Class.forName(
        "org.apache.spark.deploy.DeployMessages$RequestMasterState$"
    )
    message = request.getField("MODULE$").get(None)
    for host, port in addresses(context.master):
        master = (
            spark.SparkEnv.get()
            .rpcEnv()
            .setupEndpointRef(spark.rpc.RpcAddress(host, port), "Master")
        )
        answer = master.askSync(message, jvm.scala.reflect.ClassTag.Any())
        found.update(
            Room(worker.cores(), worker.memory()) for worker in answer.workers() if worker.isAlive()
        )
    return found
