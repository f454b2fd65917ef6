"""The WebSocket of a page: one thread a page, one frame at a time."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from ferkit.errors import FerkitError
from ferkit.log import log
from ferkit.mirror.protocol import error_json, parse_words
from ferkit.mirror.session import Message, Parts, Session

_TOO_BIG = 1009  # RFC 6455


class Channel:
    """Messages to the page, one after the other, from any thread."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket, self._lock = socket, asyncio.Lock()
        self._loop = asyncio.get_running_loop()

    async def send(self, message: Message) -> None:
        """A message; one for a page that is gone is lost."""
        async with self._lock:
            with suppress(RuntimeError, WebSocketDisconnect):
                await self._socket.send_text(json.dumps(message))

    def send_soon(self, message: Message) -> None:
        """The same from another thread, without waiting."""
        with suppress(RuntimeError):  # the mirror has ended
            asyncio.run_coroutine_threadsafe(self.send(message), self._loop)


async def serve_page(socket: WebSocket, parts: Parts) -> None:
    """One page, until it is closed."""
    await socket.accept()
    channel = Channel(socket)
    session = Session(parts, channel.send_soon)
    thread = ThreadPoolExecutor(1, "ferkit-mirror-page")
    try:
        await _work(thread, channel, session.open)
        while (message := await socket.receive())["type"] == "websocket.receive":
            if _size(message) > parts.settings.limits.message:
                await socket.close(_TOO_BIG, "the message is too large")
                return
            await _answer(message, thread, channel, session)
    except WebSocketDisconnect:
        pass
    finally:
        thread.submit(session.close)
        thread.shutdown(wait=False)


def _size(message: Any) -> int:
    return len(message.get("bytes") or message.get("text") or b"")


async def _answer(
    message: Any, thread: ThreadPoolExecutor, channel: Channel, session: Session
) -> None:
    data = message.get("bytes")
    if data is not None:
        await _work(thread, channel, lambda: [session.frame(data)])
    else:
        text = message.get("text") or ""
        await _work(thread, channel, lambda: session.words(parse_words(text)))


async def _work(thread: ThreadPoolExecutor, channel: Channel, work: Any) -> None:
    try:
        found = await asyncio.get_running_loop().run_in_executor(thread, work)
    except FerkitError as error:
        found = [error_json(str(error))]
    except OSError as error:
        log.warning(f"{error}")
        found = [error_json(f"{error.strerror or error}: {error.filename or 'a file'}.")]
    for message in found:
        await channel.send(message)
