"""A Hugging Face hub on this machine, as far as downloads ask for it: facts of a repository, its files, their bytes."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

COMMIT = "c" * 40
JSON = "application/json"


@dataclass
class Hub:
    """What it has, by repository and file name; `gated` ones want an agreement. Counts the bytes of files it gave.

    While `broken` it gives "half" of each weights file, or a status such as "500" in its place.
    """

    repositories: Mapping[str, Mapping[str, bytes]]
    gated: frozenset[str] = frozenset()
    broken: str = ""
    url: str = ""
    given: dict[str, int] = field(default_factory=dict)


def handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    """The answers of one hub."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *values: object) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            """The headers of a GET."""
            self.do_GET()

        def do_GET(self) -> None:
            """Facts or bytes of a repository, or why not."""
            parts = self.path.partition("?")[0].strip("/").split("/")
            api, parts = parts[:2] == ["api", "models"], parts[2:] if parts[:2] == ["api", "models"] else parts
            name, rest = "/".join(parts[:2]), parts[2:]
            files = hub.repositories.get(name)
            if files is None:
                return self.answer(401, b"{}", **{"X-Error-Code": "RepoNotFound"})
            if rest and rest[0] == "revision" and rest[1] not in ("main", COMMIT):
                return self.answer(404, b"{}", **{"X-Error-Code": "RevisionNotFound"})
            if not api:
                return self.file(name, "/".join(rest[2:]), files)
            if rest[:1] == ["tree"]:
                return self.answer(200, json.dumps([entry(*one) for one in files.items()]).encode())
            return self.answer(200, json.dumps({"id": name, "sha": COMMIT, "siblings": []}).encode())

        def file(self, name: str, path: str, files: Mapping[str, bytes]) -> None:
            """The bytes of one file, from where the client has none yet."""
            if name in hub.gated:
                return self.answer(403, b"{}", **{"X-Error-Code": "GatedRepo"})
            if path not in files:
                return self.answer(404, b"{}", **{"X-Error-Code": "EntryNotFound"})
            content = files[path]
            start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
            if self.command == "GET":
                hub.given[path] = hub.given.get(path, 0) + len(content) - start
            tag = hashlib.sha256(content).hexdigest()
            if hub.broken and self.command == "GET" and path.endswith(".safetensors"):
                if hub.broken != "half":
                    return self.answer(int(hub.broken), b"{}")
                content = content[: len(content) // 2]
            return self.answer(206 if start else 200, content[start:], ETag=f'"{tag}"', **{"X-Repo-Commit": COMMIT})

        def answer(self, status: int, body: bytes, **headers: str) -> None:
            """Write a whole answer."""
            self.send_response(status)
            for key, value in {"Content-Type": JSON, "Content-Length": str(len(body)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    return Handler


def entry(path: str, content: bytes) -> dict[str, object]:
    """A file in a listing."""
    return {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(hub))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
