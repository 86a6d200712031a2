"""Settings of files that are kept by what is in them."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Interval

from commons.settings.section import Section
from commons.settings.storeplaces import StoreUrl
from commons.settings.values import File, Unit


class ArtifactSettings(Section):
    """Files of the model market by what is in them: models, data sets, sealed rows; see [artifacts](artifacts.md)."""

    store: StoreUrl | None = None
    """Where they are kept and looked for.  A password in it is refused."""
    token_file: File | None = None
    """A file with the token that the RPC of a kubo node, or a gateway, asks for (`Authorization: Bearer`).  Credentials
    for S3 are where every tool of AWS looks: in the environment, in `~/.aws`, or at the machine's role."""
    timeout: Annotated[float, Interval(ge=1, le=600), Unit("seconds")] = 60.0
    """How long a store has for one block of at most 2 MiB, from the connection to the last byte."""
    max_bytes: Annotated[int, Interval(ge=1, le=2**40), Unit("bytes")] = 2**34
    """The largest file that is fetched; what says that it is larger is refused before anything of it is."""
