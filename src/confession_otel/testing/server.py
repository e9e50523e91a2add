"""The server: one callable from `Request` to `Reply`, behind HTTP/1.1 with keep-alive on an ephemeral loopback port."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from .bodies import error
from .stream import events

if TYPE_CHECKING:
    from typing_extensions import Self

_ANSWERS: Final = re.compile(
    r"/v1(/deployments/[^/]+)?(/chat/completions|/responses)"
    r"|/v1/messages"
    r"|/v1(beta)?/models/[^/]+:(g|streamG)enerateContent"
)
"""Paths of `POST`; with a deployment, as the client for Azure has them; then Anthropic's, then Gemini's."""
_RETRIEVED: Final = re.compile(r"/v1/responses/[^/]+")
"""Path of `GET`, for a response that was made in the background."""
_JOIN_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived, also one that was refused."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    content: bytes
    json: Any
    """The parsed body, `None` where it is empty or not JSON."""
    time: float
    """Of arrival, in seconds since the epoch."""

    @property
    def stream(self) -> bool:
        """Does it ask for server-sent events?"""
        path, _, query = self.path.partition("?")
        if path.endswith(":streamGenerateContent"):
            return True
        if isinstance(self.json, dict):
            return bool(self.json.get("stream"))
        return "stream=true" in query.split("&")


@dataclass(frozen=True, slots=True)
class Reply:
    """What to send back.

    A mapping is sent as JSON or, where the request asks for a stream and the status is 200, as the events of that body;
    bytes are sent as they are; an iterable of bytes is sent chunk by chunk as it yields, so it may sleep or block.
    """

    body: Mapping[str, Any] | bytes | Iterable[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    """Win over those the server sets."""
    delay: float = 0.0
    """Seconds before the first byte."""
    pause: float = 0.0
    """Seconds before each chunk or event."""
    piece: int = 16
    """Characters of text in each event of a stream."""
    cut_after: int | None = None
    """Break the connection after that many chunks or events; 0 breaks it before the status line."""


Script: TypeAlias = Callable[[Request], Reply | Mapping[str, Any]]


class ScriptedServer:
    """A server of the OpenAI API, of Anthropic's and of Gemini's, that says what it is told.

    Args:
        reply: Called for each request to a known path, on that connection's thread; a bare mapping is `Reply(mapping)`.
            If it raises, the client gets a 500 that it does not retry, and leaving the `with` block raises that.

    Example:
        >>> from confession_otel.testing import Reply, ScriptedServer, error
        >>> with ScriptedServer(lambda request: Reply(error("Slow down."), status=429)) as server:
        ...     server.base_url.startswith("http://127.0.0.1:")
        True
    """

    def __init__(self, reply: Script) -> None:
        """Take the script; the port opens on entering the `with` block."""
        self._reply = reply
        self._requests: list[Request] = []
        self._failure: BaseException | None = None
        self._http: _Server | None = None
        self._thread: threading.Thread | None = None
        self._url = ""

    @property
    def base_url(self) -> str:
        """What the OpenAI client takes as `base_url`: `http://127.0.0.1:PORT/v1`."""
        return f"{self._url}/v1"

    @property
    def url(self) -> str:
        """What clients take that add the version themselves, Anthropic's and Gemini's: `http://127.0.0.1:PORT`."""
        return self._url

    @property
    def requests(self) -> tuple[Request, ...]:
        """All requests so far, in order of arrival."""
        return tuple(self._requests)

    def __enter__(self) -> Self:
        """Open the port and serve on a thread of its own."""
        self._http = _Server(self._answer, self._fail)
        self._url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, name="scripted-server", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close port and connections, end every thread; raise what the script raised, unless the block raised."""
        if self._http is not None and self._thread is not None:
            self._http.shutdown()
            self._thread.join(_JOIN_SECONDS)
            self._http.end()
        self._http = self._thread = None
        failure, self._failure = self._failure, None
        if failure is not None and exception is None:
            raise failure

    def _fail(self, failure: BaseException) -> None:
        self._failure = self._failure or failure

    def _answer(self, request: Request) -> Reply:
        self._requests.append(request)
        path = request.path.partition("?")[0]
        made, retrieved = _ANSWERS.fullmatch(path), _RETRIEVED.fullmatch(path)
        if not made and not retrieved:
            return Reply(error(f"Invalid URL ({request.method} {request.path})"), status=404)
        if request.method != ("POST" if made else "GET"):
            message = f"Not allowed to {request.method} on {path}."
            return Reply(error(message, code="method_not_supported"), status=405)
        if made and not isinstance(request.json, dict):
            return Reply(error("We could not parse the JSON body of your request."), status=400)
        try:
            reply = self._reply(request)
        except BaseException as failure:  # noqa: BLE001 - it is for the thread of the test
            self._fail(failure)
            message = f"The script raised {type(failure).__name__}: {failure}"
            return Reply(error(message, type="server_error"), status=500, headers={"x-should-retry": "false"})
        return reply if isinstance(reply, Reply) else Reply(reply)


class _Server(ThreadingHTTPServer):
    """Knows its connections, so that it can end those that a client keeps open."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer: Callable[[Request], Reply], fail: Callable[[BaseException], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self._fail = fail
        self.ending = threading.Event()
        self._connections: dict[threading.Thread, socket.socket] = {}

    def process_request(self, request: Any, client_address: Any) -> None:
        """As the parent's, which forgets its daemon threads."""
        # Threads that are done go here, on the one thread that adds them.
        self._connections = {thread: sock for thread, sock in self._connections.items() if thread.is_alive()}
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), name="scripted-connection", daemon=True
        )
        self._connections[thread] = request
        thread.start()

    def end(self) -> None:
        self.ending.set()
        self.server_close()
        for connection in self._connections.values():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._connections:
            thread.join(_JOIN_SECONDS)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the parent's signature
        """A client that went away is no news; anything else is a script's iterable that raised, or a defect here."""
        failure = sys.exception() if sys.version_info >= (3, 11) else sys.exc_info()[1]
        if failure is not None and not isinstance(failure, OSError):
            self._fail(failure)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's word
        """Say nothing: `ScriptedServer.requests` tells it all."""

    def _serve(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            body = json.loads(content) if content else None
        except ValueError:
            body = None
        headers = MappingProxyType({name.lower(): value for name, value in self.headers.items()})
        request = Request(self.command, self.path, headers, content, body, time.time())
        reply = self.server.answer(request)
        self._wait(reply.delay)
        if reply.cut_after == 0:
            self._break()
            return
        streamed = request.stream and reply.status == HTTPStatus.OK
        if isinstance(reply.body, Mapping) and not streamed:
            self._whole(reply, json.dumps(reply.body).encode(), "application/json")
        elif isinstance(reply.body, bytes):
            self._whole(reply, reply.body, "application/json")
        elif isinstance(reply.body, Mapping):
            options = (request.json or {}).get("stream_options") or {}
            whole: Mapping[str, Any] = reply.body  # type: ignore[assignment,unused-ignore] # pyright: ignore[reportAssignmentType]
            self._chunked(reply, events(whole, piece=reply.piece, usage=bool(options.get("include_usage"))))
        else:
            self._chunked(reply, iter(reply.body))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names http.server looks for

    def _whole(self, reply: Reply, content: bytes, kind: str) -> None:
        self._head(reply, {"content-type": kind, "content-length": str(len(content))})
        self.wfile.write(content)

    def _chunked(self, reply: Reply, chunks: Iterator[bytes]) -> None:
        self._head(reply, {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"})
        for number, chunk in enumerate(chunks):
            if number == reply.cut_after:
                self._break()
                return
            self._wait(reply.pause)
            if chunk:  # an empty one would end the body
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def _head(self, reply: Reply, headers: dict[str, str]) -> None:
        self.send_response(reply.status)
        ours = {**headers, "x-request-id": f"req_{time.monotonic_ns():x}"}
        theirs = {name.lower(): value for name, value in reply.headers.items()}
        for name, value in {**ours, **theirs}.items():
            self.send_header(name, value)
        self.end_headers()

    def _break(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _wait(self, seconds: float) -> None:
        """Sleep, but not past the server's end."""
        if seconds > 0 and self.server.ending.wait(seconds):
            msg = "the server is ending"
            raise ConnectionAbortedError(msg)
