"""What is said of an API server that goes and comes back: each loss once, and its end."""

from __future__ import annotations

from kubeapi.scheme import NAMESPACES, SERVICES
from kubeclient.listwatch.freshness import Freshness
from kubesvc.remote.losses import Losses

WELL = {NAMESPACES: Freshness(10.0), SERVICES: Freshness(10.0)}
GONE = {NAMESPACES: Freshness(10.0), SERVICES: Freshness(10.0, "connection refused")}
REFUSED = {NAMESPACES: Freshness(10.0, "401 Unauthorized"), SERVICES: Freshness(12.0, "connection refused")}
NEVER = {NAMESPACES: Freshness(None, "connection refused"), SERVICES: Freshness()}


def test_a_loss_is_said_once_and_so_is_its_end() -> None:
    losses = Losses()
    said = [losses.look(known, now) for now, known in enumerate([WELL, GONE, GONE, GONE, WELL, WELL, WELL], 11)]
    lost = "connection refused; what was known 3 s ago is served, and it is tried again"
    assert said == ["", "", lost, "", "", "in touch with the API server again", ""]


def test_a_loss_that_is_over_at_the_next_look_is_not_said() -> None:
    losses = Losses()
    assert [losses.look(known, 11.0) for known in (WELL, GONE, WELL, GONE, WELL)] == [""] * 5


def test_another_reason_is_said_and_the_oldest_knowledge_counts() -> None:
    losses = Losses()
    said = [losses.look(known, 15.0) for known in (GONE, GONE, REFUSED, REFUSED)]
    assert said[3] == "401 Unauthorized; what was known 5 s ago is served, and it is tried again"


def test_at_the_start_nothing_is_known() -> None:
    losses = Losses()
    assert [losses.look(NEVER, 15.0) for _ in range(2)][1] == (
        "connection refused; nothing is known yet, and it is tried again"
    )
    assert Losses().look({SERVICES: Freshness()}, 15.0) == ""
