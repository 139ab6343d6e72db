"""The front page of the shop: what the catalog sells, under a greeting and a logo."""

import json
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

GREETING, VISITS = Path("/etc/shop/greeting"), Path("/var/log/shop/log")


def fetch(url: str) -> str:
    with urlopen(url, timeout=5) as answer:
        return answer.read().decode()


class Front(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/healthz":
            self.answer(200, "ok")
            return
        with VISITS.open("a") as visits:
            visits.write(f"{self.client_address[0]} {self.path}\n")
        try:
            page = {
                "greeting": GREETING.read_text(),
                "logo": fetch("http://assets/logo.txt"),
                "items": json.loads(fetch("http://catalog:8080/items")),
                "pod": socket.gethostname(),
            }
        except OSError as error:
            self.answer(502, f"{error}\n")
        else:
            self.answer(200, json.dumps(page) + "\n")

    def answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


signal.signal(signal.SIGTERM, lambda *_: sys.exit())
try:
    server = ThreadingHTTPServer(("0.0.0.0", 8080), Front)
except OSError as error:
    sys.exit(f"0.0.0.0:8080: {error}")
server.serve_forever()
