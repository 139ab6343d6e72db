"""Which mutating webhooks are asked a second time about an object (reinvocationPolicy). Pure.

Follows apiserver ``pkg/admission/plugin/webhook/mutating/reinvocationcontext.go``.
"""

from __future__ import annotations

from kubeapiserver.admission.hooks import Hook


class Reinvocation:
    """The rounds of one request: 0 for all webhooks, 1 for those after which something was changed."""

    def __init__(self) -> None:
        self.number = 0
        self._asked: list[tuple[str, str]] = []
        self._again: set[tuple[str, str]] = set()

    def includes(self, hook: Hook) -> bool:
        """Tell whether a webhook may be asked in this round."""
        return not self.number or (hook.configuration, hook.name) in self._again

    def note(self, hook: Hook) -> None:
        """Record that a webhook was asked: it is asked again if its policy says so and something changes after it."""
        if hook.is_reinvoked:
            self._asked.append((hook.configuration, hook.name))

    def require(self) -> None:
        """Have all that were asked so far asked again, as something has changed."""
        self._again.update(self._asked)
        self._asked.clear()
