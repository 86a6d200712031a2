"""The name of a span on its way to a server: W3C Trace Context, in gRPC's metadata.

It goes with steps alone, from a coordinator to provers, and a prover looks for it behind the step's signature: nobody
else has a say in where a span of a server belongs.  The signature does not cover it, so whoever has a signed head can
name another trace with it, and nothing more.
"""

from __future__ import annotations

import grpc

from commons.runtime import spans

_KEY = "traceparent"
_LENGTH = 55
"""Of version 00, the only one."""
Metadata = tuple[tuple[str, str], ...]


def outgoing() -> Metadata | None:
    """What goes with a call; None where nothing is traced."""
    carried = spans.carried()
    return ((_KEY, carried),) if carried else None


def incoming(context: grpc.ServicerContext) -> str:
    """What came with a call; empty where nothing did, or what is no name.  Of two gRPC keeps the last."""
    found = dict(context.invocation_metadata() or ()).get(_KEY, "")
    return found if isinstance(found, str) and len(found) == _LENGTH else ""
