"""The object store of an environment, stated once for all that reads and writes there."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from petafit.config.section import Section


class Storage(Section):
    """The S3-compatible service behind s3:// URIs, for pyarrow, delta-rs and Spark alike."""

    endpoint: str | None = Field(
        None, description="URL of the service: http://minio.example:9000; null: AWS"
    )
    region: str | None = Field(
        None, description="such as eu-west-1; null: AWS_REGION, or the bucket's own"
    )
    path_style: bool = Field(
        True,
        description="with an endpoint: the bucket's name stands in the path; false: in the host",
    )
    profile: str | None = Field(
        None,
        description="profile of the AWS configuration that has the credentials; null: as the AWS "
        "SDK finds them (environment variables, instance role)",
    )
    anonymous: bool = Field(False, description="read public buckets without credentials")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.endpoint is not None:
            url = urlsplit(self.endpoint)
            if url.scheme not in ("http", "https") or not url.hostname or url.username:
                raise ValueError("endpoint is not a URL such as http://minio.example:9000")
        if self.anonymous and self.profile:
            raise ValueError("give either profile or anonymous")
        return self

    def variables(self) -> dict[str, str]:
        """Return the environment variables by which pyarrow and delta-rs take these settings."""
        found: dict[str, str | None] = {
            "AWS_PROFILE": self.profile,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_SKIP_SIGNATURE": "true" if self.anonymous else None,
        }
        if self.endpoint is not None:
            found["AWS_ENDPOINT_URL"] = self.endpoint
            found["AWS_ALLOW_HTTP"] = "true" if self.endpoint.startswith("http:") else None
            found["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"] = str(not self.path_style).lower()
        return {name: value for name, value in found.items() if value is not None}

    def hadoop_settings(self) -> dict[str, str]:
        """Return the settings of Hadoop's s3a, without the prefix ``spark.hadoop.``."""
        provider = None
        if self.anonymous:
            provider = "org.apache.hadoop.fs.s3a.AnonymousAWSCredentialsProvider"
        elif self.profile:
            provider = "software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider"
        found = {
            "fs.s3a.aws.credentials.provider": provider,
            "fs.s3a.endpoint.region": self.region,
        }
        if self.endpoint is not None:
            found["fs.s3a.endpoint"] = self.endpoint
            found["fs.s3a.path.style.access"] = str(self.path_style).lower()
            secure = not self.endpoint.startswith("http:")
            found["fs.s3a.connection.ssl.enabled"] = str(secure).lower()
        return {name: value for name, value in found.items() if value is not None}
