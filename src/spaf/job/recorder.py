"""The part of Flink's REST API that its client uses to hand a job over, to keep what it sends."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from spaf.errors import JobError

LOOPBACK = "127.0.0.1"
# What is between the header of a part of a form and its content.
END_OF_HEADER = b"\r\n\r\n"


class Recorder:
    """A server that accepts one job and runs nothing."""

    def __init__(self) -> None:
        """Listen on a free port of the loopback."""
        self.submitted = b""
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self.port = self._server.server_port

    def __enter__(self) -> Self:
        """Start to answer."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop to answer."""
        self._server.shutdown()
        self._server.server_close()

    def plan(self) -> bytes:
        """Return the serialised plan in the form that the client has sent.

        Raises:
            JobError: it has sent none.

        """
        for part in _parts(self.submitted):
            header, _, content = part.partition(END_OF_HEADER)
            if b"filename=" in header:
                return content
        raise JobError("Flink's client has sent no job.")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                # The client asks until the job is initialised.
                self._answer(200, {"status": "RUNNING"})

            def do_POST(self) -> None:
                recorder.submitted = b"".join(self._chunks())
                self._answer(202, {"jobUrl": "/jobs"})

            def _chunks(self) -> list[bytes]:
                chunks = []
                while size := int(self.rfile.readline().partition(b";")[0], 16):
                    chunks.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return chunks

            def _answer(self, status: int, content: dict[str, str]) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def _parts(form: bytes) -> list[bytes]:
    """Return the parts of a multipart form; its first line is the boundary."""
    boundary = form.partition(b"\r\n")[0]
    if not boundary:
        return []
    parts = form.split(b"\r\n" + boundary)
    return [parts[0].removeprefix(boundary), *parts[1:]]
