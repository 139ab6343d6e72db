"""Label selectors as text. Pure."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at


def selector_text(selector: JSON) -> str:
    """Return a LabelSelector as text (metav1.FormatLabelSelector), "" if it selects everything."""
    requirements = [(name, f"{name}={value}") for name, value in map_at(selector, "matchLabels").items()]
    requirements += [(each["key"], _requirement(each)) for each in list_at(selector, "matchExpressions")]
    return ",".join(text for _, text in sorted(requirements))


def _requirement(requirement: JSON) -> str:
    name, values = requirement["key"], ",".join(sorted(requirement.get("values") or ()))
    match requirement["operator"]:
        case "In":
            return f"{name} in ({values})"
        case "NotIn":
            return f"{name} notin ({values})"
        case "DoesNotExist":
            return f"!{name}"
    return str(name)


def go_selector(selector: JSON | None) -> str:
    """Return a LabelSelector as Go prints a pointer to one: ``&LabelSelector{MatchLabels:...}``, ``nil`` for none."""
    if selector is None:
        return "nil"
    labels = "".join(f"{name}: {value}," for name, value in sorted(map_at(selector, "matchLabels").items()))
    some = "".join(
        f"LabelSelectorRequirement{{Key:{each['key']},Operator:{each['operator']},"
        f"Values:[{' '.join(each.get('values') or ())}],}},"
        for each in list_at(selector, "matchExpressions")
    )
    expressions = f"MatchExpressions:[]LabelSelectorRequirement{{{some}}}"
    return f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},{expressions},}}"
