import pytest

from kubelet.sandbox.idmaps import identity_map, subordinate_span


def test_every_id_that_a_namespace_has_is_mapped_to_itself() -> None:
    assert identity_map("         0          0 4294967295\n") == "0 0 4294967295\n"
    assert identity_map("0 1000 1\n1 100000 65536\n") == "0 0 1\n1 1 65536\n"


@pytest.mark.parametrize(
    ("text", "span"),
    [
        pytest.param("root:1:2\nann:100000:65536\nann:5:6\n", ("100000", "65536"), id="by-name"),
        pytest.param("1000:7:8\n", ("7", "8"), id="by-number"),
        pytest.param("", None, id="none"),
        pytest.param("bob:1:2\n", None, id="another-user's"),
        pytest.param("ann:1\nann:x:y\n#ann:1:2\n", None, id="malformed"),
    ],
)
def test_the_first_subordinate_ids_of_a_user_are_found(text: str, span: tuple[str, str] | None) -> None:
    assert subordinate_span(text, "ann", 1000) == span
