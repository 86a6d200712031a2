"""An external signer over real HTTP, by the API of Web3Signer, which is honest unless it is told otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_keys.datatypes import PrivateKey
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes

from circuits.hashing import keccak
from commons.protocol.signing import signs
from commons.settings.accountplaces import SignerPlace, parse_account
from commons.storage.accounts import SigningKey
from tests.support.localserver import Asked, LocalServer

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
Reply = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""


def same(anything: Any) -> Any:
    return anything


class SignerServer(LocalServer):
    """A context manager.

    Args:
        identity: PEM files of its certificate and key, for TLS.
        clients: PEM file of the certificates that a client must show one of.

    Attributes:
        chain_id: the chain that it signs for, whatever it is asked.
        accounts: that it says to have.
        asked: methods and paths, in order.
        fields: changes a transaction before it is signed.
        spoil: changes the bytes that were signed.
        said: changes the whole reply.
        signer: of what it signs.
        deterministic: whether it signs the same twice in the same way (RFC 6979); hardware mostly does not.
    """

    def __init__(
        self,
        key: SigningKey,
        chain_id: int = 5,
        *,
        identity: tuple[Path, Path] | None = None,
        clients: Path | None = None,
    ) -> None:
        self.key = self.signer = key
        self.chain_id = chain_id
        self.accounts: Any = ["0x" + "01" * 20, to_checksum_address(key.address)]
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}
        self.fields: Callable[[dict[str, Any]], dict[str, Any]] = same
        self.spoil: Callable[[bytes], bytes] = same
        self.said: Callable[[Reply], Reply] = same
        self.deterministic = True
        super().__init__(identity, clients)

    def answered(self, asked: Asked) -> Reply:
        """See ``said``."""
        if not asked.body:
            return self.said(self.shown(asked.path))
        self.headers = dict(asked.headers)
        return self.said(self.reply(asked.path, json.loads(asked.body)))

    @property
    def written(self) -> str:
        """Its place, as settings have it, with a password and a path."""
        return f"{self.scheme}://user:hunter2@localhost:{self.port}/APIKEY#0x{self.key.address.hex()}"

    @property
    def place(self) -> SignerPlace:
        place = parse_account(self.written)
        assert isinstance(place, SignerPlace)
        return place

    def count(self, method: str) -> int:
        return self.asked.count(method)

    def shown(self, path: str) -> Reply:
        self.asked.append("publicKeys")
        assert path == "/APIKEY/api/v1/eth1/publicKeys"
        return 200, {}, json.dumps(["0x" + b"\x01".hex() * 64, public_key(self.key)]).encode()

    def reply(self, path: str, body: Any) -> Reply:
        if path == f"/APIKEY/api/v1/eth1/sign/{public_key(self.key)}":
            self.asked.append("sign")
            return 200, {}, f"0x{self.spoil(self._signed(keccak(bytes.fromhex(body['data'][2:])))).hex()}".encode()
        assert path == "/APIKEY"
        self.asked.append(body["method"])
        assert body["method"] in ("eth_accounts", "eth_signTransaction")
        result = self._transaction(*body["params"]) if body["params"] else self.accounts
        answer = {"jsonrpc": "2.0", "id": body["id"], "result": result}
        return 200, {}, json.dumps(answer).encode()

    def _transaction(self, asked: dict[str, str]) -> str:
        assert asked["from"] == f"0x{self.key.address.hex()}"
        numbers = ("nonce", "gas", "value", "maxFeePerGas", "maxPriorityFeePerGas")
        call: dict[str, Any] = {name: int(asked[name], 16) for name in numbers}
        call |= {"data": asked["data"], "chainId": self.chain_id}
        if "to" in asked:
            call["to"] = to_checksum_address(asked["to"])
        call = self.fields(call)
        raw = bytes(Account.sign_transaction(call, self.signer.secret_bytes()).raw_transaction)
        return f"0x{self.spoil(raw if self.deterministic else self._again(raw)).hex()}"

    def _again(self, raw: bytes) -> bytes:
        found = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        return resigned(found, self._signed(bytes(TypedTransaction.from_dict(_unsigned(found)).hash())))

    def _signed(self, digest: bytes) -> bytes:
        return self.signer.sign(digest) if self.deterministic else drawn(self.signer, digest)


def public_key(key: SigningKey) -> str:
    return f"0x{PrivateKey(key.secret_bytes()).public_key.to_bytes().hex()}"


def drawn(key: SigningKey, digest: bytes) -> bytes:
    """A signature with a nonce that is drawn, as hardware makes it."""
    private = ec.derive_private_key(int.from_bytes(key.secret_bytes(), "big"), ec.SECP256K1())
    r, s = decode_dss_signature(private.sign(digest, ec.ECDSA(Prehashed(SHA256()))))
    plain = r.to_bytes(32, "big") + min(s, ORDER - s).to_bytes(32, "big")
    return next(each for v in (27, 28) if signs(key.address, digest, each := plain + bytes((v,))))


def _unsigned(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in ("v", "r", "s")}


def resigned(fields: dict[str, Any], signature: bytes) -> bytes:
    """A transaction with another signature."""
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    return bytes(TypedTransaction.from_dict({**fields, "v": signature[64] - 27, "r": r, "s": s}).encode())


def high(signature: bytes) -> bytes:
    """The other signature of the same, with a high s."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes((55 - signature[64],))
