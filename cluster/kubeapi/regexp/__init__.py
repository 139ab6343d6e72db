"""Regular expressions of Go (RE2), which take a time that is linear in the text, whatever they are. Pure."""

from kubeapi.regexp.pattern import Pattern as Pattern
from kubeapi.regexp.pattern import go_regexp as go_regexp
