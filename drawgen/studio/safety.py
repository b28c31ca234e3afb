"""What keeps others out: a page of another site, another name for this machine, and bodies that are too large."""

import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LARGEST_BODY = 16 << 20
"""Bytes of a request that is no upload."""
TOKEN = b"x-drawgen-token"
READING = ("GET", "HEAD")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cache-control": b"no-store",
}


class Guard:
    """Lets a request through if it comes from the studio's own page: its Host is this machine's loopback address, its Origin, where
    there is one, is the same, and whatever changes something has the token that is in the page."""

    def __init__(self, app: Any, *, hosts: frozenset[str], token: str) -> None:
        self.app, self.hosts, self.token = app, hosts, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own = [(name, value) for name, value in message["headers"] if name.lower() not in HEADERS]
                message = {**message, "headers": [*own, *HEADERS.items()]}
            await send(message)

        status, why = self.refusal(scope)
        if status:
            body = json.dumps({"sentence": why}).encode()
            head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await with_headers({"type": "http.response.start", "status": status, "headers": head})
            await with_headers({"type": "http.response.body", "body": body})
            return
        await self.app(scope, receive if scope["path"] == "/uploads" else limited(receive), with_headers)

    def refusal(self, scope: Scope) -> tuple[int, str]:
        """The status and the sentence of a refusal; 0 if there is none."""
        given: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in given and name in (b"host", b"origin", TOKEN):
                return 400, "A header is given twice."
            given[name] = value
        host = given.get(b"host", b"").decode("latin-1").lower()
        if host not in self.hosts:
            return 403, "The studio is for this machine alone; open it by the address that it printed."
        origin = given.get(b"origin")
        if origin is not None and origin.decode("latin-1").lower() != f"http://{host}":
            return 403, "Another site may not use the studio."
        home = scope["method"] in READING and scope["path"] == "/"
        if not home and given.get(b"sec-fetch-site", b"none") not in (b"same-origin", b"none"):
            return 403, "Another site may not use the studio."
        if scope["method"] not in READING and not secrets.compare_digest(given.get(TOKEN, b""), self.token.encode()):
            return 403, "This page is of an earlier start of the studio; load it again."
        length = given.get(b"content-length", b"0")
        if scope["path"] != "/uploads" and (not length.isdigit() or int(length) > LARGEST_BODY):
            return 413, "That is too much at once."
        return 0, ""


def limited(receive: Receive) -> Receive:
    """The body of a request, which is cut off where it is too large, whatever its head said."""
    left = LARGEST_BODY

    async def counted() -> MutableMapping[str, Any]:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            return {"type": "http.disconnect"}
        return message

    return counted
