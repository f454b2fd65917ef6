"""Other pages, other hosts, and what is too large."""

import pytest
from starlette.websockets import WebSocketDisconnect

from ferkit.mirror.guard import refusal

from .conftest import ADDRESS, PORT, SOCKET, message_of


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_its_own_page_may_come_in(host):
    headers = {"host": f"{host}:{PORT}", "origin": f"http://{host}:{PORT}"}
    for kind, method in (("http", "GET"), ("http", "DELETE"), ("websocket", "")):
        assert refusal(kind, method, headers, PORT) == ""


@pytest.mark.parametrize(
    "host", ["evil.example:8765", "127.0.0.1", "127.0.0.1:80", "localhost:8766", "0.0.0.0:8765", ""]
)
def test_other_hosts_are_refused(open_mirror, host):
    with open_mirror() as mirror:
        response = mirror.client.get("/", headers={"host": host})
        assert response.status_code == 403
        assert ADDRESS in response.text
        with (
            pytest.raises(WebSocketDisconnect),
            mirror.client.websocket_connect(SOCKET, headers={"host": host, "origin": ADDRESS}),
        ):
            pass


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://127.0.0.1:9999",
        "https://127.0.0.1:8765",
        "http://localhost:8765",  # another name than that of the host
        "http://127.0.0.1:8765.evil.example",
        "null",
    ],
)
def test_other_pages_are_refused(open_mirror, origin):
    with open_mirror() as mirror:
        for method, path in (("GET", "/"), ("POST", "/uploads"), ("DELETE", "/kept/x")):
            response = mirror.client.request(method, path, headers={"origin": origin})
            assert response.status_code == 403, path
        with pytest.raises(WebSocketDisconnect), mirror.page(origin=origin):
            pass


def test_a_request_that_changes_something_must_say_where_it_comes_from(open_mirror):
    with open_mirror() as mirror:
        del mirror.client.headers["origin"]
        assert mirror.client.get("/").status_code == 200
        assert mirror.client.post("/uploads").status_code == 403
        assert mirror.client.delete("/kept/x").status_code == 403
        with pytest.raises(WebSocketDisconnect), mirror.page(origin=None):
            pass


def test_a_header_that_comes_twice_lets_nobody_in(open_mirror):
    with open_mirror() as mirror:
        twice = [
            ("host", f"127.0.0.1:{PORT}"),
            ("origin", ADDRESS),
            ("origin", "http://evil.example"),
        ]
        assert mirror.client.get("/", headers=twice).status_code == 403


def test_every_answer_keeps_the_page_to_itself(open_mirror):
    with open_mirror() as mirror:
        for path in ("/", "/static/js/main.js", "/static/uplot/uPlot.min.css", "/nothing"):
            policy = mirror.client.get(path).headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "http" not in policy


def test_a_message_that_is_too_large_ends_the_page(open_mirror, jpegs):
    with open_mirror() as mirror:
        with pytest.raises(WebSocketDisconnect) as ended, mirror.page() as page:
            page.socket.send_bytes(message_of(1, jpegs[0]) + bytes(page.ready["message"]))
            page.wait("faces")
        assert ended.value.code == 1009
        with mirror.page() as page:
            assert page.frame(1, jpegs[0])["number"] == 1


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"]
)
def test_no_file_beside_the_page_is_served(open_mirror, path):
    with open_mirror() as mirror:
        assert mirror.client.get(path).status_code == 404
