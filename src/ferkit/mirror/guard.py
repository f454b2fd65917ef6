"""Who may talk to the page: nothing but the page itself, from this machine.

Any web page that is open in a browser can send requests to 127.0.0.1. A browser says in `Origin`
which page asks, and in `Host` which name led here (a foreign name that was bound to 127.0.0.1 is
told by it); both are checked on every request, before it is read.
"""

from collections.abc import Mapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_READ = ("GET", "HEAD")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
# Reports are pages without scripts that carry their style and pictures in themselves.
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


def refusal(kind: str, method: str, headers: Mapping[str, str], port: int) -> str:
    """Why a request is refused; empty where it may come in.

    Args:
        kind: "http" or "websocket".
        method: Of http.
        headers: With names in small letters.
        port: On which the page is served.
    """
    hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
    host = headers.get("host", "")
    if host not in hosts:
        return f"The host {host[:80]!r} is none of this page; open http://{hosts[0]}/."
    origin = headers.get("origin")
    if origin is None:
        if kind == "http" and method in _READ:
            return ""
        return f"The request does not say which page it comes from; open http://{hosts[0]}/."
    if origin != f"http://{host}":
        return f"The page {origin[:80]!r} may not use this mirror; open http://{hosts[0]}/."
    return ""


class Guard:
    """Refuses foreign pages and hosts, and sets the headers that keep the page to itself."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self.app, self.port = app, port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        found = [(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in scope["headers"]]
        method = str(scope.get("method", ""))
        why = refusal(scope["type"], method, _once(found), self.port)
        if why and scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": why[:120]})
        elif why:
            await PlainTextResponse(why + "\n", 403)(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, _with_headers(send))


def _once(headers: list[tuple[str, str]]) -> dict[str, str]:
    """Headers by name; one that comes twice holds both, and so matches nothing."""
    found: dict[str, str] = {}
    for name, value in headers:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: Any = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("Content-Security-Policy", _POLICY)
        await send(message)

    return sent
