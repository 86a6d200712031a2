"""Whether a task can be served: by a node's own files (reference string, its length, the policy's key), and with a key
for sums to which something may be sealed.

Looked at when a node starts, and before anything of a task is taken in: a file that is missing or another must not show
up in the middle of a round, where it looks like somebody's lie.
"""

from __future__ import annotations

from collections.abc import Callable

from commons.chain.ports import MarketReader
from commons.protocol.sealedsums import require_sum_key
from commons.storage.parameters import PublicParameters


def require_served(
    chain: MarketReader, parameters: PublicParameters, load_key: Callable[[bytes], object], task_id: int
) -> None:
    """Refuse a task that this node's files do not serve.

    Args:
        load_key: loads what this role needs of the policy key with a hash.

    Raises:
        KeyMismatchError: the task's reference string is another, or longer than ours, or its policy key is not here.
        KeyFileError, InsecureSetupError: a file is no good.
        UnknownError: no such task.
        InvalidInputError: nothing may be sealed to its key for sums.
    """
    parameters.require_string(chain.tau(task_id))
    terms = chain.terms(task_id)
    parameters.require_dimension(terms.dimension)
    if terms.sums_private:
        require_sum_key(terms.sum_key)
    load_key(chain.policy(task_id).key_hash)
