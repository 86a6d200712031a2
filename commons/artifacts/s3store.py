"""Blocks in a bucket of Amazon S3 or of a server that speaks its protocol.

Requests are signed by botocore, which finds credentials where every tool of AWS does: in the environment, in
``~/.aws``, or at the machine's role.  They are sent by our own client, as botocore's waits for a slow server as long as
that sends a byte now and then, and follows it to other regions.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from circuits.errors import ConfigError, UnknownError
from commons.artifacts.blockstores import checked, require_block
from commons.artifacts.cids import Cid
from commons.artifacts.webstores import Access, Asked, Web
from commons.runtime.extras import missing
from commons.settings.storeplaces import StorePlace

_DONE = (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT)
_DEFAULT_REGION = "us-east-1"


class S3Store:
    """A bucket, in which each block is an object named by its identifier.

    Args:
        place: bucket, prefix, endpoint and region.
        access: how long the server has; a token is not used.

    Raises:
        ConfigError: the extra ``s3`` is not installed, or there are no credentials.
    """

    def __init__(self, place: StorePlace, access: Access) -> None:
        try:
            from botocore.session import Session  # noqa: PLC0415 - of an extra
        except ImportError:
            raise missing("an S3 bucket", "s3") from None
        session = Session()
        self._region = place.region or session.get_config_variable("region") or _DEFAULT_REGION
        self._credentials: Any = session.get_credentials()
        if self._credentials is None:
            raise ConfigError(
                "there are no credentials for the S3 bucket; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or put "
                "them in ~/.aws/credentials and name the profile with AWS_PROFILE"
            )
        endpoint = place.endpoint or f"https://s3.{self._region}.amazonaws.com"
        self._base = f"{endpoint}/{place.bucket}/{place.prefix}"
        self._web = Web(endpoint, Access(access.timeout))
        self.shown = f"the bucket {place.bucket} at {urlsplit(endpoint).netloc}"

    def get(self, cid: Cid) -> bytes:
        """As of every store.  Raises UnknownError, ProofError, UnavailableError."""
        status, block = self._ask("GET", cid, b"", (HTTPStatus.OK, HTTPStatus.NOT_FOUND))
        if status == HTTPStatus.NOT_FOUND:
            raise UnknownError(f"{self.shown} has no block {cid}; name a store that has it")
        return checked(cid, block, self.shown)

    def put(self, cid: Cid, block: bytes) -> None:
        """As of every store.  Raises InvalidInputError, UnavailableError."""
        require_block(cid, block)
        self._ask("PUT", cid, block, _DONE)

    def has(self, cid: Cid) -> bool:
        """Whether there is an object of that name.  Raises UnavailableError."""
        return self._ask("HEAD", cid, b"", (HTTPStatus.OK, HTTPStatus.NOT_FOUND))[0] == HTTPStatus.OK

    def keep(self, root: Cid) -> None:
        """Nothing is cleared away, unless the bucket has rules of its own."""

    def _ask(self, method: str, cid: Cid, body: bytes, understood: tuple[int, ...]) -> tuple[int, bytes]:
        from botocore.auth import S3SigV4Auth  # noqa: PLC0415 - of an extra
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415

        url = f"{self._base}{cid}"
        request: Any = AWSRequest(method=method, url=url, data=body)
        S3SigV4Auth(self._credentials.get_frozen_credentials(), "s3", self._region).add_auth(request)
        return self._web.ask(Asked(method, url, dict(request.headers.items()), body), understood)
