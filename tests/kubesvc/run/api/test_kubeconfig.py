from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from kubesvc.run.api import kubeconfig
from kubesvc.run.api.kubeconfig import (
    Kubeconfig,
    MergeError,
    context_name,
    export_line,
    merge,
    merged,
    take_out,
    without,
)

OURS = Kubeconfig("kubesvc-shop", "https://127.0.0.1:6443", "-----BEGIN", "t0ken")
THEIRS = """\
apiVersion: v1
kind: Config
preferences: {}
clusters:
- cluster: {server: "https://prod.example"}
  name: prod
contexts:
- context:
    cluster: prod
    user: me
    namespace: "007"
  name: prod
users:
- name: me
  user:
    exec: {args: [get, token], env: null, provideClusterInfo: false, interactiveMode: "Never"}
current-context: prod
"""


@pytest.mark.parametrize(("cluster", "name"), [("default", "kubesvc"), ("shop", "kubesvc-shop")])
def test_the_context_is_named_after_the_cluster(cluster: str, name: str) -> None:
    assert context_name(cluster) == name


def test_a_kubeconfig_of_its_own_holds_one_cluster_that_is_current() -> None:
    document = yaml.safe_load(OURS.text())
    assert document["current-context"] == "kubesvc-shop"
    [context] = document["contexts"]
    assert context["context"] == {"cluster": "kubesvc-shop", "user": "kubesvc-shop", "namespace": "default"}


@pytest.mark.parametrize(
    ("path", "line"),
    [("/a/kubeconfig", "export KUBECONFIG=/a/kubeconfig"), ("/a b/k", "export KUBECONFIG='/a b/k'")],
)
def test_a_shell_can_evaluate_the_line(path: str, line: str) -> None:
    assert export_line(Path(path)) == line


@pytest.mark.parametrize("text", [THEIRS, "", "{}", "clusters: []\n", "clusters: null\ncontexts: []\n"])
def test_merging_adds_the_cluster_and_taking_it_out_leaves_the_rest(text: str) -> None:
    both, before = merged(text, OURS)
    document, original = yaml.safe_load(both), yaml.safe_load(text) or {}
    assert document["current-context"] == "kubesvc-shop"
    assert before == original.get("current-context", "")
    for name in ("clusters", "users", "contexts"):
        kept = [each for each in document[name] if each["name"] != "kubesvc-shop"]
        assert (kept, len(document[name])) == (original.get(name) or [], len(kept) + 1)
    left = yaml.safe_load(without(both, OURS.name, before))
    for name, value in original.items():
        assert left[name] == ([] if value is None else value)


def test_merging_again_replaces_the_entries_and_keeps_what_was_current_before() -> None:
    once, _ = merged(THEIRS, OURS)
    twice, before = merged(once, OURS)
    assert (yaml.safe_load(twice), before) == (yaml.safe_load(once), "")


def test_a_context_chosen_meanwhile_stays() -> None:
    both, before = merged(THEIRS.replace("current-context: prod", "current-context: other"), OURS)
    chosen = both.replace("current-context: kubesvc-shop", "current-context: prod")
    assert yaml.safe_load(without(chosen, OURS.name, before))["current-context"] == "prod"


def test_a_file_without_the_cluster_is_not_written_again() -> None:
    assert without(THEIRS, OURS.name, "x") == THEIRS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clusters: hello\n", "line 1: clusters must be a list"),
        ("kind: Config\nusers: {me: 1}\n", "line 2: users must be a list"),
        ("contexts: ''\n", "line 1: contexts must be a list"),
        ("current-context: [prod]\n", "line 1: current-context must be a string"),
        ("\xff", "this is not UTF-8 text"),
    ],
)
def test_what_kubectl_would_refuse_is_named_with_its_line_and_left_as_it_is(
    tmp_path: Path, text: str, said: str
) -> None:
    path, content = tmp_path / "config", text.encode("latin-1")
    path.write_bytes(content)
    with pytest.raises(MergeError) as caught:
        merge(path, OURS, tmp_path / "note")
    assert str(caught.value).startswith(f"{path}: {said}")
    assert (path.read_bytes(), sorted(tmp_path.iterdir())) == (content, [path])


@pytest.mark.parametrize("text", ["", "[]", '{"path": 1}', "\xff"])
def test_a_note_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    note = tmp_path / "merged.json"
    note.write_bytes(text.encode("latin-1"))
    with pytest.raises(MergeError, match=r"merged\.json \(its text is damaged\)"):
        take_out(note)


@pytest.mark.parametrize("text", ["[]", "a: [", "just text"])
def test_what_is_no_kubeconfig_is_left_alone(text: str) -> None:
    with pytest.raises(MergeError):
        merged(text, OURS)


def test_the_user_s_file_is_changed_in_place_and_back(tmp_path: Path) -> None:
    real, link, note = tmp_path / "real", tmp_path / "link", tmp_path / "note"
    real.write_text(THEIRS)
    link.symlink_to(real)
    merge(link, OURS, note)
    assert (link.is_symlink(), "kubesvc-shop" in real.read_text()) == (True, True)
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    take_out(note)
    take_out(note)
    assert (yaml.safe_load(real.read_text()), note.exists()) == (yaml.safe_load(THEIRS), False)
    assert not list(tmp_path.glob("*.lock"))


def test_a_second_merge_still_remembers_what_was_current_first(tmp_path: Path) -> None:
    path, note = tmp_path / "config", tmp_path / "note"
    path.write_text(THEIRS)
    merge(path, OURS, note)
    merge(path, OURS, note)
    take_out(note)
    assert yaml.safe_load(path.read_text())["current-context"] == "prod"


def test_a_file_that_kubectl_writes_is_waited_for_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubeconfig, "LOCK_SECONDS", 0.0)
    (tmp_path / "config.lock").touch()
    with pytest.raises(MergeError, match=r"config\.lock"):
        merge(tmp_path / "config", OURS, tmp_path / "note")
    assert not (tmp_path / "config").exists()
