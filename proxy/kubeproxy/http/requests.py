"""A client's bytes, cut into requests: one head at a time, with the limits of heads. Pure; bodies stay in ``inbox``."""

from __future__ import annotations

from kubeproxy.http import grammar
from kubeproxy.http.config import HttpConfig
from kubeproxy.http.heads import REMEMBERED_HEAD_BYTES, Refused, Request, read_request


class RequestReader:
    """What a client has sent and nobody has taken yet. A request that is as the one before is not read again."""

    __slots__ = ("_config", "_head", "_request", "inbox")

    def __init__(self, config: HttpConfig) -> None:
        self._config = config
        self._head = b""
        self._request: Request | None = None
        self.inbox = b""

    def next_request(self) -> Request | None:
        """Take the next head, None if it is not all there; raise Refused. Empty lines before it are skipped.

        Nobody changes what is returned: it may be returned again.
        """
        inbox, config = self.inbox, self._config
        while inbox.startswith(b"\r\n"):
            inbox = self.inbox = inbox[2:]
        end = inbox.find(b"\r\n\r\n") + 4
        is_whole = end > 3
        if not is_whole and grammar.LONE_LF.search(inbox):
            raise Refused(400, "bare LF in the head")
        size = end if is_whole else len(inbox)
        if size > config.request_line_bytes:
            self._check_sizes(size)
        if not is_whole:
            return None
        head, self.inbox = inbox[:end], inbox[end:]
        if head != self._head or self._request is None:
            self._request = read_request(head, config.header_fields)
            self._head = head if size <= REMEMBERED_HEAD_BYTES else b""
        return self._request

    def _check_sizes(self, size: int) -> None:
        line = self.inbox.find(b"\r\n")
        if line < 0 or line > self._config.request_line_bytes:
            raise Refused(414, f"request line of more than {self._config.request_line_bytes} bytes")
        if size > self._config.head_bytes:
            raise Refused(431, f"head of more than {self._config.head_bytes} bytes")
