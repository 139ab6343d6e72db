"""The functions that every expression in Kubernetes 1.37 has (apiserver ``pkg/cel/environment/base.go``)."""

from collections.abc import Mapping
from types import MappingProxyType

from kubeapi.cel.declarations import Function
from kubeapi.cel.evaluation.arithmetic import OPERATORS
from kubeapi.cel.library.addresses import ADDRESSES
from kubeapi.cel.library.authorization import AUTHORIZATION
from kubeapi.cel.library.collections import COLLECTIONS
from kubeapi.cel.library.conversions import CONVERSIONS
from kubeapi.cel.library.formats import FORMATS
from kubeapi.cel.library.optionals import OPTIONALS
from kubeapi.cel.library.quantities import QUANTITIES
from kubeapi.cel.library.semvers import SEMVERS
from kubeapi.cel.library.strings import STRINGS
from kubeapi.cel.library.times import TIMES
from kubeapi.cel.library.urls import URLS


def _merged(*libraries: tuple[Function, ...]) -> Mapping[str, Function]:
    """Return the functions of several libraries by name; one that two have takes what either takes."""
    merged: dict[str, Function] = {}
    for each in (function for library in libraries for function in library):
        merged[each.name] = merged[each.name].joined(each) if each.name in merged else each
    return MappingProxyType(merged)


FUNCTIONS: Mapping[str, Function] = _merged(
    OPERATORS,
    CONVERSIONS,
    STRINGS,
    COLLECTIONS,
    TIMES,
    OPTIONALS,
    QUANTITIES,
    ADDRESSES,
    URLS,
    SEMVERS,
    FORMATS,
    AUTHORIZATION,
)
"""All functions by their names."""
