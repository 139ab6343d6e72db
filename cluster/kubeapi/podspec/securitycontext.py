"""What the security contexts of pods and containers must be (pkg/apis/core/validation), though nothing acts on them."""

from __future__ import annotations

import json
import re

from kubeapi.meta import JSON
from kubeapi.podspec.volumes.paths import descending_path
from kubeapi.validation.faults import (
    Faults,
    GoText,
    duplicate,
    each_invalid,
    invalid,
    required,
    too_long,
    unsupported,
)
from kubeapi.validation.names import user_or_group

_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_SYSCTL_SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL = rf"({_SYSCTL_SEGMENT}[\./])*{_SYSCTL_SEGMENT}"
_LONGEST_SYSCTL = 253
_NET_SYSCTLS = ("net.", "net/")
_IPC_SYSCTLS = tuple(
    f"{group}{point}{name}"
    for point in "./"
    for group, name in (("kernel", "shm"), ("kernel", "msg"), ("kernel", "sem"), ("fs", f"mqueue{point}"))
)
_LONGEST_PROFILE = 4095
"""PATH_MAX - 1."""
_GO_FIELDS = (
    "capabilities",
    "privileged",
    "seLinuxOptions",
    "windowsOptions",
    "runAsUser",
    "runAsGroup",
    "runAsNonRoot",
    "readOnlyRootFilesystem",
    "allowPrivilegeEscalation",
    "procMount",
    "seccompProfile",
    "appArmorProfile",
)


def validate_pod_security(spec: JSON, path: str) -> Faults:
    """Yield the faults of a pod's security context."""
    context, where = spec.get("securityContext", {}), f"{path}.securityContext"
    for field in ("fsGroup", "runAsUser", "runAsGroup"):
        if field in context:
            yield from each_invalid(f"{where}.{field}", context[field], user_or_group(context[field]))
    for index, group in enumerate(context.get("supplementalGroups", ())):
        yield from each_invalid(f"{where}.supplementalGroups[{index}]", group, user_or_group(group))
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        yield invalid(f"{where}.shareProcessNamespace", True, detail)
    yield from _validate_sysctls(context, spec, f"{where}.sysctls")
    yield from _validate_choice(context, where, "fsGroupChangePolicy", ("Always", "OnRootMismatch"))
    yield from _validate_seccomp(context, where)
    yield from _validate_apparmor(context, where)
    yield from _validate_choice(context, where, "supplementalGroupsPolicy", ("Merge", "Strict"))
    yield from _validate_choice(context, where, "seLinuxChangePolicy", ("Recursive",))


def validate_container_security(context: JSON, path: str, *, has_host_users: bool) -> Faults:
    """Yield the faults of a container's security context."""
    for field in ("runAsUser", "runAsGroup"):
        if field in context:
            yield from each_invalid(f"{path}.{field}", context[field], user_or_group(context[field]))
    yield from _validate_choice(context, path, "procMount", ("Default", "Unmasked"))
    if has_host_users and context.get("procMount") == "Unmasked":
        yield invalid(f"{path}.procMount", "Unmasked", "`hostUsers` must be false to use `Unmasked`")
    yield from _validate_seccomp(context, path)
    if context.get("allowPrivilegeEscalation") is False:
        cannot = "cannot set `allowPrivilegeEscalation` to false and"
        if context.get("privileged"):
            yield invalid(path, _go_context(context), f"{cannot} `privileged` to true")
        for capability in context.get("capabilities", {}).get("add", ()):
            if capability == "CAP_SYS_ADMIN":
                yield invalid(path, _go_context(context), f"{cannot} `capabilities.Add` CAP_SYS_ADMIN")
    yield from _validate_apparmor(context, path)


def _go_context(context: JSON) -> GoText:
    """Return the context as Kubernetes writes it since 1.34; older versions print memory addresses."""
    capabilities = context.get("capabilities")
    if capabilities is not None:
        capabilities = {"Add": capabilities.get("add"), "Drop": capabilities.get("drop")}
    values = {**context, "capabilities": capabilities}
    return _go_json({f"{name[0].upper()}{name[1:]}": values.get(name) for name in _GO_FIELDS})


def _go_json(fields: JSON) -> GoText:
    return GoText(json.dumps(fields, separators=(",", ":")).replace('"SeLinux', '"SELinux'))


def _validate_choice(context: JSON, path: str, field: str, choices: tuple[str, ...]) -> Faults:
    if field in context and context[field] not in choices:
        yield unsupported(f"{path}.{field}", context[field], choices)


def _validate_sysctls(context: JSON, spec: JSON, path: str) -> Faults:
    names: set[str] = set()
    for index, sysctl in enumerate(context.get("sysctls", ())):
        where, name = f"{path}[{index}].name", sysctl.get("name", "")
        if not name:
            yield required(where)
        elif len(name) > _LONGEST_SYSCTL or not re.fullmatch(_SYSCTL, name):
            detail = f"must have at most {_LONGEST_SYSCTL} characters and match regex ^{_SYSCTL}$"
            yield invalid(where, name, detail)
        elif name in names:
            yield duplicate(where, name)
        if spec.get("hostNetwork") and name.startswith(_NET_SYSCTLS):
            yield invalid(where, name, "may not be specified when 'hostNetwork' is true")
        elif spec.get("hostIPC") and name.startswith(_IPC_SYSCTLS):
            yield invalid(where, name, "may not be specified when 'hostIPC' is true")
        names.add(name)


def _validate_seccomp(context: JSON, path: str) -> Faults:
    if "seccompProfile" not in context:
        return
    profile, where = context["seccompProfile"], f"{path}.seccompProfile"
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    yield from _validate_profile_type(kind, f"{where}.type", "seccompProfile")
    if kind == "Localhost" and local is None:
        yield required(f"{where}.localhostProfile", "must be set when seccomp type is Localhost")
    elif kind == "Localhost":
        yield from descending_path(local, f"{where}.localhostProfile")
    elif local is not None:
        value = _go_json({"Type": kind, "LocalhostProfile": local})
        yield invalid(f"{where}.localhostProfile", value, "can only be set when seccomp type is Localhost")


def _validate_apparmor(context: JSON, path: str) -> Faults:
    if "appArmorProfile" not in context:
        return
    profile, where = context["appArmorProfile"], f"{path}.appArmorProfile"
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    if kind != "Localhost":
        yield from _validate_profile_type(kind, f"{where}.type", "appArmorProfile")
        if kind in _PROFILES and local is not None:
            yield invalid(f"{where}.localhostProfile", local, "can only be set when AppArmor type is Localhost")
        return
    where = f"{where}.localhostProfile"
    if local != (local or "").strip() and local is not None:
        yield invalid(where, local, "must not be padded with whitespace")
    elif not local:
        yield required(where, "must be set when AppArmor type is Localhost")
    if len(local or "") > _LONGEST_PROFILE:
        yield too_long(where, _LONGEST_PROFILE)


def _validate_profile_type(kind: str, path: str, what: str) -> Faults:
    if not kind:
        yield required(path, f"type is required when {what} is set")
    elif kind not in _PROFILES:
        yield unsupported(path, kind, _PROFILES)
