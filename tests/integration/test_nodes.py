"""Real provers and a real coordinator over loopback gRPC and a development chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from circuits import payload
from circuits.commitment import CommitmentKey
from circuits.errors import (
    ChainError,
    ClosedError,
    ConfigError,
    InvalidInputError,
    NotReadyError,
    RuleViolationError,
    SignatureError,
    StorageError,
    UnavailableError,
    UnknownError,
    WireError,
)
from circuits.hashing import keccak
from circuits.statement import SubmissionHeader
from circuits.terms import Windows
from commons.chain.deploying import deploy_contracts
from commons.chain.devchain import DevChain
from commons.protocol import release
from commons.protocol.bundle import MAX_CERTIFICATE
from commons.protocol.status import SubmissionState
from commons.protocol.streamheads import ShareHead
from commons.settings.pins import with_pin
from commons.storage.parameters import PublicParameters
from commons.storage.tlskeys import TLS_FILE, read_server_key
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.identity import pin_of_key
from commons.wire.prover_client import ProverClient
from coordinator.service import CoordinatorNode
from gradroll.audit.auditor import Auditor
from gradroll.model_owner.from_provers import ProverReader
from native import G1, g1_linear_combination
from provers.joining.keystore import Keystore
from provers.node import ProverNode
from tests.support.certificates import self_signed
from tests.support.deployment import Deployment, Owner, Process
from tests.support.parts import with_parts
from tests.support.waiting import wait_for

DIMENSION = 10
RNG = np.random.default_rng(7)


Floats = npt.NDArray[np.float64]


def gradient(dimension: int = DIMENSION) -> Floats:
    drawn: Floats = RNG.normal(size=dimension) / np.sqrt(dimension)  # well inside the task's bound
    return drawn


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    made = Deployment(tmp_path_factory.mktemp("market"), dimension=DIMENSION)
    yield made
    made.close()


@pytest.fixture(scope="module")
def running(deployment: Deployment) -> Iterator[tuple[list[ProverNode], CoordinatorNode]]:
    nodes = [ProverNode(deployment.prover_settings(p)) for p in range(4)]
    for one in nodes:
        one.start()
    coordinator = CoordinatorNode(deployment.coordinator_settings())
    coordinator.start()
    yield nodes, coordinator
    coordinator.stop()
    for one in nodes:
        one.stop()


def check_payload(raw: bytes, key: CommitmentKey, commitments: list[G1], gradients: list[Floats]) -> None:
    aggregate = payload.decode(raw, key.dimension)
    assert key.commit_small(aggregate.values, aggregate.tail) == g1_linear_combination(
        commitments, [1] * len(commitments)
    )
    quantized = [np.round(g * 2**16).astype(np.int64) for g in gradients]
    assert np.array_equal(aggregate.values, np.sum(quantized, axis=0))


def test_a_batch_from_submission_to_payload(
    deployment: Deployment, running: tuple[list[ProverNode], CoordinatorNode]
) -> None:
    task = deployment.new_task(3)
    owners = deployment.owners(task, 3)
    with deployment.client() as client:
        model = client.put_model(b"a model", task, deployment.model_owner)
        with pytest.raises(SignatureError, match="the model is signed by"):
            client.put_model(b"another", task, owners[0].chain)
        with pytest.raises(WireError, match="length of the model"):
            client.put_model(bytes(1 << 17), task, deployment.model_owner)
        assert client.get_model(model, DIMENSION) == b"a model"
        number = deployment.model_owner.open_round(task, model)
        gradients = [gradient() for _ in owners]
        submissions = []
        for owner, values in zip(owners, gradients, strict=True):
            status, missing = deployment.submit(task, number, owner, values)
            assert not missing
            submissions.append(status.submission)
        wait_for(lambda: client.submission_status(submissions[0]).state is SubmissionState.ACCEPTED)
        batch = deployment.view.accepted(task, number)[0]
        assert [client.submission_status(s).batch_id for s in submissions] == [batch.record.batch_id] * 3
        wait_for(lambda: _released(client, task))
        raw = client.payload(batch.record.batch_id, DIMENSION)
        bundle = client.audit_bundle(batch.record.batch_id, DIMENSION)
        commitments = [h.commitment for h in bundle.statement.owners]
        check_payload(raw, deployment.setup.commitment, commitments, gradients)
        overview = client.task_status(task).rounds[0]
        assert [(b.accepted, b.owners) for b in overview.batches] == [(True, 3)]
        assert overview.batches[0].payload_digest == keccak(raw)
        assert overview.pending == 0
    with ProverClient(f"127.0.0.1:{deployment.ports[2]}") as prover:
        assert prover.audit_bundle(batch.record.batch_id, DIMENSION).row.shape == bundle.row.shape
        assert prover.certificate(batch.record.batch_id).statement.owners == bundle.statement.owners
        assert list(prover.batches(task, number)) == [batch.record.batch_id]
        assert not list(prover.batches(task, number + 1))
        assert prover.status().keys_ready


def _released(client: CoordinatorClient, task: int) -> bool:
    """Whether the coordinator has the sum of every batch of the task's first round."""
    return all(batch.payload_digest is not None for batch in client.task_status(task).rounds[0].batches)


@pytest.mark.slow
def test_a_sum_and_an_audit_without_a_coordinator(
    deployment: Deployment, running: tuple[list[ProverNode], CoordinatorNode]
) -> None:
    """The provers release to anybody, also when one of them is asked that never attested."""
    task = deployment.new_task(2)
    owners = deployment.owners(task, 2)
    with deployment.client() as client:
        number = deployment.model_owner.open_round(task, client.put_model(b"m", task, deployment.model_owner))
        gradients = [gradient() for _ in owners]
        for owner, values in zip(owners, gradients, strict=True):
            last, _ = deployment.submit(task, number, owner, values)
        wait_for(lambda: client.submission_status(last.submission).state is SubmissionState.ACCEPTED)
    (batch,) = deployment.view.accepted(task, number)
    reader, key = ProverReader(deployment.view), deployment.setup.commitment
    (certificate,) = reader.certificates(batch)
    commitments = [h.commitment for h in certificate.statement.owners]
    check_payload(reader.aggregate(batch, key).payload, key, commitments, gradients)
    parameters = PublicParameters(deployment.directory / "srs.gsrs", deployment.directory / "keys", allow_insecure=True)
    with CoordinatorClient("127.0.0.1:9", timeout=5.0) as gone:
        report = Auditor(deployment.view, gone, parameters).audit_batch(batch)
    assert report.verdict == "passed"
    request = release.requests(certificate, [0])[0]
    with ProverClient(f"127.0.0.1:{deployment.ports[0]}") as prover:
        assert prover.run(request, DIMENSION).vector is not None
        too_few = replace(certificate, attestations=certificate.attestations[:2])
        with pytest.raises(RuleViolationError, match="2 provers attested this batch"):
            prover.run(release.requests(too_few, [0])[0], DIMENSION)
        with pytest.raises(WireError, match="length of"):
            prover.run(replace(request, payload=bytes(MAX_CERTIFICATE + 1)), DIMENSION)
        with pytest.raises(WireError, match="another version"):
            prover.run(replace(request, payload=b"\x01" * 100), DIMENSION)


@pytest.mark.slow
def test_an_aggregate_is_published_where_its_task_wants_that(
    deployment: Deployment, running: tuple[list[ProverNode], CoordinatorNode]
) -> None:
    task = deployment.new_task(2, inline_payload=True)
    owners = deployment.owners(task, 2)
    with deployment.client() as client:
        number = deployment.model_owner.open_round(task, client.put_model(b"m", task, deployment.model_owner))
        gradients = [gradient() for _ in owners]
        for owner, values in zip(owners, gradients, strict=True):
            deployment.submit(task, number, owner, values)
        wait_for(lambda: any(batch.published for batch in deployment.view.accepted(task, number)))
        (batch,) = deployment.view.accepted(task, number)
        commitments = [h.commitment for h in client.audit_bundle(batch.record.batch_id, DIMENSION).statement.owners]
        check_payload(batch.published[0], deployment.setup.commitment, commitments, gradients)
        assert client.payload(batch.record.batch_id, DIMENSION) == batch.published[0]


@pytest.mark.slow
def test_a_prover_waits_for_as_many_blocks_as_its_settings_say(
    deployment: Deployment, running: tuple[list[ProverNode], CoordinatorNode], tmp_path: Path
) -> None:
    """Prover 0 once more, without its shares: where the acceptance is not final, it does not even look for them."""
    task = deployment.new_task(2)
    owners = deployment.owners(task, 2)
    with deployment.client() as client:
        number = deployment.model_owner.open_round(task, client.put_model(b"m", task, deployment.model_owner))
        for owner in owners:
            deployment.submit(task, number, owner, gradient())
        wait_for(lambda: bool(deployment.view.accepted(task, number)))
    (batch,) = deployment.view.accepted(task, number)
    request = release.requests(ProverReader(deployment.view).certificates(batch)[0], [0])[0]
    for confirmations, refusal in ((1000, NotReadyError), (1, UnknownError)):
        config = deployment.prover_settings(0, listen="127.0.0.1:0", confirmations=confirmations)
        node = ProverNode(config.changed({"prover.state": tmp_path / str(confirmations)}))
        with ProverClient(f"127.0.0.1:{node.start()}") as prover, pytest.raises(refusal):
            prover.run(request, DIMENSION)
        node.stop()


def test_two_nodes_must_show_the_same_deployment(tmp_path: Path, deployment: Deployment) -> None:
    """A second chain with the market at the same address, by the same account: only the deployment tells."""
    other = DevChain()
    try:
        url = other.start()
        deployed = deploy_contracts(url, other.accounts[0])
        assert deployed.market == deployment.market
        config = deployment.prover_settings(0, state=tmp_path / "state", second_node=url)
        with pytest.raises(ChainError, match="different deployments"):
            ProverNode(config)
    finally:
        other.stop()
    node = ProverNode(config.changed({"prover.second_node": deployment.url}))
    node.stop()


_SIGNATURES = (("signature", "the submission is signed by"), ("dealing_signature", "the dealing is signed by"))


def _signed_by(header: SubmissionHeader, other: Owner, name: str, deployment: Deployment) -> SubmissionHeader:
    """The header with one of its two signatures by another owner."""
    forged = header.signed(deployment.view.context(header.task_id, header.round), other.key.sign)
    return with_parts(header, **{name: getattr(forged, name)})


def test_refusals_are_named(deployment: Deployment, running: tuple[list[ProverNode], CoordinatorNode]) -> None:
    task = deployment.new_task(3)
    owner, other = deployment.owners(task, 2)
    number = deployment.model_owner.open_round(task, keccak(b"m"))
    header, upload = deployment.header(task, number, owner, gradient())
    receipts, _ = deployment.send(upload)
    record = deployment.view.committee_record(deployment.committee_id)
    with deployment.client() as client:
        with pytest.raises(NotReadyError, match="2 receipts are too few"):
            client.submit_header(header, {p: receipts[p] for p in (0, 1)})
        with pytest.raises(SignatureError):
            client.submit_header(header, {**receipts, 0: receipts[1]})
        with pytest.raises(SignatureError, match="is not owner"):
            client.submit_header(replace(header, owner_index=other.index), receipts)
        for name, named in _SIGNATURES:
            with pytest.raises(SignatureError, match=named):
                client.submit_header(_signed_by(header, other, name, deployment), receipts)
        with pytest.raises(UnknownError):
            client.submission_status(bytes(32))
        with pytest.raises(UnknownError):
            client.payload(bytes(32), DIMENSION)
        assert client.submit_header(header, receipts).state is SubmissionState.PENDING
        second, more = deployment.header(task, number, owner, gradient())
        with pytest.raises(ClosedError, match="in this round already"):
            client.submit_header(second, deployment.send(more)[0])
        assert client.task_status(task).rejections == {"not-ready": 1, "bad-signature": 4, "closed": 1}
    with ProverClient(record.endpoints[0]) as prover:
        submission = header.digest(deployment.view.context(task, number))
        before = prover.status().refusals.get("bad-message", 0)

        def hand_in(head: ShareHead) -> None:
            prover.submit_shares(head, upload.body(0), submission)

        for name, named in _SIGNATURES:
            with pytest.raises(SignatureError, match=named):
                hand_in(replace(upload.head.share(0), header=_signed_by(header, other, name, deployment)))
        with pytest.raises(WireError, match="this is prover 0"):
            hand_in(upload.head.share(1))
        _, third = deployment.header(task, number, owner, gradient())  # of one that is here, nothing is read
        with pytest.raises(WireError, match="not the one that its owner signed"):
            hand_in(replace(third.head.share(0), part=third.head.parts[1]))
        with pytest.raises(SignatureError, match="the upload is signed by"):
            hand_in(replace(upload.head.share(0), manifest=more.head.manifest))
        with pytest.raises(UnknownError, match="did not attest"):
            prover.certificate(bytes(32))
        with pytest.raises(UnknownError, match="did not attest"):
            prover.audit_bundle(bytes(32), DIMENSION)
        assert prover.status().refusals["bad-message"] == before + 2
    with pytest.raises(UnavailableError), ProverClient("127.0.0.1:9") as nobody:
        nobody.status()


@pytest.mark.slow
def test_late_submissions_are_refused(
    deployment: Deployment, running: tuple[list[ProverNode], CoordinatorNode]
) -> None:
    task = deployment.new_task(3, windows=Windows(1, 10**5))
    owners = deployment.owners(task, 3)
    number = deployment.model_owner.open_round(task, keccak(b"m"))
    first = [deployment.submit(task, number, owner, gradient())[0] for owner in owners[:2]]
    deployment.dev.advance(100)
    _, upload = deployment.header(task, number, owners[2], gradient())
    assert all("took submissions until" in reason for reason in deployment.send(upload)[1].values())
    with deployment.client() as client:
        wait_for(lambda: client.submission_status(first[1].submission).state is SubmissionState.ACCEPTED)


@pytest.mark.slow
def test_processes_that_die_and_come_back(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, dimension=DIMENSION)
    provers = [Process(deployment.prover_settings(p)) for p in range(4)]
    coordinator = Process(deployment.coordinator_settings())
    try:
        task = deployment.new_task(4)
        owners = deployment.owners(task, 4)
        with deployment.client() as client:
            wait_for(lambda: _answers(lambda: client.task_status(task)))
            for port in deployment.ports:
                wait_for(partial(_prover_answers, port))
            number = deployment.model_owner.open_round(task, client.put_model(b"m", task, deployment.model_owner))
            gradients = [gradient() for _ in owners]
            statuses = [deployment.submit(task, number, o, g)[0] for o, g in zip(owners[:2], gradients, strict=False)]
            provers[3].kill()
            coordinator.kill()
            coordinator = Process(deployment.coordinator_settings())
            wait_for(lambda: _answers(lambda: client.task_status(task)))
            assert client.submission_status(statuses[0].submission).state is SubmissionState.PENDING
            for owner, values in zip(owners[2:], gradients[2:], strict=True):
                last, missing = deployment.submit(task, number, owner, values)
                assert list(missing) == [3]
            wait_for(lambda: "missing: provers [3]" in client.task_status(task).rounds[0].trouble)
            provers[3] = Process(deployment.prover_settings(3))
            wait_for(lambda: client.submission_status(last.submission).state is SubmissionState.ACCEPTED, 120)
        (batch,) = deployment.view.accepted(task, number)
        assert batch.record.indices == (0, 1, 2, 3), "those whose shares prover 3 lacked have company"
        assert all(process.stop() == 0 for process in [*provers, coordinator])
    finally:
        for process in [*provers, coordinator]:
            process.kill()
        deployment.close()


def _prover_answers(port: int) -> bool:
    with ProverClient(f"127.0.0.1:{port}") as prover:
        return _answers(prover.status)


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except UnavailableError:
        return False
    return True


@pytest.mark.slow
def test_a_coordinator_killed_in_the_middle_goes_on_with_a_prover_less(tmp_path: Path) -> None:
    dimension = 40_000  # shares and rows of several chunks
    deployment = Deployment(tmp_path, dimension=dimension)
    nodes = [ProverNode(deployment.prover_settings(p)) for p in range(4)]
    for one in nodes:
        one.start()
    coordinator = Process(deployment.coordinator_settings())
    try:
        task = deployment.new_task(2)
        owners = deployment.owners(task, 2)
        with deployment.client() as client:
            wait_for(lambda: _answers(lambda: client.task_status(task)))
            number = deployment.model_owner.open_round(task, client.put_model(b"m", task, deployment.model_owner))
            gradients = [gradient(dimension) for _ in owners]
            submissions = [
                deployment.submit(task, number, o, g)[0].submission for o, g in zip(owners, gradients, strict=True)
            ]
            wait_for(lambda: client.task_status(task).rounds[0].attempts > 0, 120)
            coordinator.kill()
            nodes.pop().stop()
            coordinator = Process(deployment.coordinator_settings())
            wait_for(lambda: _answers(lambda: client.task_status(task)))
            wait_for(lambda: client.submission_status(submissions[0]).state is SubmissionState.ACCEPTED, 300)
            batch = deployment.view.accepted(task, number)[0]
            bundle = client.audit_bundle(batch.record.batch_id, dimension)
            commitments = [h.commitment for h in bundle.statement.owners]
            wait_for(lambda: _released(client, task))
            raw = client.payload(batch.record.batch_id, dimension)
            check_payload(raw, deployment.setup.commitment, commitments, gradients)
            assert client.task_status(task).rounds[0].attempts > 1
    finally:
        coordinator.kill()
        for one in nodes:
            one.stop()
        deployment.close()


def test_a_taken_port_is_named(deployment: Deployment, running: tuple[list[ProverNode], CoordinatorNode]) -> None:
    config = deployment.coordinator_settings(state=deployment.directory / "second")
    config = config.changed({"coordinator.log": f"sqlite://{deployment.directory}/second/log.sqlite"})
    second = CoordinatorNode(config)
    with pytest.raises(ConfigError, match="another process has it"):
        second.start()
    second.stop()


def test_one_process_a_state_directory(
    deployment: Deployment, running: tuple[list[ProverNode], CoordinatorNode]
) -> None:
    with pytest.raises(StorageError, match="in use by another process"):
        ProverNode(deployment.prover_settings(0))
    with pytest.raises(StorageError, match="in use by another process"):
        CoordinatorNode(deployment.coordinator_settings())


def test_a_stranger_cannot_serve_for_a_committee(deployment: Deployment) -> None:
    Keystore.create(deployment.directory / "stranger")
    config = deployment.prover_settings(0, keystore=deployment.directory / "stranger")
    with pytest.raises(InvalidInputError, match="no member of committee"):
        ProverNode(config)


def test_another_chain_is_named(deployment: Deployment) -> None:
    with pytest.raises(ChainError, match="the configuration says 1"):
        ProverNode(deployment.prover_settings(0).changed({"chain.chain_id": 1}))


def test_shares_and_status_over_tls(tmp_path: Path, deployment: Deployment) -> None:
    certificate, key = self_signed(tmp_path)
    config = deployment.prover_settings(
        0,
        state=tmp_path / "state",
        listen="127.0.0.1:0",
        endpoint="grpcs://localhost:1",
        tls_certificate=certificate,
        tls_key=key,
    )
    node = ProverNode(config)
    port = node.start()
    try:
        with ProverClient(f"grpcs://localhost:{port}", tls_roots=certificate.read_bytes()) as client:
            assert client.status().prover == 0
        with ProverClient(f"localhost:{port}", timeout=3) as plain, pytest.raises(UnavailableError):
            plain.status()
    finally:
        node.stop()


def test_a_prover_with_a_key_of_its_own_is_reached_by_its_pin(tmp_path: Path, deployment: Deployment) -> None:
    node = ProverNode(
        deployment.prover_settings(0, state=tmp_path / "state", listen="127.0.0.1:0", endpoint="grpcs://localhost:1")
    )
    port, key = node.start(), read_server_key(deployment.directory / "prover-0" / "keys" / TLS_FILE)
    try:
        with ProverClient(with_pin(f"grpcs://127.0.0.1:{port}", pin_of_key(key))) as client:
            assert client.status().prover == 0
        stranger = ProverClient(with_pin(f"grpcs://127.0.0.1:{port}", bytes(32)))
        with stranger, pytest.raises(UnavailableError, match="has another key"):
            stranger.status()
    finally:
        node.stop()
