"""The error catalogue on gRPC: complete, and the same class with the same message on the other side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

import coordinator.service  # noqa: F401  (every class of the catalogue is loaded)
import provers.node  # noqa: F401
from circuits.errors import (
    BlamedProversError,
    ContractError,
    FullError,
    GradrollError,
    RuleViolationError,
    StorageError,
    UnavailableError,
    UnknownError,
    catalogue,
)
from commons.chain.nodeagreement import NoAgreementError
from commons.chain.nodetrouble import LacksBlockError, NodeTroubleError, OtherChainError
from commons.protocol.evidence import NoEvidenceError
from commons.storage.files import TakenError
from commons.storage.logwitness import LostEventsError
from commons.storage.redislog import ShortenedError
from commons.storage.redisplace import UnansweredError
from commons.wire._generated import common_pb2
from commons.wire._generated import prover_pb2 as pb
from commons.wire._generated import prover_pb2_grpc as rpc
from commons.wire.rpcstatus import answering, calling
from provers.party import RestoredError
from provers.sharefiles import DamagedError

CODES = sorted(catalogue())


def test_every_code_has_a_status() -> None:
    assert all(kind.rpc_status in grpc.StatusCode.__members__ for kind in catalogue().values())
    assert {code for code, kind in catalogue().items() if kind.rpc_status == "INTERNAL"} == {"internal"}


def test_codes_are_distinct() -> None:
    def family(kind: type[GradrollError]) -> Iterator[type[GradrollError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from family(child)

    kinds = list(family(GradrollError))
    assert len(CODES) == sum("code" in vars(kind) for kind in kinds)
    public = [kind for kind in kinds if not kind.__name__.startswith("_")]
    assert {kind for kind in public if "code" not in vars(kind)} == {
        DamagedError, FullError, LacksBlockError, LostEventsError, NoAgreementError, NodeTroubleError, NoEvidenceError,
        OtherChainError, RestoredError, ShortenedError, TakenError, UnansweredError,
    }  # fmt: skip


def test_what_stays_inside_a_prover_travels_as_what_it_is_to_others() -> None:
    """A restored ledger is a matter of the prover's own node; the coordinator sees a refusal by rule."""
    assert catalogue()[RestoredError.code] is RuleViolationError


class Raising(rpc.ProverServicer):
    raised: Exception = GradrollError()

    def Status(self, request: pb.ProverStatusRequest, context: grpc.ServicerContext) -> pb.ProverStatusReply:  # noqa: N802
        with answering(context):
            raise self.raised

    def GetCertificate(self, request: common_pb2.BatchRequest, context: grpc.ServicerContext) -> Iterator[object]:  # type: ignore[override]  # noqa: N802
        with answering(context):
            yield from ()
            raise self.raised


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Raising, rpc.ProverStub]]:
    servicer = Raising()  # type: ignore[abstract]  # gRPC answers what is missing itself
    running = grpc.server(ThreadPoolExecutor(2))
    rpc.add_ProverServicer_to_server(servicer, running)
    port = running.add_insecure_port("127.0.0.1:0")
    running.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield servicer, rpc.ProverStub(channel)
    running.stop(0)


def raised_by(servicer: Raising, stub: rpc.ProverStub, error: Exception) -> list[GradrollError]:
    servicer.raised = error
    found = []
    for ask in (
        lambda: stub.Status(pb.ProverStatusRequest()),
        lambda: list(stub.GetCertificate(common_pb2.BatchRequest())),
    ):
        with pytest.raises(GradrollError) as caught, calling("the peer"):
            ask()
        found.append(caught.value)
    return found


@pytest.mark.parametrize("code", CODES)
def test_errors_come_back_as_they_were(server: tuple[Raising, rpc.ProverStub], code: str) -> None:
    kind = catalogue()[code]
    text = "why: 100 %, and what to do – then"
    error = kind((0, 3), text) if issubclass(kind, BlamedProversError) else kind(text)
    for back in raised_by(*server, error):
        assert type(back) is kind
        assert (str(back) == text) != kind.own_machine
        if isinstance(back, BlamedProversError):
            assert back.provers == (0, 3)


OWN = {"bad-key-file", "key-mismatch", "insecure-setup", "chain", "storage", "config", "signer"}


def test_what_speaks_of_the_own_machine_is_marked() -> None:
    assert {code for code, kind in catalogue().items() if kind.own_machine} == OWN


@pytest.mark.parametrize("code", sorted(OWN))
def test_strangers_learn_nothing_of_a_servers_machine(
    server: tuple[Raising, rpc.ProverStub], code: str, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "/srv/gradroll/keys/policy.proving: Permission denied"
    for back in raised_by(*server, catalogue()[code](secret)):
        found = re.search(r"problem of its own \(reference ([0-9a-f]{8})\)", str(back))
        assert found
        assert "/srv" not in str(back)
        assert not back.own_machine, "what a peer says of itself may be passed on"
        assert any(found[1] in line and secret in line for line in caplog.messages)


def test_that_there_is_no_room_is_said(server: tuple[Raising, rpc.ProverStub]) -> None:
    for back in raised_by(*server, FullError("the room for shares is used up")):
        assert isinstance(back, StorageError)
        assert str(back) == "the room for shares is used up"


def test_what_a_peer_says_steers_no_terminal(server: tuple[Raising, rpc.ProverStub]) -> None:
    for back in raised_by(*server, UnknownError("no\x1b[2Jsuch\r\ntask\u202e")):
        assert str(back) == "no [2Jsuch  task "


def test_a_contract_error_keeps_its_class(server: tuple[Raising, rpc.ProverStub]) -> None:
    for back in raised_by(*server, ContractError("the contract refused: RoundClosed(0, 1, 2)", "RoundClosed")):
        assert isinstance(back, ContractError)


def test_long_messages_are_cut(server: tuple[Raising, rpc.ProverStub]) -> None:
    for back in raised_by(*server, UnknownError("x" * 100_000)):
        assert len(str(back)) == 2000


def test_unforeseen_errors_are_hidden(server: tuple[Raising, rpc.ProverStub]) -> None:
    for back in raised_by(*server, RuntimeError("the secret is 42")):
        assert type(back) is GradrollError
        assert "the secret" not in str(back)
        assert "reference" in str(back)


def test_silence_is_unavailable() -> None:
    with (
        grpc.insecure_channel("127.0.0.1:9") as channel,
        pytest.raises(UnavailableError, match="cannot be reached"),
        calling("the peer"),
    ):
        rpc.ProverStub(channel).Status(pb.ProverStatusRequest(), timeout=5)


@pytest.mark.parametrize(
    ("written", "read"),
    [("1" * 4400, ()), ("2,0,0,999,-1,x,32,31", (0, 2, 31)), ("", ())],
    ids=["long", "mixed", "none"],
)
def test_what_a_peer_writes_about_others_is_bounded(
    server: tuple[Raising, rpc.ProverStub], written: str, read: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = BlamedProversError((0,), "it was them")
    monkeypatch.setattr(error, "provers", (written,))
    for back in raised_by(*server, error):
        assert isinstance(back, BlamedProversError)
        assert back.provers == read


def test_an_internal_error_is_logged_once_in_a_while_under_one_reference(
    server: tuple[Raising, rpc.ProverStub], caplog: pytest.LogCaptureFixture
) -> None:
    """Or whoever finds one fills the disk with traces; each caller is told a reference that is in the log."""
    servicer, stub = server
    servicer.raised = ValueError("a bug")
    told = set()
    for _ in range(20):
        with pytest.raises(GradrollError) as caught, calling("it"):
            stub.Status(pb.ProverStatusRequest())
        told.add(str(caught.value))
    lines = [line for line in caplog.messages if "event=internal-error" in line]
    assert len(told) == len(lines) == 1
    assert lines[0].partition("reference=")[2] in told.pop()
