"""The routes of the page."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from ferkit.errors import DataError, FerkitError
from ferkit.mirror.guard import REPORT_POLICY, Guard
from ferkit.mirror.recording import add_video
from ferkit.mirror.session import Parts
from ferkit.mirror.socket import serve_page
from ferkit.mirror.uploads import Uploads

STATIC = Path(__file__).with_name("static")
_PIECE = 16 << 20  # bytes of a piece of a recording
_DIGITS = 15  # of the place of one
Endpoint = Callable[[Request], Awaitable[Response]]


def make_app(parts: Parts, port: int) -> ASGIApp:
    """The page as an ASGI application.

    Args:
        parts: Models, settings and folders.
        port: On which it is served: the only one that Host and Origin may name.
    """
    uploads = Uploads(parts.models, parts.keeping, parts.settings.limits.upload)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(uploads.close)

    async def page(_: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def socket(connection: WebSocket) -> None:
        await serve_page(connection, parts)

    routes: list[BaseRoute] = [
        Route("/", page),
        WebSocketRoute("/ws", socket),
        *_kept_routes(parts, uploads),
        *_upload_routes(parts, uploads),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    handlers = {FerkitError: _sentence, OSError: _sentence}
    return Guard(Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers), port)


async def _sentence(_: Request, error: Exception) -> Response:
    code = 422 if isinstance(error, FerkitError) else 507
    return JSONResponse({"sentence": str(error)}, code)


def _kept_routes(parts: Parts, uploads: Uploads) -> list[BaseRoute]:
    keeping = parts.keeping

    async def add(request: Request) -> Response:
        kept = keeping.get(request.path_params["key"])
        at = request.query_params.get("at", "")
        if kept.kind != "recording" or not (at.isascii() and at.isdigit() and len(at) <= _DIGITS):
            raise DataError("Pieces of video go into a recording; send where each begins.")
        data = await _body(request, _PIECE)
        name, most = request.path_params["name"], parts.settings.limits.recording
        size = await run_in_threadpool(add_video, kept.folder, name, int(at), data, most)
        return JSONResponse({"size": size, **kept.as_json()})

    async def file(request: Request) -> Response:
        folder = keeping.get(request.path_params["key"]).folder
        name = request.path_params["name"]
        if name not in {p.name for p in folder.iterdir() if p.is_file()}:
            raise DataError(f"There is no file {name[:80]!r} here.")
        headers = {"Content-Security-Policy": REPORT_POLICY} if name.endswith(".html") else {}
        return FileResponse(folder / name, headers=headers)

    async def keep(request: Request) -> Response:
        kept = await run_in_threadpool(keeping.keep, request.path_params["key"])
        return JSONResponse(kept.as_json())

    async def delete(request: Request) -> Response:
        key = request.path_params["key"]
        uploads.forget(key)
        folder = await run_in_threadpool(keeping.delete, key)
        return JSONResponse({"deleted": str(folder)})

    return [
        Route("/kept/{key}/{name}", add, methods=["PUT"]),
        Route("/kept/{key}/{name}", file),
        Route("/kept/{key}", keep, methods=["POST"]),
        Route("/kept/{key}", delete, methods=["DELETE"]),
    ]


def _upload_routes(parts: Parts, uploads: Uploads) -> list[BaseRoute]:
    async def take(request: Request) -> Response:
        asked = request.query_params
        model = asked.get("model", parts.models.names[0])
        upload = await uploads.take(asked.get("name", "upload"), model, request.stream())
        return JSONResponse(upload.as_json(), 202)

    async def state(request: Request) -> Response:
        return JSONResponse(uploads.get(request.path_params["key"]).as_json())

    return [Route("/uploads", take, methods=["POST"]), Route("/uploads/{key}", state)]


async def _body(request: Request, most: int) -> bytes:
    """The body, refused as soon as it is too long."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > most:
            raise DataError(f"A piece of over {most >> 20} MB is refused; send smaller ones.")
    return bytes(data)
