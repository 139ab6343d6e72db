"""Warning events as lines: each once, and none that says what another has said with its reason."""

from __future__ import annotations

from tests.helpers.kubeapi.objects import new_registry

from kubeapi.scheme import EVENTS
from kubesvc.run.eventwarnings import EventWarnings

REASON = 'Failed to pull image "shop": kubesvc runs processes and pulls no images'


def test_an_image_that_cannot_be_is_told_once_with_the_reason() -> None:
    registry, lines = new_registry(), list[str]()
    events = [
        ("Warning", "Failed", text) for text in (REASON, "Error: ErrImagePull", "Error: ImagePullBackOff", REASON)
    ]
    events += [("Normal", "Pulled", "a"), ("Warning", "NotEmulated", "b"), ("Warning", "Unhealthy", "c")]
    with EventWarnings(registry.store, lines.append).following():
        for number, (kind, reason, message) in enumerate(events):
            about = {"kind": "Pod", "namespace": "default", "name": "web"}
            written = {"type": kind, "reason": reason, "message": message, "involvedObject": about}
            registry.create(EVENTS, {"metadata": {"name": f"e{number}", "namespace": "default"}, **written})
    assert lines == [f"Pod default/web: Failed: {REASON}", "Pod default/web: Unhealthy: c"]
