"""The page served on 127.0.0.1, and nowhere else, until Ctrl-C."""

import errno
import socket
from collections.abc import Callable

import torch

from ferkit.errors import ConfigError
from ferkit.mirror.app import make_app
from ferkit.mirror.session import Parts

HOST = "127.0.0.1"
_MOST = 64  # requests and pages at once
_GRACE = 3  # seconds that open pages get at the end


def listen(port: int) -> socket.socket:
    """A socket on the loopback that listens.

    Raises:
        ConfigError: the port is in use, or may not be used.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
    except OSError as error:
        found.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise ConfigError(
                f"port={port} cannot be taken ({error.strerror}); give another one, or port=0 for "
                "a free one."
            ) from None
        raise
    return found


def serve(parts: Parts, listening: socket.socket, ready: Callable[[str], None]) -> None:
    """Serve the page until the process is stopped.

    Args:
        parts: Models, settings and folders.
        listening: Of `listen`.
        ready: Is given the address as soon as it can be opened.
    """
    import captum.attr  # noqa: F401 - loaded now, it would hold up frames later
    import uvicorn

    torch.set_num_threads(1)
    port = int(listening.getsockname()[1])
    config = uvicorn.Config(
        make_app(parts, port),
        log_config=None,
        log_level="warning",
        access_log=False,
        ws="websockets-sansio",
        ws_max_size=parts.settings.limits.message,
        ws_max_queue=4,
        ws_per_message_deflate=False,  # JPEG is packed already
        limit_concurrency=_MOST,
        timeout_graceful_shutdown=_GRACE,
        server_header=False,
        proxy_headers=False,
    )
    listening.listen()
    ready(f"http://{HOST}:{port}/")
    uvicorn.Server(config).run(sockets=[listening])
