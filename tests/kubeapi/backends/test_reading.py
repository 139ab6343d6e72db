"""The grammar of the annotation kubesvc.dev/backend: what it says, and what it refuses."""

import pytest

from kubeapi.backends.model import BackendModel, Change, Distribution, Failure
from kubeapi.backends.reading import ModelError, read_backend
from kubeapi.backends.validation import validate_backend

AT_ONCE = Distribution("constant", (0.0,))
TWENTY = Distribution("constant", (0.02,))


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("20ms", BackendModel(TWENTY)),
        (" constant( 20ms ) ; ", BackendModel(TWENTY)),
        ("exponential(1.5s)", BackendModel(Distribution("exponential", (1.5,)))),
        ("lognormal(20ms, 0.5); slots 8", BackendModel(Distribution("lognormal", (0.02, 0.5)), slots=8)),
        ("normal(167ms,5ms)", BackendModel(Distribution("normal", (0.167, 0.005)))),
        ("uniform(10ms, 30ms)", BackendModel(Distribution("uniform", (0.01, 0.03)))),
        ("pareto(500us, 1.5)", BackendModel(Distribution("pareto", (0.0005, 1.5)))),
        ("replay(/etc/times/a b.txt)", BackendModel(Distribution("replay", (), "/etc/times/a b.txt"))),
        ("cpu(5ms)", BackendModel(AT_ONCE, cpu=0.005)),
        ("speed 0.5; 20ms; seed 7", BackendModel(TWENTY, speed=0.5, seed=7)),
        ("20ms; fail(1%)", BackendModel(TWENTY, failure=Failure(0.01, 500, AT_ONCE))),
        ("20ms; fail(0.5, 503, 20ms)", BackendModel(TWENTY, failure=Failure(0.5, 503, TWENTY))),
        ("20ms; cold 5s: 3x", BackendModel(TWENTY, cold_seconds=5, cold_factor=3)),
        ("20ms; gc every 2s: 50ms", BackendModel(TWENTY, pause_every=2, pause_seconds=0.05)),
        (
            "20ms; at 15s..45s: 20ms; at 1m..2m: speed 0.5; at 5s..6s: fail(100%, 503)",
            BackendModel(
                TWENTY,
                changes=(
                    Change(15, 45, time=TWENTY),
                    Change(60, 120, speed=0.5),
                    Change(5, 6, failure=Failure(1, 503, AT_ONCE)),
                ),
            ),
        ),
    ],
)
def test_a_text_says_a_behaviour(text: str, model: BackendModel) -> None:
    assert read_backend(text) == model


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "position 1: expected a time (20ms, "),
        ("slots 8", "the time that requests take is missing: a time (20ms, "),
        ("quick", 'found "quick"'),
        ("20", 'found "20"'),
        ("20 ms", 'found "20 ms"'),
        ("20ms, slots 8", 'position 5: expected ";" or the end, found ", slots 8"'),
        ("20ms; 30ms", "position 7: the time is said twice"),
        ("20ms; slots 3; slots 4", "position 16: slots is said twice"),
        ("20ms; slots few", 'position 13: expected a number of slots, found "few"'),
        ("20ms; slots 0", "position 13: must be between 1 and 1000000, inclusive"),
        ("2h", 'found "2h"'),
        ("61m", "position 1: a time must be at most 3600s"),
        ("lognormal(20ms)", 'position 15: expected ",", found ")"'),
        ("lognormal(20ms, 0)", "position 17: must be between 0.1 and 10, inclusive"),
        ("uniform(3ms, 1ms)", "position 1: uniform(low, high): low is above high"),
        ("replay()", 'position 8: expected the path of a file with one time a line, found ")"'),
        ("20ms; at 5s..3s: 2s", "position 14: the end must come after the begin"),
        ("20ms; at 5s: 2s", 'position 12: expected "..", found ": 2s"'),
        ("20ms; at 5s..6s: slots 2", "speed 0.5 or fail(1%, 503), found"),
        ("20ms; fail(200%)", "position 12: a share must be at most 100% (1)"),
        ("20ms; fail(1%, 99)", "position 16: an HTTP status must be between 200 and 599, inclusive"),
        ("20ms; gc every 1s: 1s", "position 20: a pause must be shorter than the time from one to the next"),
        ("20ms; cold 5s: 0.5x", "position 16: must be between 1 and 1000000, inclusive"),
    ],
)
def test_a_wrong_text_is_refused_with_the_position_and_what_is_expected(text: str, fault: str) -> None:
    with pytest.raises(ModelError) as raised:
        read_backend(text)
    assert fault in str(raised.value)


def test_the_api_names_the_annotation_that_is_wrong() -> None:
    (fault,) = validate_backend({"kubesvc.dev/backend": "20ms; slots x"}, "metadata.annotations")
    assert fault.field == "metadata.annotations[kubesvc.dev/backend]"
    assert fault.message == ('Invalid value: "20ms; slots x": position 13: expected a number of slots, found "x"')
    assert not list(validate_backend({"kubesvc.dev/backend": "20ms"}, "metadata.annotations"))
    assert not list(validate_backend({}, "metadata.annotations"))
