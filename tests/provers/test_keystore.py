"""Key files: private, stamped, never overwritten, never printed; and the setup of shared keys over them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from circuits.errors import (
    BlamedProversError,
    ClosedError,
    InvalidInputError,
    KeyFileError,
    NotReadyError,
    SignatureError,
    StorageError,
)
from circuits.statement import Committee
from commons.protocol.keypackages import CommitteeReference, KeyConfirmation, KeyPackage, encode_keys, package_digest
from commons.protocol.signing import recover
from commons.sharing import sealing
from commons.storage.accounts import SigningKey, create_account, load_account, save_account
from provers.joining.keysetup import KeySetup
from provers.joining.keystore import Keystore

REGISTRY = b"\x01" * 20


def test_keys_survive_and_sign(tmp_path: Path) -> None:
    made = Keystore.create(tmp_path / "keys")
    read = Keystore.load(tmp_path / "keys")
    assert (made.address, made.hpke_public) == (read.address, read.hpke_public)
    assert recover(bytes(32), read.sign(bytes(32))) == made.address
    with pytest.raises(StorageError, match="already; they are not replaced"):
        Keystore.create(tmp_path / "keys")
    assert Keystore.load(tmp_path / "keys").address == made.address


def test_keys_of_which_a_crash_left_the_first_are_completed(tmp_path: Path) -> None:
    account = create_account(tmp_path / "account.json")
    assert Keystore.create(tmp_path).address == account.address
    assert Keystore.load(tmp_path).address == account.address


def test_a_sealing_key_without_its_account_is_no_keystore_to_complete(tmp_path: Path) -> None:
    """An account that was lost must not be replaced in silence: the committee knows the old one."""
    Keystore.create(tmp_path)
    (tmp_path / "account.json").unlink()
    with pytest.raises(StorageError, match="not replaced"):
        Keystore.create(tmp_path)
    with pytest.raises(KeyFileError, match="no such key file"):
        Keystore.open(tmp_path)


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    key = SigningKey.generate()
    assert key.secret_bytes().hex() not in repr(key)
    assert repr(key.secret_bytes())[2:-1] not in repr(key)
    store = Keystore.create(tmp_path)
    shown = repr(store) + str(vars(store)) + repr(vars(store)["account"])
    for secret in (store.hpke_secret, store.account.secret_bytes()):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown


def test_files_are_private_and_open_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    key = create_account(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_account(path) == key
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="others can read"):
        load_account(path)


def test_broken_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    with pytest.raises(KeyFileError, match="no such key file"):
        load_account(path)
    save_account(path, SigningKey.generate())
    good = json.loads(path.read_text())
    for change, match in (
        ({"version": 3}, "that this release reads"),
        ({"kind": "hpke-x25519"}, "of kind 'account'"),
        ({"secret": "zz"}, "hexadecimal"),
        ({"secret": "00"}, "1 bytes"),
        ({"secret": "00" * 32}, "below the curve's order"),
        ({"secret": "ff" * 32}, "below the curve's order"),
    ):
        path.write_text(json.dumps({**good, **change}))
        with pytest.raises(KeyFileError, match=match):
            load_account(path)
    path.write_text("{")
    with pytest.raises(KeyFileError, match="not a readable"):
        load_account(path)


class Members:
    def __init__(self, directory: Path) -> None:
        self.stores = [Keystore.create(directory / str(p)) for p in range(4)]
        self.reference = CommitteeReference(1, REGISTRY, Committee(0, 1, tuple(s.address for s in self.stores)))
        self.setups = [self.setup(p, self.reference) for p in range(4)]
        self.hpke_keys = [store.hpke_public for store in self.stores]

    def setup(self, prover: int, reference: CommitteeReference) -> KeySetup:
        """A prover's side, as it is after a start with this committee."""
        return KeySetup(self.stores[prover], reference, reference.committee, prover)

    def mail(self) -> dict[int, list[KeyPackage]]:
        packages = [package for one in self.setups for package in one.deal(self.hpke_keys)]
        return {p: [package for package in packages if package.recipient == p] for p in range(4)}

    def accept(self) -> list[KeyConfirmation]:
        mail = self.mail()
        return [one.accept(mail[p]) for p, one in enumerate(self.setups)]


@pytest.fixture
def members(tmp_path: Path) -> Members:
    return Members(tmp_path)


def test_shared_keys_are_set_up_and_may_be_repeated(members: Members) -> None:
    assert not members.setups[0].ready
    with pytest.raises(NotReadyError):
        members.setups[0].confirm([])
    confirmations = members.accept()
    with pytest.raises(NotReadyError, match="not set up"):
        _ = members.setups[0].keys
    for one in members.setups:
        one.confirm(confirmations)
    again = members.accept()
    for one in members.setups:
        one.confirm(again)
        assert one.ready
    held = [one.keys.keys for one in members.setups]
    for subset in held[0]:
        assert len({held[p][subset] for p in subset}) == 1


def test_a_dealer_of_different_keys_is_named(members: Members) -> None:
    mail = members.mail()
    other = {subset: b"\x09" * 32 for subset in members.setups[0]._dealt() if 1 in subset}
    sealed = sealing.seal(members.hpke_keys[1], encode_keys(other), sealing.keys_info(members.reference.digest, 0, 1))
    forged = KeyPackage(0, 1, sealed, members.stores[0].sign(package_digest(members.reference, 0, 1, sealed)))
    mail[1] = [forged, *(package for package in mail[1] if package.dealer != 0)]
    confirmations = [one.accept(mail[p]) for p, one in enumerate(members.setups)]
    with pytest.raises(BlamedProversError) as caught:
        members.setups[2].confirm(confirmations)
    assert caught.value.provers == (0,)
    assert not members.setups[2].ready


def test_members_cannot_be_brought_to_confirm_different_keys(members: Members) -> None:
    """A dealer seals two sets of keys, and a coordinator collects everybody's word for both before it shows any."""
    mail = members.mail()
    first = [one.accept(mail[p]) for p, one in enumerate(members.setups)]
    for p in (1, 2, 3):
        other = {subset: b"\x09" * 32 for subset in members.setups[0]._dealt() if p in subset}
        info = sealing.keys_info(members.reference.digest, 0, p)
        sealed = sealing.seal(members.hpke_keys[p], encode_keys(other), info)
        forged = KeyPackage(0, p, sealed, members.stores[0].sign(package_digest(members.reference, 0, p, sealed)))
        with pytest.raises(ClosedError, match="gave its word"):
            members.setups[p].accept([forged, *(package for package in mail[p] if package.dealer != 0)])
    for one in members.setups:
        one.confirm(first)
        assert one.ready


def test_bad_packages_are_refused(members: Members) -> None:
    mail = members.mail()[3]
    with pytest.raises(SignatureError):
        members.setups[3].accept([replace(mail[0], signature=mail[1].signature), *mail[1:]])
    with pytest.raises(BlamedProversError) as caught:
        members.setups[3].accept(mail[1:])
    assert caught.value.provers == (mail[0].dealer,)
    with pytest.raises(InvalidInputError, match="for prover 3"):
        members.setups[2].accept(mail)
    sealed = sealing.seal(members.hpke_keys[3], b"nonsense", sealing.keys_info(members.reference.digest, 0, 3))
    nonsense = KeyPackage(0, 3, sealed, members.stores[0].sign(package_digest(members.reference, 0, 3, sealed)))
    with pytest.raises(BlamedProversError):
        members.setups[3].accept([nonsense, *mail[1:]])


def test_confirmations_must_be_complete_and_signed(members: Members) -> None:
    confirmations = members.accept()
    with pytest.raises(InvalidInputError, match=r"\[3\] are missing"):
        members.setups[0].confirm(confirmations[:3])
    with pytest.raises(SignatureError):
        members.setups[0].confirm([replace(confirmations[1], member=0), *confirmations[1:]])


def test_confirmed_keys_are_never_replaced(members: Members) -> None:
    confirmations = members.accept()
    for one in members.setups:
        one.confirm(confirmations)
    dealing = next(members.stores[0]._directory.glob("dealing-*"))
    dealing.unlink()
    mail = members.mail()
    with pytest.raises(ClosedError, match="gave its word"):
        members.setups[1].accept(mail[1])


def test_a_node_that_tells_another_committee_leaves_a_prover_without_keys(members: Members) -> None:
    """Who makes up a quorum is confirmed with the keys; a chain's node cannot change it at a later start."""
    confirmations = members.accept()
    for one in members.setups:
        one.confirm(confirmations)
    assert members.setup(0, members.reference).ready
    committee = members.reference.committee
    strangers = (*committee.members[:2], bytes(20), b"\x02" * 20)
    for other in (
        replace(members.reference, committee=replace(committee, members=strangers)),
        replace(members.reference, committee=replace(committee, members=committee.members[::-1])),
        replace(members.reference, committee=Committee(0, 2, (*committee.members, bytes(20)))),
        replace(members.reference, committee=replace(committee, committee_id=1)),
        replace(members.reference, registry=bytes(20)),
        replace(members.reference, chain_id=2),
    ):
        assert other.digest != members.reference.digest
        assert not members.setup(0, other).ready
        with pytest.raises(NotReadyError, match="not set up"):
            _ = members.setup(0, other).keys


def test_keys_are_dealt_to_one_set_of_public_keys_ever(members: Members) -> None:
    """A node that names a key of its own for a moment learns nothing: not first, not later, not after a restart."""
    dealt = members.setups[0].deal(members.hpke_keys)
    named = [*members.hpke_keys[:3], sealing.public_key(sealing.generate())]
    for setup in (members.setups[0], members.setup(0, members.reference)):
        with pytest.raises(ClosedError, match="other public keys"):
            setup.deal(named)
        assert {package.recipient for package in setup.deal(members.hpke_keys)} == {p.recipient for p in dealt}
    members.setups[1].deal(named)
    with pytest.raises(ClosedError, match="register another committee"):
        members.setups[1].deal(members.hpke_keys)
