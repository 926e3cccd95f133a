"""The releases of Spark that petafit runs on, and the jars that each needs besides its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from petafit.errors import ConfigurationError

OLDEST = (3, 5)
OLDEST_CONNECT = (4, 0)
"""Clients before it give no frames as Arrow tables."""

_KERNEL = {
    "delta-kernel-api-4.4.0.jar": (
        "ee9b5a14ac3b7efdff4d61a58478fe8eb0e5a3fbca43889dca7290795fe79a11"
    ),
    "delta-kernel-defaults-4.4.0.jar": (
        "225c975199e4718b38ee5b7e6da7f19e9585024262b2cec2656b32151a856b0b"
    ),
    "delta-storage-4.4.0.jar": "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc",
}


@dataclass(frozen=True)
class JarRelease:
    """A package of Maven's for a release of Spark.

    Attributes
    ----------
    package : str
        Its coordinates.
    jars : mapping of str to str
        SHA-256 of each file that it needs besides Spark's own jars.
    excluded : str
        Dependencies that are among Spark's own jars, or that nothing here uses.
    """

    package: str
    jars: Mapping[str, str]
    excluded: str = ""


# All but Delta's own; the rest is for Unity Catalog.
_BESIDES_DELTA = "com.*:*,commons-*:*,io.airlift:*,io.unitycatalog:*,javax.*:*,org.*:*"


DELTA = {
    (3, 5): JarRelease(
        "io.delta:delta-spark_2.12:3.3.2",
        {
            "delta-spark_2.12-3.3.2.jar": (
                "4e92085d5d794cf949c50bb665b91384857cad58680c2d0bfc9c7ad353e98e85"
            ),
            "delta-storage-3.3.2.jar": (
                "c096975a2ca97ccc9b4005aa5cce16c9ac3903139d340da6665b66ace67d7c36"
            ),
        },
        _BESIDES_DELTA,
    ),
    (4, 0): JarRelease(
        "io.delta:delta-spark_4.0_2.13:4.4.0",
        {
            "delta-spark_4.0_2.13-4.4.0.jar": (
                "49e899667168b9412f83cbe894ce264107d7b896d6c5e12edca4e216845c1104"
            ),
            **_KERNEL,
        },
        _BESIDES_DELTA,
    ),
    (4, 1): JarRelease(
        "io.delta:delta-spark_4.1_2.13:4.4.0",
        {
            "delta-spark_4.1_2.13-4.4.0.jar": (
                "75a9400986853c061f5109f012547de2545a5759e5e752e5ef633dabe16a4f10"
            ),
            **_KERNEL,
        },
        _BESIDES_DELTA,
    ),
    (4, 2): JarRelease(
        "io.delta:delta-spark_4.2_2.13:4.4.0",
        {
            "delta-spark_4.2_2.13-4.4.0.jar": (
                "27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead"
            ),
            **_KERNEL,
        },
        _BESIDES_DELTA,
    ),
}

S3 = {
    (4, 2): JarRelease(
        "org.apache.hadoop:hadoop-aws:3.5.0",
        {
            "hadoop-aws-3.5.0.jar": (
                "66bd9eefb938b1a1657487324b63c13df2d8b17164a1dd24e0ef37b905bc5baa"
            ),
            "bundle-2.35.4.jar": (
                "db4b55f24ad1b4e70f17eb1717a4de76a8dadc5a27d764be7c44ff67b2c1c677"
            ),
            "analyticsaccelerator-s3-1.3.1.jar": (
                "4959a9747cbb479c73c3ffbcd479bee5b014f8b2880994585a8693fb9d24675e"
            ),
            "wildfly-openssl-2.2.5.Final.jar": (
                "71fb7932f99a727edb23c5a2cb8c6855ac7196fad41aa0669b3998e277165154"
            ),
        },
    ),
}
"""What reads s3a://, of the version of Hadoop that Spark has: 690 MB."""


def release_of(version: str) -> tuple[int, int] | None:
    """Return the major and minor number of a version of Spark; None if it has no such numbers.

    Examples
    --------
    >>> release_of("4.2.0"), release_of("3.5.3-amzn-1"), release_of("master")
    ((4, 2), (3, 5), None)
    """
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else None


def check_version(version: str, *, connect: bool = False) -> None:
    """Refuse a Spark that petafit does not know, before a job fails halfway.

    Raises
    ------
    ConfigurationError
        It is older than `OLDEST`, or than `OLDEST_CONNECT` on Spark Connect, or newer than the
        newest of `DELTA`.
    """
    oldest, newest = OLDEST_CONNECT if connect else OLDEST, max(DELTA)
    release = release_of(version)
    if release is None or oldest <= release <= newest:
        return
    if release < oldest:
        wrong, hint = "old", "Use a newer runtime of your platform, install `petafit[spark]`"
    else:
        wrong, hint = "new", "Upgrade petafit, use an older runtime of your platform"
    raise ConfigurationError(
        f"This Spark{' Connect' if connect else ''} is too {wrong} for petafit",
        expected=f"Spark {_text(oldest)} to {_text(newest)}",
        got=version,
        hint=f"{hint}, or use the engine that needs no Spark: `--set engine=local`.",
    )


def _text(release: tuple[int, int]) -> str:
    return ".".join(map(str, release))
