"""When requests are due: schedules, pure and seeded. The same seed gives every algorithm the same arrivals.

The nouns to know: ``Schedule`` (what the user asked for), ``Profile`` (a rate over time), ``Trace`` (times of a file).
"""

from svcbench.arrivals.profile import Profile, Segment, constant, ramp, steps, with_warmup
from svcbench.arrivals.reading import ScheduleError, read_ramp, read_rate, read_steps, read_trace
from svcbench.arrivals.schedule import Schedule
from svcbench.arrivals.trace import Trace

__all__ = [
    "Profile",
    "Schedule",
    "ScheduleError",
    "Segment",
    "Trace",
    "constant",
    "ramp",
    "read_ramp",
    "read_rate",
    "read_steps",
    "read_trace",
    "steps",
    "with_warmup",
]
