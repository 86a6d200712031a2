"""With --json every command writes exactly one object, of its outcome or of its error, and nothing for people."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from circuits.keyfiles import load_verifying_key
from circuits.terms import DAY, Pay
from commons.chain.verifiers import verifier_address
from commons.runtime.amounts import checksum, ether
from commons.runtime.identifiers import shown
from gradroll.cli import main
from gradroll.model_owner.escrow import EscrowOwner
from gradroll.model_owner.pricing import gas_fees
from gradroll.setup.local_market import BOND
from tests.gradroll.mistaken_files import SECRET
from tests.gradroll.smallmarket import CAPACITY, DIMENSION, PROVERS, REWARD, SmallMarket, small_market
from tests.support import token as test_token

BUYER, OWNER = ("--config", "model-owner.toml"), ("--config", "owner-0.toml")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallMarket]:
    with small_market(tmp_path_factory.mktemp("market")) as made:
        made.open_round(made.task())
        yield made


@pytest.fixture(scope="module")
def task(market: SmallMarket) -> str:
    """The first task, as it is typed."""
    return shown(market.local.view().task_ids()[0])


@pytest.fixture(autouse=True)
def _in_the_directory(market: SmallMarket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(market.directory)


def outcome(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> dict[str, Any]:
    """The one object that a command writes."""
    assert main([*words, "--json"]) == status
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def test_tasks(capsys: pytest.CaptureFixture[str], task: str) -> None:
    listed = outcome(capsys, "task", "list", "--config", "chain.toml")
    (told,) = listed["tasks"]
    assert (told["task"], told["dimension"], told["free"], told["reserved"]) == (task, DIMENSION, "0", str(4 * REWARD))
    assert listed["warnings"] == []
    for named in (task, task[:6], str(int(task, 16))):
        state = outcome(capsys, "task", "status", named, *BUYER)
        assert state["task"] == told
        assert state["rounds"][0]["finalized"] is False
        assert "the chain's word only" in state["warnings"][0]


def test_an_offer(capsys: pytest.CaptureFixture[str], task: str) -> None:
    offered = outcome(capsys, "task", "show", task, "--config", "chain.toml")
    assert (offered["levelled"], offered["floors"], offered["free_places"]) == (False, [str(REWARD)] * 4, 4)
    assert (offered["rounds_in_escrow"], offered["committee_ready"]) == (0, True)


def test_committee(capsys: pytest.CaptureFixture[str], market: SmallMarket) -> None:
    committee = shown(market.local.committee)
    told = outcome(capsys, "committee", "show", committee, "--config", "chain.toml")
    assert (told["committee"], told["ready"], len(told["members"])) == (committee, True, PROVERS)
    assert (told["bond"], told["epoch"]) == (str(BOND), 0)


def test_an_owners_commands(capsys: pytest.CaptureFixture[str], market: SmallMarket, task: str) -> None:
    account = checksum(market.writer("owner-0.json").address)
    assert outcome(capsys, "status", task, *OWNER) == {
        "task": task, "account": account, "index": None, "owed": "0", "accepted": 0, "settled": 0, "leaves_at": None,
        "excluded": False, "rounds": [], "warnings": [],
    }  # fmt: skip
    claimed = outcome(capsys, "claim", task, *OWNER)
    assert (claimed["owners"], claimed["paid"]) == ([], "0")
    assert "not registered" in claimed["reason"]
    for named in (account, "all"):
        assert outcome(capsys, "claim", task, "--owner", named, *OWNER)["paid"] == "0"


def test_what_is_paid_names_its_transactions(capsys: pytest.CaptureFixture[str], task: str) -> None:
    funded = outcome(capsys, "task", "fund", task, "5", *BUYER)
    assert (funded["funded"], funded["free"], len(funded["transactions"])) == ("5", "5", 1)
    withdrawn = outcome(capsys, "task", "withdraw", task, "5", *BUYER)
    assert (withdrawn["withdrawn"], withdrawn["finalized"]) == ("5", [])


def test_a_task_is_told_with_what_it_costs_before_it_is_created(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("task", "create", "--dimension", "3", "--norm", "4", "--reward", "0.001ether", "--capacity", "2", *BUYER)
    made = outcome(capsys, *words)
    terms, fees = made["terms"], gas_fees(Pay(bonus=10**15), PROVERS)
    assert (terms["base"], terms["bonus"]) == ("0", str(10**15)), "in an open task all of the pay is by level"
    assert terms["min_owners"] == 2
    assert (terms["coordinator_batch_fee"], terms["prover_batch_fee"]) == (
        str(fees.coordinator_batch), str(fees.prover_batch)
    )  # fmt: skip
    reserve = fees.reserve(2, PROVERS, 2)
    assert made["round_reserve"] == str(reserve)
    (warned,) = made["warnings"]
    assert "the smallest, are " in warned, "two gradients do not carry a batch"
    assert terms["deposit"] == str(reserve // 2), "what a round sets aside for one owner"
    assert outcome(capsys, "task", "status", made["task"], *BUYER)["task"]["deposit"] == terms["deposit"]
    assert outcome(capsys, *words, "--no-fees", "--deposit", "7")["terms"] == terms | {
        "coordinator_batch_fee": "0", "coordinator_gradient_fee": "0", "prover_batch_fee": "0",
        "prover_gradient_fee": "0", "deposit": "7",
    }  # fmt: skip


def test_how_small_batches_may_be_follows_from_the_fees(capsys: pytest.CaptureFixture[str]) -> None:
    """The verifier takes four owners, so any number of them divides into batches of two or more."""
    words = ("task", "create", "--dimension", "3", "--norm", "4", "--reward", "0.001ether", *BUYER)
    assert outcome(capsys, *words)["terms"]["min_owners"] == CAPACITY // 2
    assert outcome(capsys, *words, "--min-owners", "3")["terms"]["min_owners"] == 3


def test_what_a_task_costs_and_whom_it_pays_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["task", "create", "--dimension", "3", "--norm", "4", "--reward", "1ether", "--rounds", "7", *BUYER]) == 0
    )
    told = " ".join(capsys.readouterr().out.split())
    reserve = gas_fees(Pay(bonus=10**18), PROVERS).reserve(16, PROVERS, 2)
    for part in (
        "who registers many accounts and hands in one gradient with all is paid for each, and so is anything within",
        f"each round of all seats sets aside {ether(reserve)} (16 gradients at ",
        "and up to 8 batches at ",
        "in 4 full batches of up to 4; what is not spent comes back",
        f"all 7 rounds cost {ether(7 * reserve)} at most",
    ):
        assert part in told


@pytest.mark.parametrize(
    ("command", "account"),
    [
        ("task create --dimension 3 --norm 4 --reward 3 --config model-owner.toml", "model-owner.json"),
        ("owner register {task} --config owner-0.toml", "owner-0.json"),
        ("submit {task} --gradient gradient.npy --config owner-0.toml", "owner-0.json"),
    ],
)
def test_who_declines_has_sent_nothing(
    command: str, account: str, market: SmallMarket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is asked for is told before: terms and their cost, or an offer and its risk."""
    number = market.task(pay=Pay(bonus=REWARD, deposit=REWARD))
    market.open_round(number)
    np.save("gradient.npy", np.zeros(DIMENSION))
    for module in ("confirming", "registering"):
        monkeypatch.setattr(f"gradroll.commands.{module}.can_be_asked", lambda arguments: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    before = market.sent(account)
    assert main(command.format(task=shown(number)).split()) == 130
    told = capsys.readouterr()
    assert "deposit" in told.out
    if account != "model-owner.json":
        assert "you earn: 0.01 ETH for every accepted gradient" in told.out
        assert "you risk: the deposit is locked until you have left, and lost if 3 of the 4 provers sign" in told.out
    assert "nothing was sent" in told.err
    assert market.sent(account) == before


def test_two_tasks_of_the_same_terms_are_two(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("task", "create", "--dimension", "3", "--norm", "4", "--reward", "1", "--rounds", "77", *BUYER)
    assert outcome(capsys, *words)["task"] != outcome(capsys, *words)["task"]


def test_a_task_passes_to_another_model_owner(capsys: pytest.CaptureFixture[str], market: SmallMarket) -> None:
    """In two steps: nobody is given a task, or an address that nobody has the key of."""
    task, heir = shown(market.task()), market.writer("owner-1.json").address
    as_heir = ("--config", "chain.toml", "--account", "owner-1.json")
    refused = outcome(capsys, "task", "accept", task, *as_heir, status=5)
    assert "NotPendingOwner" in refused["error"]["message"]
    assert outcome(capsys, "task", "transfer", task, checksum(heir), *BUYER)["offered_to"] == checksum(heir)
    assert outcome(capsys, "task", "transfer", task, "--nobody", *BUYER)["offered_to"] is None
    outcome(capsys, "task", "accept", task, *as_heir, status=5)
    outcome(capsys, "task", "transfer", task, checksum(heir), *BUYER)
    assert outcome(capsys, "task", "accept", task, *as_heir)["model_owner"] == checksum(heir)
    named = outcome(capsys, "task", "coordinator", task, checksum(heir), *as_heir)
    assert named["coordinator"] == checksum(heir)
    outcome(capsys, "task", "fund", task, "9", *BUYER)
    outcome(capsys, "task", "withdraw", task, "9", *BUYER, status=5)
    outcome(capsys, "task", "withdraw", task, "9", "--to", checksum(market.local.coordinator), *as_heir)


def test_fees_that_nobody_holds(capsys: pytest.CaptureFixture[str], task: str) -> None:
    assert outcome(capsys, "task", "fees", task, "--refund", *BUYER)["held"] == []
    refused = outcome(capsys, "task", "challenge", task, "--round", "0", "--batch", "0", *BUYER, status=4)
    assert "holds no fees for batch 0 of round 0" in refused["error"]["message"]


def test_an_owner_comes_and_goes(capsys: pytest.CaptureFixture[str], market: SmallMarket) -> None:
    task = shown(market.task(permissioned=True, pay=Pay(base=REWARD, deposit=REWARD)))
    account = checksum(market.writer("owner-0.json").address)
    assert outcome(capsys, "owner", "register", task, *OWNER, status=5)["error"]["message"].endswith("[NotAdmitted]")
    outcome(capsys, "task", "admit", task, account, *BUYER)
    registered = outcome(capsys, "owner", "register", task, *OWNER)
    assert (registered["index"], registered["deposit"], registered["floors"]) == (0, str(REWARD), [str(REWARD)] * 4)
    assert outcome(capsys, "owner", "register", task, *OWNER)["index"] == 0
    left = outcome(capsys, "owner", "resign", task, *OWNER)
    assert left["leaves_at"] == 0
    assert market.local.view().now() + 7 * DAY <= left["deposit_free_at"] <= market.local.view().now() + 7 * DAY + 3600
    assert outcome(capsys, "status", task, *OWNER)["leaves_at"] == 0
    assert "ExitTooEarly" in outcome(capsys, "owner", "exit", task, *OWNER, status=5)["error"]["message"]
    market.chain.advance(7 * DAY + 3600 + 1)
    gone = outcome(capsys, "owner", "exit", task, *OWNER)
    assert (gone["deposit"], gone["paid"]) == (str(REWARD), "0")
    outcome(capsys, "owner", "exit", task, *OWNER, status=5)


def test_another_account_registers_a_key_with_its_consent(
    capsys: pytest.CaptureFixture[str], market: SmallMarket
) -> None:
    task, cold = shown(market.task()), checksum(market.writer("owner-1.json").address)
    agreed = outcome(capsys, "owner", "consent", task, cold, *OWNER)
    words = ("owner", "register", task, "--signer", agreed["signer"], "--consent", agreed["consent"])
    refused = outcome(capsys, *words, *OWNER, "--account", "operator.json", status=5)
    assert "ConsentInvalid" in refused["error"]["message"], "it is for one account"
    registered = outcome(capsys, *words, "--config", "owner-1.toml")
    owner = market.local.view().owner(int(task, 16), registered["index"])
    assert (checksum(owner.signer), checksum(owner.account)) == (agreed["signer"], cold)
    outcome(capsys, "owner", "resign", task, *OWNER, status=5)
    outcome(capsys, "owner", "resign", task, "--index", str(registered["index"]), "--config", "owner-1.toml")


def test_an_owner_is_handed_over_to_another_account(
    capsys: pytest.CaptureFixture[str], market: SmallMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What passes is told before, and the question is one for good; the key goes on signing."""
    task, heir = shown(market.task(pay=Pay(bonus=REWARD, deposit=REWARD))), market.writer("owner-1.json").address
    signer = market.writer("owner-0.json").address
    index = outcome(capsys, "owner", "register", task, *OWNER)["index"]
    words, before = ("owner", "account", task, checksum(heir)), market.sent("owner-0.json")
    monkeypatch.setattr("gradroll.commands.confirming.can_be_asked", lambda arguments: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert main([*words, *OWNER]) == 130
    told = capsys.readouterr()
    for part in ("its deposit of 0.01 ETH, and the decision to leave", "nothing can be claimed now", checksum(signer)):
        assert part in told.out
    assert "for good? [y/N]" in told.err
    assert market.sent("owner-0.json") == before
    refused = outcome(capsys, *words, "--index", str(index), "--yes", *OWNER, "--account", "operator.json", status=5)
    assert "NotTheAccount" in refused["error"]["message"]
    assert outcome(capsys, *words, "--yes", *OWNER)["account"] == checksum(heir)
    owner = market.local.view().owner(int(task, 16), index)
    assert (owner.signer, owner.account) == (signer, heir)
    assert outcome(capsys, *words, "--yes", *OWNER)["account"] == checksum(heir), "nothing is sent twice"
    assert market.sent("owner-0.json") == before + 1
    outcome(capsys, "owner", "resign", task, *OWNER, status=5)
    outcome(capsys, "owner", "resign", task, "--index", str(index), "--config", "owner-1.toml")


def test_an_owner_is_not_handed_to_an_address_that_was_mistyped_without_a_word(
    capsys: pytest.CaptureFixture[str], market: SmallMarket
) -> None:
    task = shown(market.task())
    outcome(capsys, "owner", "register", task, *OWNER)
    told = outcome(capsys, "owner", "account", task, "0x" + "77" * 20, *OWNER)
    assert "if nobody holds its key, all of this is lost" in told["warnings"][0]


def test_a_verifier_is_made_where_everybody_looks_for_it(
    capsys: pytest.CaptureFixture[str], market: SmallMarket
) -> None:
    """For another size of batches, after the market was deployed, by anybody, once."""
    made_with = ("--insecure-seed", "x", "--capacity", "2", "--srs", "parameters/srs.gsrs", "--out", "small")
    outcome(capsys, "setup", "keys", *made_with, "--development")
    file = "small/norm-2.verifying"
    key = load_verifying_key(Path(file), allow_insecure=True)
    words = ("verifier", "create", "--verifying-key", file, "--config", "chain.toml")
    place, before = verifier_address(market.local.view().factory, key), market.sent("owner-0.json")
    assert main([*words, "--account", "owner-0.json"]) == 0
    told = capsys.readouterr().out
    assert f"verifier of norm, 2 owners, key 0x{key.key_hash.hex()}: {checksum(place)}, by the market's factory" in told
    assert f"gradroll task create --verifier {checksum(place)}" in told
    made = outcome(capsys, *words, "--account", "owner-1.json")
    assert (made["verifier"], made["created"], made["capacity"]) == (checksum(place), False, 2)
    assert market.sent("owner-0.json") == before + 1
    created = ("task", "create", "--dimension", "3", "--norm", "4", "--reward", "1", "--verifier", made["verifier"])
    assert outcome(capsys, *created, *BUYER)["terms"]["verifier"] == made["verifier"]


def test_a_task_in_a_token(capsys: pytest.CaptureFixture[str], market: SmallMarket) -> None:
    """Amounts are in its units everywhere, and the market is allowed to take what is paid and no more."""
    buyer, owner = market.writer("model-owner.json"), market.writer("owner-0.json")
    token = test_token.deploy(buyer)
    for account in (buyer, owner):
        test_token.mint(buyer, token, account.address, 10 * 10**6)
    words = ("task", "create", "--dimension", "3", "--norm", "4", "--reward", "0.5tUSD", "--token", checksum(token),
             "--no-fees", "--prover-gradient-fee", "0.01tUSD", "--capacity", "2", *BUYER)  # fmt: skip
    assert main(words) == 0
    told = capsys.readouterr().out
    assert f"pay in tUSD (token {checksum(token)}): 0.5 tUSD for every accepted gradient" in told
    assert "each round of all seats sets aside 1.08 tUSD" in told
    task = shown(market.local.view().task_ids()[-1])
    assert (
        "is of another money" in outcome(capsys, "task", "fund", task, "1ether", *BUYER, status=3)["error"]["message"]
    )
    assert outcome(capsys, "task", "fund", task, "1.08tusd", *BUYER)["free"] == "1080000"
    assert outcome(capsys, "owner", "register", task, *OWNER)["deposit"] == "540000"
    tokens = market.local.view().tokens
    assert tokens.balance(token, owner.address) == 10 * 10**6 - 540_000
    assert tokens.allowance(token, owner.address, market.local.market) == 0
    outcome(capsys, "owner", "resign", task, *OWNER)
    market.chain.advance(7 * DAY + 3600 + 1)
    outcome(capsys, "owner", "exit", task, *OWNER)
    assert tokens.balance(token, owner.address) == 10 * 10**6


def test_a_permit_pays_in_one_transaction(market: SmallMarket) -> None:
    buyer = market.writer("model-owner.json")
    token = test_token.deploy(buyer)
    test_token.mint(buyer, token, buyer.address, 7)
    task, before = market.task(pay=Pay(token=token, bonus=1)), market.sent("model-owner.json")
    EscrowOwner(buyer.view, buyer).fund(task, 3, permit=True)
    assert market.sent("model-owner.json") == before + 1
    EscrowOwner(buyer.view, buyer).fund(task, 4)
    assert market.sent("model-owner.json") == before + 3, "an allowance takes one of its own"
    assert market.local.view().task(task).balance == 7


def test_a_credit(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(capsys, "collect", *OWNER)["collected"] == "0"


def test_setup(capsys: pytest.CaptureFixture[str], market: SmallMarket) -> None:
    seeded = ("--insecure-seed", "x", "--development")
    made = outcome(capsys, "setup", "srs", *seeded, "--dimension", "4", "--out", "made.gsrs")
    assert (made["file"], made["origin"]) == ("made.gsrs", "insecure-development")
    keys = outcome(capsys, "setup", "keys", *seeded, "--capacity", "2", "--srs", "made.gsrs", "--out", "made")
    assert (keys["directory"], keys["policy"], keys["capacity"]) == ("made", "norm", 2)
    assert keys["setup"] == "insecure-development"
    assert len(keys["key_hash"]) == 66
    account = outcome(capsys, "setup", "account", "--out", "made.json")
    assert account["file"] == "made.json"
    assert "norm" in {policy["name"] for policy in outcome(capsys, "setup", "policies")["policies"]}
    keep = ("--chain", market.url, "--directory", ".", "--development", "--keep")
    assert outcome(capsys, "setup", "local", *keep)["kept"] is True


def test_a_prover(capsys: pytest.CaptureFixture[str], market: SmallMarket) -> None:
    made = outcome(capsys, "prover", "init", "--keystore", "made-prover")
    assert made["directory"].endswith("made-prover")
    joined = outcome(capsys, "prover", "join", "--config", "prover-1/prover.toml")
    assert (joined["prover"], joined["endpoint"]) == (1, market.local.endpoints[1])
    assert joined["committee"] == shown(market.local.committee)


def test_a_development_chain(capsys: pytest.CaptureFixture[str], market: SmallMarket) -> None:
    account = checksum(market.writer("owner-0.json").address)
    sent = outcome(capsys, "chain", "fund", account, "--chain", market.url, "--development")
    assert (sent["addresses"], sent["received"]) == ([account], str(10 * 10**18))


@pytest.mark.parametrize(
    ("command", "code", "status"),
    [
        ("task list", "config", 3),
        ("task status 7 --config model-owner.toml", "unknown", 4),
        ("task withdraw {task} 1ether --config model-owner.toml", "contract-refused", 5),
        ("claim {task} --config owner-0.toml --account absent.json", "bad-key-file", 6),
        ("coordinator status --config coordinator/coordinator.toml", "unavailable", 5),
    ],
)
def test_an_error_is_the_object(
    command: str, code: str, status: int, task: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = outcome(capsys, *command.format(task=task).split(), status=status)
    assert said["error"]["code"] == code
    assert said["error"]["message"]
    assert said["warnings"] == []


def test_an_interruption_is_the_object(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path, what: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gradroll.commands.arrayfiles.read_array", interrupted)
    said = outcome(capsys, "submit", "0", "--gradient", "g.npy", *OWNER, status=130)
    assert said["error"]["code"] == "interrupted"


def test_no_log_shows_the_nodes_url(
    market: SmallMarket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even at the level at which web3 and urllib3 tell of every request."""
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    caplog.set_level(logging.DEBUG)
    assert main(["task", "list", "--config", "chain.toml", "--chain", f"{market.url}/{SECRET}?key={SECRET}"]) == 0
    logged = [
        record.getMessage() for record in caplog.records if not record.name.endswith("devchain")
    ]  # the other side
    assert SECRET not in " ".join(logged)


def test_escrow_commands_take_the_chain_and_an_account_alone(
    market: SmallMarket, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Path("chain-only.toml")
    text = Path("chain.toml").read_text()
    settings.write_text(text[: text.index("[keys]")])
    alone = ("--config", str(settings), "--account", "model-owner.json")
    task = shown(market.task(permissioned=True))
    someone = checksum(market.writer("owner-1.json").address)
    for words in (("fund", task, "7"), ("admit", task, someone), ("finalize", task), ("withdraw", task, "7")):
        outcome(capsys, "task", *words, *alone)
