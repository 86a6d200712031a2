"""A node over real HTTP that answers what a test wants, and a stand-in that passes most questions on to a chain."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from commons.chain.devchain import DevChain
from tests.support import localserver
from tests.support.localserver import Asked, LocalServer

Answer = Mapping[str, Any] | bytes | int
"""What is said beside `jsonrpc` and `id`, under the HTTP status `status` if there is one; a body as it is; or a status
without a body."""


class HttpNode(LocalServer):
    """Answers each question with what ``answer`` makes of method and parameters, and keeps the questions.

    Attributes:
        requests: how many there were; several questions may come in one.
        batch: what it says where they do, made of the questions and its right answers; unless ``answer`` says a status
            to one, which is then said to all.
    """

    protocol = "HTTP/1.1"

    def __init__(self, answer: Callable[[str, Any], Answer]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Any]] = []
        self.requests = 0
        self.batch: Callable[[list[Any], list[Any]], Any] = lambda _, answers: answers
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}"
        self.secret_url = f"http://user:hunter2@127.0.0.1:{self.port}/v3/APIKEY"

    def answered(self, asked: Asked) -> localserver.Answer:
        """See ``answer``."""
        self.requests += 1
        question = json.loads(asked.body)
        status, body = self._together(question) if isinstance(question, list) else self._one(question)
        return status, {}, body

    def _one(self, question: Mapping[str, Any]) -> tuple[int, bytes]:
        self.asked.append((question["method"], question["params"]))
        said = self.answer(question["method"], question["params"])
        if isinstance(said, int):
            return said, b""
        if isinstance(said, bytes):
            return 200, said
        return said.get("status", 200), json.dumps({"jsonrpc": "2.0", "id": question["id"], **said}).encode()

    def _together(self, questions: list[Any]) -> tuple[int, bytes]:
        """Status and body for several; those of the first one that is refused as a whole."""
        answers = []
        for question in questions:
            status, body = self._one(question)
            if status != 200:
                return status, body
            answers.append(json.loads(body))
        return 200, json.dumps(self.batch(questions, answers)).encode()

    def count(self, method: str) -> int:
        """How often a method was asked."""
        return [asked for asked, _ in self.asked].count(method)


class StandIn(HttpNode):
    """A node in front of a chain, which several may share.

    Attributes:
        status: what it says to every question instead; 0 for an answer.
        behind: blocks that it does not have yet.
        range: most blocks whose logs it shows at once.
        results: most logs that it shows at once.
        refusal: what it says to a question for more.
    """

    def __init__(self, dev: DevChain) -> None:
        self.dev = dev
        self.status = 0
        self.behind = 0
        self.range = self.results = 1 << 62
        self.refusal: Answer = {"error": {"code": -32005, "message": "query returned more than 10000 results"}}
        super().__init__(self._passed_on)

    def _passed_on(self, method: str, params: Any) -> Answer:
        if self.status:
            return self.status
        if method == "eth_getBlockByNumber" and self.behind:
            params = [self._seen(params[0]), *params[1:]]
        if method == "eth_getLogs":
            return self._logs(params)
        return self.dev.answer(method, params)

    def _head(self) -> int:
        return int(self.dev.answer("eth_getBlockByNumber", ["latest", False])["result"]["number"], 16) - self.behind

    def _seen(self, block: str) -> str:
        if block == "latest":
            return hex(self._head())
        return hex(1 << 40) if int(block, 16) > self._head() else block

    def _logs(self, params: Any) -> Answer:
        wanted = dict(params[0])
        head = self._head()
        last = min(head, head if wanted["toBlock"] == "latest" else int(wanted["toBlock"], 16))
        if last - int(wanted["fromBlock"], 16) + 1 > self.range:
            return self.refusal
        found = self.dev.answer("eth_getLogs", [{**wanted, "toBlock": hex(last)}])
        return self.refusal if len(found.get("result", ())) > self.results else found
