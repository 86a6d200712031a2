"""Reports through the chain client against the contracts on an EVM: what is slashed, who gets what, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from circuits.errors import ContractError, UnknownError
from circuits.hashing import keccak
from circuits.statement import Context
from circuits.terms import ETHER, Grading
from commons.chain.bonds import Bond, bond_of, credit_of
from commons.chain.devchain import DevChain
from commons.chain.writer import ChainWriter
from commons.protocol.bundle import Certificate
from commons.protocol.certified import Attesters
from commons.protocol.evidence import ConflictingAttestations, Evidence, NoEvidenceError, TooFewOwners, WrongSum
from commons.protocol.forfeits import Forfeit
from commons.protocol.memberships import Rotation, registry_domain
from commons.protocol.messages import Step
from commons.storage.accounts import SigningKey
from tests.commons.test_chain import DIMENSION, World, deployed, terms
from tests.support.graded_batch import Judge, graded_batch, gradient_at
from tests.support.perjury import Sign, batch_of, message, of_owners, two_messages, with_false_sum
from tests.support.plain_batch import (
    Circumstances,
    build_batch,
    bundle_of,
    development_setup,
    random_gradients,
)

BOND, DELAY = 4 * 10**15 + 3, 1000
NOBODY = bytes.fromhex("000000000000000000000000000000000000dEaD")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    dev = DevChain()
    yield deployed(dev.start(), dev.accounts)
    dev.stop()


@dataclass
class Trial:
    """A committee with a task and a round, a batch of whose owners its members sign whatever they like.

    Attributes:
        keys: of its members, which nobody used before.
    """

    world: World
    keys: list[SigningKey]
    committee: int
    certificate: Certificate
    attesters: Attesters
    task: int

    @classmethod
    def begin(cls, world: World, *, graded: bool = False) -> Trial:
        keys = [SigningKey.generate() for _ in range(4)]
        members = [ChainWriter(world.chain.view, key) for key in keys]
        fund(world, [key.address for key in keys])
        committee = world.chain.create_committee(1, [key.address for key in keys], bond=BOND, change_delay=DELAY)
        for member in members:
            member.join(committee, "127.0.0.1:1", b"\x09" * 32)
        setup = development_setup("reference" if graded else "norm", 16, DIMENSION)
        verifier = world.chain.deploy_verifier(world.factory, setup.verifying)
        changes = {"bound": 1 << 32, "grading": Grading(4, 4, bytes(32))} if graded else {}
        task = world.chain.create_task(terms(world, committee, verifier, **changes))
        for owner in world.chains[6:9]:
            owner.register(task)
        view = world.chain.view
        stated = view.terms(task)
        at = Circumstances(view.market_id, task, stated.terms_hash, 0, keccak(b"m"), stated.bound, committee)
        keys_of_owners = [key.secret_bytes() for key in world.keys[6:9]]
        if stated.grading_rule is None:
            gradients = random_gradients(3, DIMENSION, stated.bound)
            batch = build_batch(setup, gradients, at=at, indices=[0, 1, 2], owner_keys=keys_of_owners)
        else:
            reference, *others = (gradient_at(cosine, DIMENSION, stated.bound) for cosine in (1000, 960, 300, 920))
            gradients = tuple(others)
            judge = Judge(reference, stated.grading_rule)
            batch = graded_batch(setup, gradients, judge, at=at, indices=[0, 1, 2], owner_keys=keys_of_owners)
        attesters = Attesters(view.committee(committee), at.verifier_code)
        return cls(world, keys, committee, bundle_of(batch).certificate, attesters, task)

    def meeting(self, sign: Sign) -> ConflictingAttestations:
        first, second = (
            batch_of(of_owners(self.certificate, slots), self.attesters, sign) for slots in ((0, 1), (1, 2))
        )
        return ConflictingAttestations(self.committee, first, second, 1, 0)

    def false_sum(self, sign: Sign) -> WrongSum:
        return WrongSum(self.committee, batch_of(with_false_sum(self.certificate), self.attesters, sign))

    def too_few(self, sign: Sign) -> TooFewOwners:
        one = batch_of(of_owners(self.certificate, (2,)), self.attesters, sign)
        return TooFewOwners(self.committee, one, self.world.chain.view.terms(self.task))

    def twice(self, sign: Sign) -> Evidence:
        return two_messages(self.committee, *(message(sign, body, step=Step.CONFIRM) for body in (b"a", b"b")))

    def credit(self, account: bytes) -> int:
        return credit_of(self.world.chain.view, ETHER, account)

    def rotate(self, index: int) -> SigningKey:
        """Another key for a member, in force."""
        view, old, new = self.world.chain.view, self.keys[index], SigningKey.generate()
        rotation = Rotation(self.committee, index, new.address, old.address)
        signed = new.sign(rotation.digest(registry_domain(view.chain_id, view.registry)))
        ChainWriter(view, old).rotate(rotation, b"\x08" * 32, signed)
        self.world.advance(2 * DELAY)
        self.world.chain.apply_change(self.committee, index)
        return new


def fund(world: World, accounts: list[bytes]) -> None:
    web3 = world.chain.view.rpc.web3
    for account in accounts:
        web3.eth.send_transaction({
            "from": web3.to_checksum_address(world.chain.address), "to": web3.to_checksum_address(account),
            "value": 10**17,  # type: ignore[typeddict-item]
        })  # fmt: skip


@pytest.fixture
def trial(world: World) -> Trial:
    return Trial.begin(world)


@pytest.fixture(params=["plain", "graded"])
def any_trial(world: World, request: pytest.FixtureRequest) -> Trial:
    return Trial.begin(world, graded=request.param == "graded")


KINDS: dict[str, Callable[[Trial, Sign], Evidence]] = {
    "messages": Trial.twice, "attestations": Trial.meeting, "wrong sum": Trial.false_sum, "too few": Trial.too_few,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_costs_the_culprit_its_bond_and_pays_who_reports_and_who_was_harmed(
    kind: str, any_trial: Trial
) -> None:
    trial = any_trial
    view, reporter, culprit = trial.world.chain.view, trial.world.chains[5], trial.keys[1]
    evidence = KINDS[kind](trial, culprit.sign)
    assert evidence.culprit() == culprit.address
    assert bond_of(view, trial.committee, culprit.address) == Bond(1, culprit.address, BOND)
    harmed = trial.world.chains[7].address if kind == "attestations" else None
    before = [trial.credit(account) for account in (reporter.address, harmed or bytes(20), NOBODY)]
    reporter.report(evidence)
    after = [trial.credit(account) for account in (reporter.address, harmed or bytes(20), NOBODY)]
    parts = Forfeit.of(BOND, harmed=harmed is not None)
    assert [now - then for now, then in zip(after, before, strict=True)] == [parts.reporter, parts.harmed, parts.burnt]
    assert view.member(trial.committee, 1).revoked
    assert bond_of(view, trial.committee, culprit.address).amount == 0
    with pytest.raises(ContractError, match="NoBond"):
        reporter.report(evidence)
    assert reporter.collect_bond_share(ETHER) == after[0]
    assert reporter.collect_bond_share(ETHER) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_python_side_takes_for_no_evidence_the_contract_refuses(kind: str, any_trial: Trial) -> None:
    trial = any_trial
    view, honest, reporter = trial.world.chain.view, trial.keys[1].sign, trial.world.chains[5]
    true = of_owners(trial.certificate, (0, 1, 2))
    innocent: dict[str, tuple[Evidence, str]] = {
        "messages": (two_messages(trial.committee, *(message(honest, b"a") for _ in range(2))), "NothingContradicted"),
        "attestations": (
            replace(
                trial.meeting(honest), second=batch_of(replace(_two(trial), payee=bytes(20)), trial.attesters, honest),
                slot=0,
            ),
            "NothingContradicted",
        ),
        "wrong sum": (WrongSum(trial.committee, batch_of(true, trial.attesters, honest)), "NothingContradicted"),
        "too few": (
            TooFewOwners(trial.committee, batch_of(true, trial.attesters, honest), view.terms(trial.task)),
            "NothingContradicted",
        ),
    }  # fmt: skip
    evidence, refusal = innocent[kind]
    with pytest.raises(NoEvidenceError):
        evidence.culprit()
    with pytest.raises(ContractError, match=refusal):
        reporter.report(evidence)
    assert not view.member(trial.committee, 1).revoked


def _two(trial: Trial) -> Certificate:
    return of_owners(trial.certificate, (0, 1))


def test_steps_may_be_repeated_as_the_contract_says(trial: Trial) -> None:
    sign = trial.keys[1].sign
    for step in set(Step) - {Step.MASK}:
        evidence = two_messages(trial.committee, *(message(sign, body, step=step) for body in (b"a", b"b")))
        try:
            evidence.culprit()
        except NoEvidenceError:
            with pytest.raises(ContractError, match="StepRepeatable"):
                trial.world.chain.report(evidence)
        else:
            if step is Step.PROBE_COMBINE:
                trial.world.chain.report(evidence)


def test_terms_that_were_not_attested_are_refused_by_both(trial: Trial) -> None:
    evidence = trial.too_few(trial.keys[1].sign)
    false = replace(evidence, terms=replace(evidence.terms, rounds=evidence.terms.rounds + 1))
    with pytest.raises(NoEvidenceError, match="other terms"):
        false.culprit()
    with pytest.raises(ContractError, match="TermsDiffer"):
        trial.world.chain.report(false)


def test_nobody_is_paid_for_its_own_report(trial: Trial) -> None:
    evidence = trial.twice(trial.keys[1].sign)
    with pytest.raises(ContractError, match="ReporterIsCulprit"):
        ChainWriter(trial.world.chain.view, trial.keys[1]).report(evidence)


def test_who_never_signed_loses_nothing(trial: Trial) -> None:
    stranger = SigningKey.generate()
    evidence = trial.twice(stranger.sign)
    assert evidence.culprit() == stranger.address
    with pytest.raises(UnknownError, match="has joined no membership"):
        bond_of(trial.world.chain.view, trial.committee, stranger.address)
    with pytest.raises(ContractError, match="NotAMember"):
        trial.world.chain.report(evidence)


def test_a_key_that_was_rotated_away_still_costs_the_bond_and_so_does_the_one_that_came(trial: Trial) -> None:
    view, old = trial.world.chain.view, trial.keys[2]
    new = trial.rotate(2)
    for key in (old, new):
        assert bond_of(view, trial.committee, key.address) == Bond(2, old.address, BOND)
    trial.world.chain.report(trial.twice(old.sign))
    member = view.member(trial.committee, 2)
    assert (member.signer, member.revoked, member.bond) == (new.address, True, 0)


def test_the_context_of_another_chain_is_what_was_signed_and_no_more(trial: Trial) -> None:
    """The contract builds the domain from its own chain: what was signed for another is no evidence here."""
    here = trial.certificate.statement.context

    def elsewhere(context: Context) -> Context:
        return replace(context, market=replace(context.market, chain_id=here.market.chain_id + 1))

    certificate = replace(
        trial.certificate, statement=replace(trial.certificate.statement, context=elsewhere(here))
    )  # fmt: skip
    batches = [
        batch_of(of_owners(certificate, slots), trial.attesters, trial.keys[1].sign) for slots in ((0, 1), (1, 2))
    ]
    evidence = ConflictingAttestations(trial.committee, batches[0], batches[1], 1, 0)
    assert evidence.culprit() == trial.keys[1].address
    with pytest.raises(ContractError, match="RoundsDiffer"):
        trial.world.chain.report(evidence)
