from __future__ import annotations

import pytest

from kubelet.pod.programs import PLACE_OF_ITS_OWN, taken_address, taken_text


@pytest.mark.parametrize(
    ("log", "said"),
    [
        pytest.param("OSError: [Errno 98] Address already in use", True, id="python"),
        pytest.param("listen tcp :8080: bind: address already in use", True, id="go"),
        pytest.param("Error: listen EADDRINUSE: address already in use :::8080", True, id="node"),
        pytest.param("java.net.BindException: Address already in use (Bind failed)", True, id="java"),
        pytest.param('Os { code: 98, kind: AddrInUse, message: "Address already in use" }', True, id="rust"),
        pytest.param("nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)", True, id="nginx"),
        pytest.param("ERROR: [Errno 98] error while attempting to bind on address", True, id="uvicorn"),
        pytest.param("Errno 980", False, id="another-number"),
        pytest.param("the address of the user is in use", False, id="other-words"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_texts_of_programs_about_a_taken_address_are_recognised(log: str, said: bool) -> None:
    assert taken_address([b"first", log.encode(), b"last"]) == (log if said else "")


def test_the_last_such_line_is_told_bounded_and_as_one() -> None:
    lines = [b"EADDRINUSE once", b"EADDRINUSE  twice\t" + b"x" * 999]
    assert taken_address(lines) == ("EADDRINUSE twice " + "x" * 999)[:200]


@pytest.mark.parametrize(
    ("is_sandboxed", "says"),
    [
        (
            False,
            "every program in a pod has to bind $POD_IP (127.244.1.2), not all addresses, as pods share this "
            f"machine's; {PLACE_OF_ITS_OWN}",
        ),
        (
            True,
            "every program in such a pod has to bind $POD_IP (127.244.1.2), not all addresses, as pods with "
            "hostNetwork share that of all nodes",
        ),
    ],
)
def test_the_remedy_for_a_taken_address_depends_on_who_shares_it(is_sandboxed: bool, says: str) -> None:
    said = taken_text("web", "in use", "127.244.1.2", is_sandboxed=is_sandboxed)
    assert said == f'container web has ended as its address is taken ("in use"): {says}'
