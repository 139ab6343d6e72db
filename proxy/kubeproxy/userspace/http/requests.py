"""A client's bytes, cut into requests: one head at a time, with the limits of heads. Pure; bodies stay in ``inbox``."""

from __future__ import annotations

from kubeproxy.http import grammar
from kubeproxy.http.heads import REMEMBERED_HEAD_BYTES, Refused
from kubeproxy.http.requesthead import Request, read_request
from kubeproxy.userspace.http.config import HttpConfig


class RequestReader:
    """``inbox`` has what a client has sent and is not read yet. A head that equals the one before is not read again."""

    __slots__ = ("_config", "_head", "_request", "inbox")

    def __init__(self, config: HttpConfig) -> None:
        self._config = config
        self._head = b""
        self._request: Request | None = None
        self.inbox = b""

    def next_request(self) -> Request | None:
        """Take the next head, None if it is not all there; raise Refused. Empty lines before it are skipped.

        The result may be returned again, so it must not be changed.
        """
        inbox, config = self.inbox, self._config
        while inbox.startswith(b"\r\n"):
            inbox = self.inbox = inbox[2:]
        end = inbox.find(b"\r\n\r\n") + 4
        if end == 3:
            if grammar.LONE_LF.search(inbox):
                raise Refused(400, "bare LF in the head")
            self._check_sizes(len(inbox))
            return None
        if end > config.request_line_bytes:
            self._check_sizes(end)
        head, self.inbox = inbox[:end], inbox[end:]
        if head != self._head or self._request is None:
            self._request = read_request(head, config.header_fields)
            self._head = head if end <= REMEMBERED_HEAD_BYTES else b""
        return self._request

    def _check_sizes(self, size: int) -> None:
        most = self._config.request_line_bytes
        line = self.inbox.find(b"\r\n") if size > most else 0
        if line < 0 or line > most:
            raise Refused(414, f"request line of more than {most} bytes")
        if size > self._config.head_bytes:
            raise Refused(431, f"head of more than {self._config.head_bytes} bytes")
