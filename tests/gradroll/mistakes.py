"""Mistakes that people make, and what they see: a table that `test_mistakes` plays and docs/errors.md shows."""

from __future__ import annotations

from dataclasses import dataclass

from circuits.errors import catalogue

EVERYBODY, NODE, DATA_OWNER = "Everybody", "Everybody: the node and the chain", "Data owner"
MODEL_OWNER, PROVER, COORDINATOR, MARKET = "Model owner", "Prover", "Coordinator", "Market operator"
AUDITOR = "Anybody: audit and demo"
USAGE, INTERRUPTED, TOLD = "usage", "interrupted", ""
"""Beside the codes of the catalogue: argparse's refusals, Ctrl-C, and what is no error but told."""
_STATUS = {USAGE: 2, INTERRUPTED: 130, TOLD: 0}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake.  In what is seen, … stands for what is another time otherwise.

    Attributes:
        what: what was done, for the page.
        command: as it is typed in the directory of `mistaken_files`, after ``gradroll``; variables may stand before.
        code: of the catalogue, or one of the above.
        cause: how the message begins.
        cure: how it ends: what to do about it.
        before: a command that is run before.
        scene: what else is arranged, a function of `test_mistakes`.
    """

    role: str
    what: str
    command: str
    code: str
    cause: str
    cure: str
    before: str = ""
    scene: str = ""

    @property
    def exit_status(self) -> int:
        """Of the command."""
        return catalogue()[self.code].exit_status if self.is_error else _STATUS[self.code]

    @property
    def is_error(self) -> bool:
        """Whether its code is the catalogue's, and shown."""
        return self.code not in _STATUS

    @property
    def seen(self) -> str:
        """What the command says, without the code."""
        return self.cause + self.cure


_SUBMIT = "submit {task} --gradient model.npy --config owner-0.toml"
_NPY = "save one array of floats with numpy.save(file, array)"
_ENDPOINT = "is not grpcs://host:port, with #sha256-... behind it or not, or a loopback address host:port"
_AMOUNT = (
    "a whole number of the smallest unit (wei) from 1 to 2^128 - 1, or such as 0.06ether, 5gwei or 2.5USDC, with no "
    "part of the smallest unit left"
)
_SOMEBODY = f"0x{'ab' * 20}"
_PLACE = "it is not a path of a key file, or https://host:port#0x... of an external signer"
_ELSEWHERE = "GRADROLL_CHAIN_OUTBOX=signer.outbox task fund {{task}} 1 --config model-owner.toml --account {}"
UNREACHED = "grpcs://127.0.0.1:…#sha256-… cannot be reached (…); "
IS_IT_RUNNING = "is it running, and is the address right?"

SHARED_MISTAKES = (
    Mistake(EVERYBODY, "no settings", "task list", "config", "chain.url is missing: ",
            "put it under [chain] in the file given by --config, set GRADROLL_CHAIN_URL, or pass --chain"),
    Mistake(EVERYBODY, "a settings file that is not there", "task list --config absent.toml", "config",
            "absent.toml cannot be read: No such file or directory; ", "correct --config, or its permissions"),
    Mistake(EVERYBODY, "a settings file that is no TOML", "task list --config broken.toml", "config",
            "broken.toml is not valid TOML: …; ", "correct it there"),
    Mistake(EVERYBODY, "a settings file of another encoding", "task list --config latin.toml", "config",
            "latin.toml is not UTF-8 text; ", "save it as UTF-8"),
    Mistake(EVERYBODY, "a key mistyped", "task list --config typo.toml", "config",
            "chain.ulr (from typo.toml) is unknown; ", "did you mean chain.url?"),
    Mistake(EVERYBODY, "a section mistyped", "task list --config section.toml", "config",
            "section.toml: chains is no known section; ",
            "known are chain, keys, unlock, signer, prover, coordinator, owner, model_owner, task, metrics, "
            "log, telemetry, watchdog, artifacts, models, data"),
    Mistake(EVERYBODY, "a value out of range", "task list --config range.toml", "config",
            "chain.timeout (from range.toml) ", "must be a number from 1 to 600, not 0"),
    Mistake(EVERYBODY, "a value of another kind", "task list --config kind.toml", "config",
            "chain.chain_id (from kind.toml) ", "must be a whole number from 1 to …, not 'mainnet'"),
    Mistake(EVERYBODY, "a variable mistyped", "GRADROLL_CHAIN_ULR={url} task list --config chain.toml", "config",
            "GRADROLL_CHAIN_ULR is no known setting; ", "did you mean GRADROLL_CHAIN_URL?"),
    Mistake(EVERYBODY, "an address that is none", "task list --config chain.toml --market 0x12", "config",
            "chain.market (from the command line) ", "must be an address, 0x and 40 hexadecimal digits, not '0x12'"),
    Mistake(EVERYBODY, "a node's URL without http://, which may hold a password",
            "task list --config chain.toml --chain user:s3cr3t@127.0.0.1:8545", "config",
            "chain.url (from the command line) ",
            "must be an http:// or https:// address, or several with commas between them, or a list of them"),
    Mistake(EVERYBODY, "development files outside of development mode", _SUBMIT.replace("owner-0", "production"),
            "insecure-setup", "…srs.gsrs is a development SRS; ",
            "import a ceremony file, or pass --development to try things out"),
    Mistake(EVERYBODY, "a command mistyped", "task creat", USAGE,
            "gradroll task: error: argument COMMAND: invalid choice: 'creat' ", "(choose from …create…)"),
    Mistake(EVERYBODY, "an argument left out", "submit {task} --config owner-0.toml", USAGE,
            "gradroll submit: error: ", "the following arguments are required: --gradient"),
    Mistake(EVERYBODY, "a task that is none", "task fund zero 1ether --config model-owner.toml", USAGE,
            "gradroll task fund: error: argument TASK: 'zero' is no identifier: ",
            "write 0x and its sixteen digits, or at least the first 4 of them"),
    Mistake(EVERYBODY, "a beginning that no task has", "task status 0xffff --config chain.toml", "unknown",
            "no task begins with 0xffff..; ", "look at the list of all, or give all of its digits"),
    Mistake(EVERYBODY, "the number of a round", "task open {bare} --model model.npy --seats -1", USAGE,
            "gradroll task open: error: argument --seats: '-1' ", "is no whole number from 0 to 65535"),
    Mistake(EVERYBODY, "an address with a typing error",
            "task admit {closed} 0x7E5F4552091A69125d5DfCb7b8C2659029395BdE --config model-owner.toml", USAGE,
            "gradroll task admit: error: argument 0x...: '0x7E5F4552091A69125d5DfCb7b8C2659029395BdE': "
            "the checksum in its capital letters is wrong (EIP-55); ", "type it again, or use lower case"),
    Mistake(EVERYBODY, "an amount in words", "task fund {task} ten --config model-owner.toml", USAGE,
            "gradroll task fund: error: argument AMOUNT: 'ten' is no amount: ", _AMOUNT),
    Mistake(EVERYBODY, "half a wei", "task fund {task} 0.5wei --config model-owner.toml", USAGE,
            "gradroll task fund: error: argument AMOUNT: '0.5wei' is no amount: ", _AMOUNT),
    Mistake(EVERYBODY, "an amount of another money", "task fund {task} 2USDC --config model-owner.toml",
            "invalid-input",
            "2USDC is of another money: this is paid in ETH; ",
            "write a whole number of its smallest unit, or such as 0.5ETH"),
    Mistake(EVERYBODY, "an endpoint without a port", "audit {task} --coordinator localhost --config chain.toml", USAGE,
            "gradroll audit: error: argument --coordinator: 'localhost' ", _ENDPOINT),
    Mistake(EVERYBODY, "an endpoint of IPv6 without brackets",
            "audit {task} --coordinator ::1:7100 --config chain.toml",
            USAGE, f"gradroll audit: error: argument --coordinator: '::1:7100' {_ENDPOINT}: ",
            "an IPv6 address stands in brackets, as in [::1]:7100"),
    Mistake(EVERYBODY, "an endpoint as a web address", "prover status --endpoint http://127.0.0.1:7101", USAGE,
            "gradroll prover status: error: argument --endpoint: 'http://127.0.0.1:7101' ", _ENDPOINT),
    Mistake(EVERYBODY, "an endpoint in the clear on another machine", "prover status --endpoint prover0:7101", USAGE,
            f"gradroll prover status: error: argument --endpoint: 'prover0:7101' {_ENDPOINT}: nothing is sent to "
            "another machine in the clear; ",
            "write grpcs:// before it, and behind it the pin of the server's key, which its `status` command shows"),
    Mistake(EVERYBODY, "half a pin", "prover status --endpoint grpcs://127.0.0.1:7101#sha256-47DEQpj8", USAGE,
            "gradroll prover status: error: argument --endpoint: 'grpcs://127.0.0.1:7101#sha256-47DEQpj8' "
            f"{_ENDPOINT}: ",
            "behind # stands one pin: sha256- and 43 characters of base64url, as the server shows it"),
    Mistake(EVERYBODY, "Ctrl-C", _SUBMIT, INTERRUPTED, "interrupted; nothing is lost, ",
            "run the command again to go on", scene="interrupting"),
    Mistake(EVERYBODY, "standard output on a full disk", "committee show {committee} --config chain.toml", "storage",
            "what was done could not all be told: standard output: No space left on device; ",
            "free some space, or send it elsewhere", scene="full_output"),
    Mistake(NODE, "the node is down", "task list --config chain.toml --chain {dead}", "chain",
            "the node at http://127.0.0.1:… cannot be reached; ", "is it running?"),
    Mistake(NODE, "a host that does not exist", "task list --config chain.toml --chain http://no-such-host.invalid:85",
            "chain", "the node at http://no-such-host.invalid:85 cannot be reached: the name no-such-host.invalid is "
            "not known; ", "correct chain.url, or look at the name service"),
    Mistake(NODE, "a wrong key or password in the node's URL", "task list --config chain.toml --chain {stub}/401",
            "chain", "the node at http://127.0.0.1:… refuses the credentials in the node's URL (HTTP status 401); ",
            "correct the key or password in it"),
    Mistake(NODE, "a wrong path in the node's URL", "task list --config chain.toml --chain {stub}/404", "chain",
            "the node at http://127.0.0.1:… has no JSON-RPC at this path (HTTP status 404); ",
            "correct the path of the URL"),
    Mistake(NODE, "a node that has moved", "task list --config chain.toml --chain {stub}/302", "chain",
            "the node at http://127.0.0.1:… sends elsewhere (https://example.org) with HTTP status 302, which is not "
            "followed; ", "write the address itself"),
    Mistake(NODE, "a node in trouble", "task list --config chain.toml --chain {stub}/500", "chain",
            "the node at http://127.0.0.1:… answers with HTTP status 500 instead of JSON-RPC; ", "look at its log"),
    Mistake(NODE, "a node that was asked too often", "task list --config chain.toml --chain {stub}/429", "chain",
            "the node at http://127.0.0.1:… still asks to be left alone (HTTP status 429); ",
            "wait, ask less often, or use another node", scene="impatient"),
    Mistake(NODE, "a node that is too slow",
            "GRADROLL_CHAIN_TIMEOUT=1 task list --config chain.toml --chain {stub}/late", "chain",
            "the node at http://127.0.0.1:… did not answer within 1 s; ", "raise chain.timeout, or use another node"),
    Mistake(NODE, "a web page in place of the node", "task list --config chain.toml --chain {stub}/page", "chain",
            "the node at http://127.0.0.1:… answers with something that is no JSON-RPC, a login page perhaps; ",
            "correct chain.url, or use another node"),
    Mistake(NODE, "another chain", "task list --config chain.toml --chain-id 5", "chain",
            "the node at http://127.0.0.1:… is on chain 131277322940537, the configuration says 5; ",
            "correct the address of the node or the chain id"),
    Mistake(NODE, "no contract at the market's address", "task list --config chain.toml --market {owner}", "chain",
            "there is no such contract at 0x… on chain 131277322940537; ", "check the address"),
    Mistake(NODE, "a task that does not exist", "task status 0x0000000000000099 --config chain.toml", "unknown",
            "the chain knows no such thing: the market has no task 0x0000000000000099; ",
            "check the identifier and the market's address [TaskUnknown]"),
    Mistake(NODE, "a committee that does not exist", "committee show 0x0000000000000099 --config chain.toml", "unknown",
            "the chain knows no such thing: the registry has no committee 0x0000000000000099; ",
            "check the identifier and the market's address [CommitteeUnknown]"),
    Mistake(NODE, "an account without money for the fee",
            "task fund {task} 1 --config model-owner.toml --account poor.json",
            "chain", "account 0x… has 0 ETH, this needs up to … ETH (0.000000000000000001 ETH for the contract and up "
            "to … ETH for gas): ", "send it the difference; nothing more was sent"),
    Mistake(NODE, "two commands that send with one account at once",
            "task fund {task} 1 --config model-owner.toml --account busy.json", "storage",
            "another command is sending transactions of this account (…busy.json.outbox); ", "wait until it has ended"),
    Mistake(NODE, "a damaged memory of what was sent",
            "task fund {task} 1 --config model-owner.toml --account damaged.json", "storage",
            "…damaged.json.outbox is damaged, and it says which transactions are under way; ",
            "look whether the account's last ones were mined, then remove the file"),
    Mistake(NODE, "an account at an external signer that is down", _ELSEWHERE.format("{dead}#{owner}"), "signer",
            "the signer at http://127.0.0.1:… cannot be reached; ", "is it running?"),
    Mistake(NODE, "a wrong password of an external signer", _ELSEWHERE.format("{stub}/401#{owner}"), "signer",
            "the signer at http://127.0.0.1:… refuses these credentials (HTTP status 401); ",
            "correct the password in the account's place, or signer.tls_certificate"),
    Mistake(NODE, "an external signer that has moved", _ELSEWHERE.format("{stub}/302#{owner}"), "signer",
            "the signer at http://127.0.0.1:… sends elsewhere with HTTP status 302, which is not followed; ",
            "name the signer itself"),
    Mistake(NODE, "an external signer that answers too late",
            "GRADROLL_SIGNER_TIMEOUT=1 " + _ELSEWHERE.format("{stub}/late#{owner}"), "signer",
            "the signer at http://127.0.0.1:… has not answered within 1 s; ",
            "look at its log, or raise signer.timeout"),
    Mistake(NODE, "a web page in place of an external signer", _ELSEWHERE.format("{stub}/page#{owner}"), "signer",
            "the signer at http://127.0.0.1:… ", "is it a signer? correct the account's place"),
    Mistake(NODE, "an account at an external signer, and no place to remember what it sends",
            _ELSEWHERE.partition(" ")[2].format("{stub}#{owner}"), "config",
            "chain.outbox is missing: account http://127.0.0.1:…#0x… has no key file beside which to remember what is "
            "sent; ", "name a file for it"),
    Mistake(NODE, "an external signer in the clear on another machine",
            _ELSEWHERE.format(f"http://user:s3cr3t@signer.example:9000#{_SOMEBODY}"), USAGE,
            f"gradroll task fund: error: argument --account: {_PLACE}: ",
            "nothing to be signed is sent to another machine in the clear; write https://"),
    Mistake(NODE, "an external signer without the account's address",
            _ELSEWHERE.format("https://user:s3cr3t@signer.example:9000"), USAGE,
            f"gradroll task fund: error: argument --account: {_PLACE}: ",
            "behind # stands the address of the account that it signs for, 0x and 40 hexadecimal digits"),
    Mistake(DATA_OWNER, "a gradient that is not there", "submit {task} --gradient absent.npy --config owner-0.toml",
            "unknown", "there is no gradient file absent.npy; ", "correct the path"),
    Mistake(DATA_OWNER, "a directory in place of a gradient", "submit {task} --gradient stranger --config owner-0.toml",
            "invalid-input", "the gradient stranger cannot be read (Is a directory); ", "name a .npy file"),
    Mistake(DATA_OWNER, "a gradient as text", "submit {task} --gradient numbers.txt --config owner-0.toml",
            "invalid-input", "numbers.txt is no gradient: no .npy file, but another format; ", _NPY),
    Mistake(DATA_OWNER, "a gradient as .npz", "submit {task} --gradient archive.npz --config owner-0.toml",
            "invalid-input", "archive.npz is no gradient: no .npy file, but an archive of several arrays (.npz), or of "
            "torch; ", _NPY),
    Mistake(DATA_OWNER, "a gradient as a pickle", "submit {task} --gradient tensor.pickle --config owner-0.toml",
            "invalid-input", "tensor.pickle is no gradient: no .npy file, but a pickle; ", _NPY),
    Mistake(DATA_OWNER, "a gradient of Python objects", "submit {task} --gradient objects.npy --config owner-0.toml",
            "invalid-input", "objects.npy is no gradient: it holds Python objects; ", _NPY),
    Mistake(DATA_OWNER, "an empty gradient file", "submit {task} --gradient empty.npy --config owner-0.toml",
            "invalid-input", "empty.npy is no gradient: no .npy file, but empty; ", _NPY),
    Mistake(DATA_OWNER, "a gradient that was cut off", "submit {task} --gradient cut.npy --config owner-0.toml",
            "invalid-input", "cut.npy is no gradient: it is cut off or damaged; ", _NPY),
    Mistake(DATA_OWNER, "a gradient with NaN", "submit {task} --gradient nan.npy --config owner-0.toml", "bad-gradient",
            "1 coordinates of the gradient are NaN or infinite, the first is 1; ", "fix the training"),
    Mistake(DATA_OWNER, "a complex gradient", "submit {task} --gradient complex.npy --config owner-0.toml",
            "bad-gradient",
            "the gradient holds complex numbers; ", "take the real part, if that is what you mean"),
    Mistake(DATA_OWNER, "dates in place of numbers", "submit {task} --gradient dates.npy --config owner-0.toml",
            "bad-gradient", "the gradient holds dates, no numbers; ", "save the values that you trained"),
    Mistake(DATA_OWNER, "a gradient of another model", "submit {task} --gradient long.npy --config owner-0.toml",
            "bad-gradient", "the gradient has shape (4,), the task is for 3 coordinates; ",
            "is it meant for another task?"),
    Mistake(DATA_OWNER, "a gradient that is not flat", "submit {task} --gradient square.npy --config owner-0.toml",
            "bad-gradient", "the gradient has shape (3, 1), the task is for 3 coordinates; ",
            "flatten it with .ravel()"),
    Mistake(DATA_OWNER, "a gradient beyond the bound that must not be clipped",
            "submit {task} --gradient huge.npy --no-clip --config owner-0.toml", "bad-gradient",
            "the gradient is beyond the task's norm bound and would be shrunk by the factor …, so nothing was sent; ",
            "shrink it yourself, or let it be clipped"),
    Mistake(DATA_OWNER, "a file in place of a model manifest", f"{_SUBMIT} --manifest numbers.txt", "invalid-input",
            "…numbers.txt is no model manifest: a model manifest is JSON; these bytes are not; ",
            "name one that gradroll scales or gradroll task manifest wrote"),
    Mistake(DATA_OWNER, "a key file that is not there", f"{_SUBMIT} --account absent.json", "bad-key-file",
            "…absent.json: no such key file; ", "create the keys first, or correct the path"),
    Mistake(DATA_OWNER, "a key file that others can read", f"{_SUBMIT} --account shared.json", "bad-key-file",
            "…shared.json: others can read this key; ", "chmod 600 it, and replace the key if they did"),
    Mistake(DATA_OWNER, "an encrypted key without its passphrase", f"{_SUBMIT} --account sealed.json", "bad-key-file",
            "…sealed.json is encrypted, and no passphrase is set; ",
            "name its file in unlock.passphrase_file (or set passphrase_env or passphrase_fd there)"),
    Mistake(DATA_OWNER, "a wrong passphrase",
            f"GRADROLL_UNLOCK_PASSPHRASE_FILE=passphrase {_SUBMIT} --account sealed.json", "bad-key-file",
            "…sealed.json cannot be opened: the passphrase is wrong, or the file is damaged; ",
            "try again, or put a copy back"),
    Mistake(DATA_OWNER, "a passphrase that is not there",
            f"GRADROLL_UNLOCK_PASSPHRASE_ENV=NOWHERE {_SUBMIT} --account sealed.json", "config",
            "the variable NOWHERE (unlock.passphrase_env) holds no passphrase; ", "put it there, in one line"),
    Mistake(DATA_OWNER, "a key at an external signer for gradients",
            f"{_SUBMIT} --account {{stub}}#{{owner}}", "config",
            "owner.account: http://127.0.0.1:…#0x… is at an external signer, and a key that signs gradients is in a "
            "file; ", "name one, which this account may register (gradroll owner register --signer)"),
    Mistake(DATA_OWNER, "registering a key at an external signer for gradients",
            "owner register {task} --config owner-0.toml --account {stub}#{owner}", "invalid-input",
            "an account at an external signer signs no gradients: ",
            "name the key that does with --signer, and its --consent (gradroll owner consent)"),
    Mistake(DATA_OWNER, "a key file that was cut off", f"{_SUBMIT} --account cut.json", "bad-key-file",
            "…cut.json: not a readable key file; ",
            "put a copy of it back, or import the key (gradroll setup account --import)"),
    Mistake(DATA_OWNER, "a directory in place of a key file", f"{_SUBMIT} --account stranger", "bad-key-file",
            "…stranger: not a readable key file (Is a directory); ", "correct the path or its permissions"),
    Mistake(DATA_OWNER, "a key file of another kind", f"{_SUBMIT} --account stranger/hpke.json", "bad-key-file",
            "…hpke.json: not a key file of kind 'account'; ", "name the right file"),
    Mistake(DATA_OWNER, "no reference string", f"GRADROLL_KEYS_SRS=absent.gsrs {_SUBMIT}", "bad-key-file",
            "…absent.gsrs cannot be read: No such file or directory; ", "correct the path, or get the file again"),
    Mistake(DATA_OWNER, "the reference string of another market", f"GRADROLL_KEYS_SRS=other.gsrs {_SUBMIT}",
            "key-mismatch", "your reference string, …other.gsrs, is another than the task's: ",
            "get the file that the market's operator publishes (keys.srs)"),
    Mistake(DATA_OWNER, "a reference string that was cut off", f"GRADROLL_KEYS_SRS=cut.gsrs {_SUBMIT}",
            "bad-key-file", "…cut.gsrs is corrupt or truncated (its digest differs); ", "fetch or generate it again"),
    Mistake(DATA_OWNER, "another file in place of the reference string", f"GRADROLL_KEYS_SRS=numbers.txt {_SUBMIT}",
            "bad-key-file", "…numbers.txt is not a gradroll key file; ", "give the right file"),
    Mistake(DATA_OWNER, "roots that are no certificates", f"GRADROLL_OWNER_TLS_ROOTS=numbers.txt {_SUBMIT}", "config",
            "owner.tls_roots: …numbers.txt ", "holds no PEM certificate that can be read"),
    Mistake(DATA_OWNER, "two submits at once with one state directory", f"GRADROLL_OWNER_STATE=busy {_SUBMIT}",
            "storage", "…busy… is in use by another process; ", "stop it first"),
    Mistake(DATA_OWNER, "a submit without a registration", _SUBMIT.replace("owner-0", "owner-1"), "unknown",
            "0x… is not registered for task 0x…; ",
            "register it first (gradroll submit --register)"),
    Mistake(DATA_OWNER, "a registration for a task that admits its owners",
            "submit {closed} --gradient model.npy --config owner-0.toml --register", "contract-refused",
            "task 0x… takes only owners that its model owner admits, and 0x… is not; ",
            "ask for that (gradroll task admit) [NotAdmitted]"),
    Mistake(DATA_OWNER, "a registration without money for the fee",
            "submit {task} --gradient model.npy --config owner-1.toml --account poor.json --register", "chain",
            "account 0x… has 0 ETH, this needs up to … ETH (0 ETH for the contract and up to … ETH for gas): ",
            "send it the difference; nothing more was sent"),
    Mistake(DATA_OWNER, "a submit before a round is open", "submit {bare} --gradient model.npy --config owner-0.toml",
            "closed", "task 0x… has no open round yet; ", "wait for its model owner to open one"),
    Mistake(DATA_OWNER, "a round that does not exist", f"{_SUBMIT} --round 7", "unknown", "task 0x… has no round 7; ",
            "the latest is 0, so ask for that"),
    Mistake(DATA_OWNER, "a submit after the deadline", "submit {late} --gradient model.npy --config owner-0.toml",
            "closed",
            "round 0 of task 0x… took submissions until … UTC, it is … UTC; ", "submit to the next round"),
    Mistake(DATA_OWNER, "a submit while the provers are down", _SUBMIT, "unavailable",
            "0 of 4 provers hold their share, 3 are needed; the receipts are kept, ",
            "submit the same gradient again (prover 0: …)"),
    Mistake(DATA_OWNER, "a second gradient in one round", "submit {task} --gradient other.npy --config owner-0.toml",
            "invalid-input", "another gradient was already begun for round 0 of task 0x…; ",
            "submit that one again, or wait for the next round", before=_SUBMIT),
    Mistake(DATA_OWNER, "a model read while the coordinator is down",
            "task model {task} --out got.npy --config owner-0.toml", "unavailable", UNREACHED, IS_IT_RUNNING),
    Mistake(DATA_OWNER, "a model read without naming who serves it",
            "task model {task} --out got.npy --config chain.toml",
            "config", "model_owner.coordinator is missing: ", "put it under [model_owner] in the file given by "
            "--config, set GRADROLL_MODEL_OWNER_COORDINATOR, or pass --coordinator"),
    Mistake(DATA_OWNER, "a claim with another account", "claim {task} --config owner-1.toml", TOLD,
            "nothing to claim for 0x…: this account is not registered for task 0x…; ", "is it the one that submitted?"),
    Mistake(DATA_OWNER, "a claim for a task that pays nothing", "claim {free} --config owner-0.toml", TOLD,
            "nothing to claim for 0x…: task 0x… pays nothing for a gradient, ", "so nothing is owed"),
    Mistake(DATA_OWNER, "a claim before the first round", "claim {bare} --config owner-0.toml", TOLD,
            "nothing to claim for 0x…: task 0x… has opened no round yet; ", "come back when a batch is accepted"),
    Mistake(DATA_OWNER, "a claim before the acceptance", "claim {task} --config owner-0.toml", TOLD,
            "nothing to claim for 0x…: no gradient of this owner is accepted in round 0; ",
            "gradroll status says what became of it"),
    Mistake(DATA_OWNER, "a claim for rounds that do not exist", "claim {task} --through 7 --config owner-0.toml",
            "unknown", "task 0x… has opened 1 rounds, so --through is at most 1; ", "see gradroll task status"),
    Mistake(DATA_OWNER, "pay sent elsewhere with another account",
            "owner order {task} --to {owner} --out order.json --config owner-1.toml", "unknown",
            "0x… is not registered for task 0x…; ", "register it first (gradroll submit --register)"),
    Mistake(DATA_OWNER, "a claim order that is none", "owner relay numbers.txt --config owner-0.toml",
            "invalid-input", "numbers.txt is no claim order of this release; ",
            "have it signed again"),
    Mistake(DATA_OWNER, "an owner handed over by another account",
            "owner account {task} {market} --index 0 --config owner-0.toml --account operator.json", "contract-refused",
            "only 0x…, the account of owner 0 of task 0x…, may hand it over; ", "use its key file [NotTheAccount]"),
    Mistake(DATA_OWNER, "a deposit asked for without leaving", "owner exit {task} --config owner-0.toml",
            "contract-refused", "owner 0 of task 0x… cannot get its deposit back yet: it has to have announced that it "
            "leaves, its last round has to be over for as long as the terms say, and its pay has to be claimed; ",
            "do so, or wait [ExitTooEarly]"),
    Mistake(DATA_OWNER, "another key registered without its consent",
            "owner register {task} --signer {owner} --config owner-0.toml", "invalid-input",
            "--signer and --consent go together: ", "a key agrees to be registered by this account"),
)  # fmt: skip
