"""What a node may answer to each question of ours, by schema (Ethereum execution API, JSON-RPC 2.0).

Nothing else gets further than this module: a node that answers with `{}`, a number out of range, logs that nobody asked
for or the receipt of another transaction is the trouble, and is named.  Fields that nobody here reads are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from web3.exceptions import ContractLogicError
from web3.types import RPCResponse

from circuits.foreignjson import parse_json
from circuits.hashing import keccak
from commons.chain.nodewords import BUSY, says

_NO_METHOD = -32601
_CALLS = ("eth_call", "eth_estimateGas")
"""Questions that a contract may refuse."""
_REVERTED = "Reverted "
"""Before the data of a revert, at nodes of one kind."""


class OddAnswerError(ValueError):
    """What a node answers is none; the text says what of it, in words that are not the node's."""


def _hexadecimal(digits: str) -> StringConstraints:
    return StringConstraints(pattern=rf"^0x{digits}$", strict=True)


def _at_most(bits: int) -> AfterValidator:
    def check(text: str) -> str:
        if int(text, 16) >> bits:
            raise ValueError(f"over {bits} bits")
        return text

    return AfterValidator(check)


def _few(topics: list[str]) -> list[str]:
    if len(topics) > 4:  # the EVM has LOG0 to LOG4
        raise ValueError("over four topics")
    return topics


_Quantity = Annotated[str, _hexadecimal("[0-9a-fA-F]{1,64}")]
_U63 = Annotated[_Quantity, _at_most(63)]
_Data = Annotated[str, _hexadecimal("([0-9a-fA-F]{2})*")]
_Hash = Annotated[str, _hexadecimal("[0-9a-fA-F]{64}")]
_Address = Annotated[str, _hexadecimal("[0-9a-fA-F]{40}")]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, alias_generator=to_camel)


class _Block(_Answer):
    number: _U63
    hash: _Hash
    timestamp: _U63
    gas_limit: _U63
    parent_hash: _Hash | None = None
    base_fee_per_gas: _Quantity | None = None
    transactions: list[_Hash] | None = None


class _Log(_Answer):
    address: _Address
    topics: Annotated[list[_Hash], AfterValidator(_few)]
    data: _Data
    block_number: _U63
    block_hash: _Hash
    transaction_hash: _Hash
    log_index: _U63
    removed: Literal[False] = False


class _Receipt(_Answer):
    transaction_hash: _Hash
    block_number: _U63
    block_hash: _Hash
    gas_used: _U63
    status: Literal["0x0", "0x1"]
    contract_address: _Address | None = None
    effective_gas_price: _Quantity | None = None
    logs: list[_Log]


class _Transaction(_Answer):
    hash: _Hash
    nonce: _U63
    gas: _U63
    input: _Data
    value: _Quantity
    block_number: _U63 | None = None
    sender: Annotated[_Address | None, Field(alias="from")] = None
    to: _Address | None = None
    gas_price: _Quantity | None = None
    max_fee_per_gas: _Quantity | None = None
    max_priority_fee_per_gas: _Quantity | None = None


class _Syncing(_Answer):
    current_block: _U63
    highest_block: _U63


class _Error(_Answer):
    code: int
    message: str
    data: Any = None


_RESULTS: Mapping[str, TypeAdapter[Any]] = {
    "eth_accounts": TypeAdapter(list[_Address]),
    "eth_blockNumber": TypeAdapter(_U63),
    "eth_call": TypeAdapter(_Data),
    "eth_chainId": TypeAdapter(_U63),
    "eth_estimateGas": TypeAdapter(_U63),
    "eth_gasPrice": TypeAdapter(_Quantity),
    "eth_getBalance": TypeAdapter(_Quantity),
    "eth_getBlockByNumber": TypeAdapter(_Block | None),
    "eth_getCode": TypeAdapter(_Data),
    "eth_getLogs": TypeAdapter(list[_Log]),
    "eth_getTransactionByHash": TypeAdapter(_Transaction | None),
    "eth_getTransactionCount": TypeAdapter(_U63),
    "eth_getTransactionReceipt": TypeAdapter(_Receipt | None),
    "eth_sendRawTransaction": TypeAdapter(_Hash),
    "eth_sendTransaction": TypeAdapter(_Hash),
    "eth_syncing": TypeAdapter(Literal[False] | _Syncing),
}
METHODS = tuple(_RESULTS)
"""What provers, coordinators and commands ask; others are asked of development chains only."""


def parsed(body: bytes) -> dict[str, Any]:
    """The JSON object of an answer.  Raises OddAnswerError."""
    answer = _json(body)
    if not isinstance(answer, dict):
        raise OddAnswerError("answers with JSON that is no JSON-RPC")
    return answer


def _json(body: bytes) -> Any:
    try:
        return parse_json(body)
    except ValueError:  # no JSON, no UTF-8, a number without end, nesting without end
        raise OddAnswerError("answers with something that is no JSON-RPC, a login page perhaps") from None


def sorted_out(body: bytes, method: str, questions: Sequence[int]) -> list[Mapping[str, Any]] | None:
    """One answer to each of several questions that were asked together, which come in any order (JSON-RPC 2.0, 6).

    Args:
        questions: the identifiers that they were asked under, two at least.

    Returns:
        Answers in the order of the questions, of which nothing else was looked at; None where the node takes no such
        batch, and has said so in one error.

    Raises:
        OddAnswerError: some questions are not answered, or are answered twice, or others are answered.
    """
    said = _json(body)
    alone = said[0] if isinstance(said, list) and len(said) == 1 else said  # some put that error into a list
    if isinstance(alone, dict) and alone.get("error") is not None:
        _require_no_batch(method, alone["error"])
        return None
    if not isinstance(said, list):
        raise OddAnswerError(f"answers several {method} with JSON that is no JSON-RPC")
    if len(said) != len(questions):
        raise OddAnswerError(f"gives {len(said)} answers to {len(questions)} {method}")
    found = {str(answer.get("id")): answer for answer in said if isinstance(answer, dict)}
    wanted = [str(question) for question in questions]
    if found.keys() != set(wanted):
        raise OddAnswerError(f"answers other {method} than it was asked, or one of them twice")
    return [found[question] for question in wanted]


def _require_no_batch(method: str, said: object) -> None:
    """Make sure that an error for a whole batch is a node's that takes none, and not one's that is asked too often."""
    try:
        error = _Error.model_validate(said)
    except ValidationError:
        raise OddAnswerError(f"answers several {method} with an error in another form than JSON-RPC's") from None
    if says(error.message, BUSY):
        raise OddAnswerError(f"does not answer several {method}, as it was asked too often")


def checked(method: str, params: Any, question: int, answer: Mapping[str, Any]) -> RPCResponse:
    """A node's answer to a question, made sure of.

    Args:
        question: the identifier that it was asked under.

    Raises:
        OddAnswerError: it is no answer to that.
        ContractLogicError: a contract refused; with the data of its revert, also such as the library cannot read.
    """
    if answer.get("error") is not None:
        if answer.get("result") is not None:
            raise OddAnswerError(f"answers {method} with both a result and an error")
        return _reply(question, error=_refusal(method, answer["error"]))
    if str(answer.get("id")) != str(question):
        raise OddAnswerError(f"answers another question than {method}")
    if "result" not in answer:
        raise OddAnswerError(f"answers {method} with neither a result nor an error")
    return _reply(question, result=_result(method, params, answer["result"]))


def _reply(question: int, **said: Any) -> RPCResponse:
    return cast(RPCResponse, {"jsonrpc": "2.0", "id": question, **said})


def _refusal(method: str, said: object) -> dict[str, Any]:
    try:
        error = _Error.model_validate(said)
    except ValidationError:
        raise OddAnswerError(f"answers {method} with an error in another form than JSON-RPC's") from None
    data = _revert(error.data)
    if method in _CALLS and (data is not None or "revert" in error.message.lower()):
        raise ContractLogicError(error.message, data=data)  # first: the words may be those of a stranger's contract
    if method in _RESULTS and error.code == _NO_METHOD:
        raise OddAnswerError(f"has no method {method}")
    if method in _RESULTS and says(error.message, BUSY):
        raise OddAnswerError(f"does not answer {method}, as it was asked too often")
    return {"code": error.code, "message": error.message}


def _revert(data: Any) -> str | None:
    """The data of a revert, as nodes of several kinds hand it over; None where there is none that can be read."""
    if isinstance(data, dict):
        data = data.get("data")
    if not isinstance(data, str):
        return None
    try:
        return cast(str, _RESULTS["eth_call"].validate_python(data.removeprefix(_REVERTED)))
    except ValidationError:
        return None


def _result(method: str, params: Any, result: Any) -> Any:
    schema = _RESULTS.get(method)
    if schema is None:
        return result
    try:
        known = schema.validate_python(result)
    except ValidationError as error:
        raise OddAnswerError(f"answers {method} with what is none ({_where(error)})") from None
    trouble = _OTHERS[method](params, known) if known is not None and method in _OTHERS else None
    if trouble:
        raise OddAnswerError(f"answers {method} with {trouble}")
    return schema.dump_python(known, by_alias=True, exclude_unset=True)


def _where(error: ValidationError) -> str:
    """Which field is odd.  The node's own text is left out; names of fields are ours."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or part.isidentifier())
    return f"{place}: {first['type']}" if place else str(first["type"])


def _other_block(params: Sequence[Any], block: _Block) -> str | None:
    wanted = _number(params[0])
    return None if wanted in (None, int(block.number, 16)) else "another block than was asked for"


def _other_receipt(params: Sequence[Any], receipt: _Receipt) -> str | None:
    if receipt.transaction_hash.lower() != str(params[0]).lower():
        return "the receipt of another transaction"
    place = receipt.transaction_hash, receipt.block_hash, receipt.block_number
    if any((log.transaction_hash, log.block_hash, log.block_number) != place for log in receipt.logs):
        return "a receipt that has logs of another transaction"
    return _disorder(receipt.logs)


def _other_transaction(params: Sequence[Any], transaction: _Transaction) -> str | None:
    return None if transaction.hash.lower() == str(params[0]).lower() else "another transaction than was asked for"


def _other_hash(params: Sequence[Any], sent: str) -> str | None:
    """A transaction's hash is that of its bytes; whatever else a node says, it is not what we sent."""
    ours = keccak(bytes.fromhex(str(params[0])[2:])).hex()
    return None if sent[2:].lower() == ours else "the hash of another transaction"


def _other_logs(params: Sequence[Any], logs: Sequence[_Log]) -> str | None:
    wanted = params[0]
    first, last = _number(wanted.get("fromBlock")), _number(wanted.get("toBlock"))
    addresses = {str(address).lower() for address in _listed(wanted["address"])}
    topics = [None if topic is None else str(topic).lower() for topic in wanted.get("topics", ())]
    for log in logs:
        number = int(log.block_number, 16)
        if log.address.lower() not in addresses:
            return "logs of another contract"
        if not _fit(topics, log.topics):
            return "logs of other events than were asked for"
        if (first is not None and number < first) or (last is not None and number > last):
            return "logs of other blocks than were asked for"
    return _disorder(logs)


def _listed(addresses: Any) -> Sequence[Any]:
    """The library asks for one address or for a list of them."""
    return [addresses] if isinstance(addresses, str) else addresses


def _fit(wanted: Sequence[str | None], topics: Sequence[str]) -> bool:
    if len(topics) < len(wanted):
        return False
    return all(one is None or one == topic.lower() for one, topic in zip(wanted, topics, strict=False))


def _disorder(logs: Sequence[_Log]) -> str | None:
    """Logs come in the order in which they were written, each once, and a number has one block."""
    places = [(int(log.block_number, 16), int(log.log_index, 16)) for log in logs]
    if any(one >= other for one, other in pairwise(places)):
        return "logs that are doubled or in disorder"
    if len({(log.block_number, log.block_hash.lower()) for log in logs}) != len({number for number, _ in places}):
        return "logs of two blocks with one number"
    return None


def _number(block: Any) -> int | None:
    """The number that a question names a block by; None for a tag."""
    return int(block, 16) if isinstance(block, str) and block.startswith("0x") else None


_OTHERS: Mapping[str, Any] = {
    "eth_getBlockByNumber": _other_block,
    "eth_getLogs": _other_logs,
    "eth_getTransactionByHash": _other_transaction,
    "eth_getTransactionReceipt": _other_receipt,
    "eth_sendRawTransaction": _other_hash,
}
"""What an answer of the right form says that was not asked for; None where all of it was."""
