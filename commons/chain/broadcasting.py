"""Handing a signed transaction to the nodes, and what their answers mean."""

from __future__ import annotations

import logging

from web3.exceptions import ContractLogicError, Web3RPCError

from circuits.errors import ChainError
from commons.chain.nodewords import KNOWN, STALE, says
from commons.chain.rpc import UNFORESEEN, Rpc, revert_data

_log = logging.getLogger(__name__)


def broadcast(rpc: Rpc, raw: bytes) -> bool:
    """Hand it over; False when its nonce is taken, by another variant or by a stranger's.

    Whatever the answer is, who was shown the bytes can have them mined until the nonce is used.

    Raises:
        ChainError: it is refused for another reason.
    """
    try:
        rpc.web3.eth.send_raw_transaction(raw)
    except Web3RPCError as error:
        if says(str(error), STALE):
            return False
        if not says(str(error), KNOWN):
            raise ChainError(f"the node refused the transaction: {rpc.said(error)}") from None
    except ContractLogicError as error:
        raise rpc.errors.explain(revert_data(error)) from error
    except (OSError, *UNFORESEEN) as error:  # it may have it nevertheless
        _log.warning("event=broadcast-failed reason=%s", type(error).__name__)
    return True
