"""How a log line looks: text for people, or one JSON object for programs.

What the code logs is ``event=name key=value ..``, with everything that somebody else wrote in quotes, by ``%r``.  So a
foreign text can neither begin another line nor another field.
"""

from __future__ import annotations

import ast
import json
import logging
import re
import sys
import threading
from datetime import UTC, datetime

from commons.runtime.logcontext import current_context

_log = logging.getLogger(__name__)
TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"
_FIELD = re.compile(r"""(?:^|(?<=\s))([A-Za-z_]\w*)=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S*)""")
_OWN = frozenset({"time", "level", "logger", "thread", "message", "exception"})
"""Names of the object's own members, which no field of a line replaces."""


class TextLines(logging.Formatter):
    """A line of text; one whose message has a line's end in it, as of a library, stays one line."""

    def __init__(self) -> None:
        super().__init__(TEXT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The line without what is told of an exception, which follows on lines of its own."""
        return "".join(_visible(char) for char in super().formatMessage(record))


class JsonLines(logging.Formatter):
    """One object a line: ``time``, ``level``, ``logger``, ``event`` and the line's fields, as text, with those of what
    the work is about; ``message`` for a line without an event.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The object."""
        message = record.getMessage()
        fields = fields_of(message)
        if "event" not in fields:
            fields = {"message": message}
        told: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "thread": record.threadName,
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        around = {key: str(value) for key, value in current_context().items()}
        return json.dumps({**around, **fields, **told})


def fields_of(message: str) -> dict[str, str]:
    """The fields of a line; of two with one name the first counts.  Empty for a line that does not begin with one."""
    found: dict[str, str] = {}
    if not message.startswith("event="):
        return found
    for match in _FIELD.finditer(message):
        name = f"{match[1]}_" if match[1] in _OWN else match[1]
        found.setdefault(name, _plain(match[2]))
    return found


def use(format_name: str) -> None:
    """Have the log that this process writes to standard error written in a format, "text" or "json"."""
    formatter = JsonLines() if format_name == "json" else TextLines()
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr:
            handler.setFormatter(formatter)
    threading.excepthook = _tell_of_thread


def _tell_of_thread(told: threading.ExceptHookArgs) -> None:
    """The last words of a thread, as a line of the log."""
    name = told.thread.name if told.thread else "?"
    error = told.exc_value or told.exc_type()
    _log.critical("event=thread-error thread=%s", name, exc_info=error)


def _visible(char: str) -> str:
    return char if char.isprintable() else repr(char)[1:-1]


def _plain(value: str) -> str:
    """What is in the quotes."""
    if value[:1] not in ("'", '"') or len(value) < 2:
        return value
    try:
        found = ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return value
    return found if isinstance(found, str) else value
