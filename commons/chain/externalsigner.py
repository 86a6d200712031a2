"""An account whose key is elsewhere: an external signer that speaks the API of Web3Signer signs for it.

Transactions are signed by ``eth_signTransaction``, and messages by ``/api/v1/eth1/sign``, which signs a message's
Keccak-256 hash.  Nothing that comes back is believed: it must be the very transaction that was to be signed, or a
signature of the message, by the account.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

from eth_utils.address import to_checksum_address

from circuits.errors import SignatureError, SignerError
from circuits.foreignjson import parse_json
from circuits.hashing import keccak
from commons.chain.answers import OddAnswerError, parsed
from commons.chain.signedtransactions import NotSignedError, require_signed, wanted
from commons.chain.signerchannel import SignerChannel
from commons.protocol.signing import require_signer
from commons.runtime.foreigntext import printable
from commons.settings.accountplaces import AccountPlace, SignerPlace
from commons.settings.signersettings import SignerSettings
from commons.storage.accounts import Signer, load_account
from commons.storage.unlock import Unlock

_SHOWN = 120
"""Characters of its own words that an error shows."""
_KEYS, _SIGN = "/api/v1/eth1/publicKeys", "/api/v1/eth1/sign/"
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})+")
_KEY = re.compile(r"0x[0-9a-fA-F]{128}")
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")


class ExternalSigner:
    """Implements ``commons.storage.accounts.Signer``.  Thread-safe.

    Attributes:
        address: 20 bytes.
    """

    def __init__(self, place: SignerPlace, own: SignerSettings) -> None:
        """Raises ConfigError: a file for TLS cannot be used."""
        self.address = place.address
        self._channel = SignerChannel(place.url, own)
        self._key: str | None = None

    def require_key(self) -> None:
        """Raise SignerError unless it says that it has the account's key, before anything is begun that needs it."""
        shown = self._asked("eth_accounts")
        accounts = [each.lower() for each in shown if isinstance(each, str)] if isinstance(shown, list) else []
        if f"0x{self.address.hex()}" not in accounts:
            raise self._lacking()

    def sign_transaction(self, call: Mapping[str, Any]) -> bytes:
        """See ``Signer``.  It is asked once.

        Raises:
            SignerError: it cannot be reached, refuses, or signs something else.
        """
        answer = self._asked("eth_signTransaction", self._question(call))
        if not isinstance(answer, str) or _DATA.fullmatch(answer) is None:
            raise self._odd("something else than the bytes of a transaction")
        raw = bytes.fromhex(answer[2:])
        try:
            require_signed(raw, call, self.address)
        except NotSignedError as error:
            raise self._channel.trouble(
                f"answers with something else than the transaction that it was to sign, so nothing is sent: what it "
                f"signed {error}; check its keys and its chain"
            ) from error
        return raw

    def sign_message(self, message: bytes) -> bytes:
        """See ``Signer``.  Raises SignerError as ``sign_transaction``."""
        path = _SIGN + self._public_key()
        answer = self._channel.post(path, json.dumps({"data": "0x" + message.hex()}).encode())
        text = answer.decode("ascii", "replace")
        if _SIGNATURE.fullmatch(text) is None:
            raise self._odd("something else than 65 bytes of a signature")
        signature = bytes.fromhex(text[2:])
        try:
            require_signer(keccak(message), signature, self.address, "what it was to sign")
        except SignatureError as error:
            raise self._channel.trouble(
                f"answers with a signature that is of no use: {error}; check its keys"
            ) from error
        return signature

    def sign(self, digest: bytes) -> bytes:
        """Raises SignerError: no standard API signs a bare hash, of which nobody could say what it is."""
        raise SignerError(
            f"the key of account {to_checksum_address(self.address)} is at an external signer, which signs no "
            "gradients and no consents to a registration; use a key file for that"
        )

    def _question(self, call: Mapping[str, Any]) -> dict[str, str]:
        asked = wanted(call)
        given = {
            name: hex(value) if isinstance(value, int) else f"0x{value.hex()}"
            for name, value in asked.items()
            if name != "to" or value
        }
        return {"from": f"0x{self.address.hex()}", **given}

    def _asked(self, method: str, *params: Mapping[str, str]) -> object:
        """What it answers to a call of JSON-RPC."""
        number = secrets.randbits(31)
        asked = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        try:
            answer = parsed(self._channel.post("", json.dumps(asked).encode()))
        except OddAnswerError as odd:
            raise self._channel.trouble(f"{odd}; is it a signer? correct the account's place") from None
        if answer.get("error") is not None:
            raise self._refusal(answer["error"])
        if answer.get("id") != number or "result" not in answer:
            raise self._odd("no answer to what it was asked")
        return answer["result"]

    def _refusal(self, error: object) -> SignerError:
        said = error.get("message") if isinstance(error, Mapping) else None
        words = printable(self._channel.hidden_in(str(said)), _SHOWN) if said else "it does not say why"
        return self._channel.trouble(
            f"refuses to sign: {words!r}; see that it has the key of {to_checksum_address(self.address)}, and its log"
        )

    def _public_key(self) -> str:
        """The account's key among those that it shows, by which it wants to be asked.  It need not be believed."""
        if self._key is None:
            self._key = self._found(self._channel.get(_KEYS))
        return self._key

    def _found(self, shown: bytes) -> str:
        try:
            keys = parse_json(shown)
        except ValueError:
            raise self._odd("something else than a list of keys") from None
        for key in keys if isinstance(keys, list) else ():
            if isinstance(key, str) and _KEY.fullmatch(key) and keccak(bytes.fromhex(key[2:]))[12:] == self.address:
                return key
        raise self._lacking()

    def _lacking(self) -> SignerError:
        return self._channel.trouble(
            f"shows no key of account {to_checksum_address(self.address)}; give it the key, or correct the account's "
            "place"
        )

    def _odd(self, what: str) -> SignerError:
        return self._channel.trouble(f"answers with {what}; is it a signer? correct the account's place")


def signer_of(place: AccountPlace, unlock: Unlock, own: SignerSettings) -> Signer:
    """What signs for an account: its key file, or the external signer that has its key, which is asked whether it has.

    Raises:
        KeyFileError, ConfigError: as ``load_account`` and ``ExternalSigner``.
        SignerError: the signer cannot be reached, or has not the key.
    """
    if not isinstance(place, SignerPlace):
        return load_account(place, unlock)
    signer = ExternalSigner(place, own)
    signer.require_key()
    return signer
