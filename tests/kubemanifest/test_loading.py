from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from tests.helpers.kubeapi.objects import new_registry
from tests.helpers.kubeapiserver.crds import crd, tab
from tests.helpers.kubesvc.input_manifests import load_text, printed_faults

from kubemanifest import loading as loading_module
from kubemanifest.applying import apply_documents, in_order
from kubemanifest.documents import Loaded, bare_documents, position_of
from kubemanifest.loading import load

WEB = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n"


def named(loaded: Loaded) -> list[str]:
    return [f"{document.obj['kind']} {document.key}" for document in loaded.documents]


def service(name: str) -> str:
    return WEB.replace("web", name)


def test_a_folder_gives_its_manifests_sorted_without_subfolders_and_hidden_files(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.json", "notes.txt", ".hidden.yaml", "sub/d.yaml"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(service(file.stem.strip(".")))
    loaded = load([str(tmp_path)], io.StringIO())
    assert named(loaded) == ["Service default/a", "Service default/b", "Service default/c"]
    assert [document.source for document in loaded.documents] == [
        str(tmp_path / n) for n in ("a.yml", "b.yaml", "c.json")
    ]


def test_a_file_that_is_named_is_read_whatever_its_extension_and_only_once(tmp_path: Path) -> None:
    file = tmp_path / "web.txt"
    file.write_text("﻿" + WEB)
    loaded = load([str(file), f"{tmp_path}/../{tmp_path.name}/web.txt"], io.StringIO())
    assert (named(loaded), loaded.faults) == (["Service default/web"], ())


def test_standard_input_and_files_go_together(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(service("a"))
    loaded = load(["-", str(tmp_path)], io.StringIO(WEB))
    assert named(loaded) == ["Service default/web", "Service default/a"]
    assert loaded.documents[0].source == "<stdin>"


def test_a_json_file_is_a_manifest_with_positions(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    obj = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    file.write_text(json.dumps(obj, indent="\t"))
    (document,) = load([str(file)], io.StringIO()).documents
    assert document.obj["spec"] == obj["spec"]
    assert position_of(document, "spec.ports[0].port").line == 10


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xe4\n")
    paths = [str(tmp_path / name) for name in ("missing.yaml", "empty", "latin.yaml")]
    faults = [str(fault) for fault in load([*paths, "https://example.com/web.yaml"], io.StringIO()).faults]
    assert faults == sorted(
        [
            f'{tmp_path}/missing.yaml: the path "{tmp_path}/missing.yaml" does not exist',
            f"{tmp_path}/empty: the folder has no files that end in .json, .yaml, .yml",
            f"{tmp_path}/latin.yaml:2:1: this is not UTF-8 text\n    save the file as UTF-8",
            'https://example.com/web.yaml: the path "https://example.com/web.yaml" does not exist\n'
            "    download it first: kubesvc reads only files",
        ],
        key=lambda text: text.replace(":2:1", ":"),
    )


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_file_of_utf_16_with_its_mark_is_read_with_a_warning(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "wide.yaml"
    file.write_bytes("\ufeffapiVersion: v1\nkind: Service\nmetadata: {name: wéb}\n".encode(encoding))
    loaded = load([str(file)], io.StringIO())
    assert (loaded.documents[0].name, loaded.faults) == ("wéb", ())
    assert list(map(str, loaded.warnings)) == [
        f"{file}:1:1: this is UTF-16 text; it is read, as kubectl does\n    save the file as UTF-8"
    ]


SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
def test_a_kustomization_is_left_to_kubectl_and_the_warning_has_the_command(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "an app"
    folder.mkdir()
    (folder / name).write_text("resources: [a.yaml]\nnamePrefix: b-\n")
    (folder / "a.yaml").write_text(SERVICE)
    loaded = load([str(folder)], io.StringIO())
    assert (named(loaded), loaded.faults) == (["Service default/a"], ())
    assert list(map(str, loaded.warnings)) == [
        f"{folder}/{name}: a kustomization is not read as it is: kubectl builds the manifests that it stands for\n"
        f"    kubectl kustomize '{folder}' | kubesvc up -"
    ]


def test_a_folder_with_nothing_but_a_kustomization_has_no_objects_and_the_fault_has_the_command(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [../base]\n")
    for path in (tmp_path, tmp_path / "kustomization.yaml"):
        (fault,) = load([str(path)], io.StringIO()).faults
        assert str(fault) == f"{path}: there are no objects in it\n    kubectl kustomize {tmp_path} | kubesvc up -"


def test_a_file_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading_module, "MAX_BYTES", 2**20)
    (fault,) = load(["/dev/zero"], io.StringIO()).faults
    assert str(fault) == "/dev/zero: the file is larger than 1 MiB"


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n---\n"])
def test_input_without_objects_is_a_fault(text: str) -> None:
    assert printed_faults(text) == ["-: there are no objects in it\n    name files or folders of manifests"]


def test_lists_and_typed_lists_give_their_items_with_their_places() -> None:
    loaded = load_text(
        """
        kind: List
        apiVersion: v1
        items:
        - {apiVersion: v1, kind: Service, metadata: {name: a}}
        - kind: ServiceList
          apiVersion: v1
          metadata: {}
          items:
          - metadata: {name: b}
          - {apiVersion: v1, kind: Service, metadata: {name: c}}
        """
    )
    assert (named(loaded), loaded.faults) == (["Service default/a", "Service default/b", "Service default/c"], ())
    assert [document.place.position for document in loaded.documents] == [(5, 3), (10, 5), (11, 5)]


def test_a_namespace_is_filled_in_where_there_is_one() -> None:
    loaded = load_text(
        """
        {apiVersion: v1, kind: Service, metadata: {name: a, namespace: ""}}
        ---
        {apiVersion: v1, kind: Service, metadata: {name: b, namespace: shop}}
        ---
        {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
        """
    )
    assert named(loaded) == ["Service default/a", "Service shop/b", "Namespace shop"]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        pytest.param("kind: Service", ["<stdin>:1:1: apiVersion: Required value"], id="no apiVersion"),
        pytest.param("apiVersion: v1", ["<stdin>:1:1: kind: Required value"], id="no kind"),
        pytest.param(
            "{apiVersion: v1, kind: Service}", ["<stdin>:1:1: metadata.name: Required value"], id="no metadata"
        ),
        pytest.param(
            "{apiVersion: v1, kind: Service, metadata: {}}",
            ["<stdin>:1:33: metadata.name: Required value"],
            id="no name",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Service, metadata: {name: 80}}",
            ["<stdin>:1:44: metadata.name: Invalid value: 80: must be text; quote it"],
            id="a number as name",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Service, metadata: web}",
            ['<stdin>:1:33: metadata: Invalid value: "web": must be a mapping'],
            id="text as metadata",
        ),
        pytest.param(
            "{apiVersion: v1, kind: [Service]}",
            ['<stdin>:1:18: kind: Invalid value: "a list": must be text; quote it'],
            id="a list as kind",
        ),
        pytest.param(
            "- a", ["<stdin>:1:1: a manifest must be a mapping with apiVersion, kind and metadata"], id="list"
        ),
        pytest.param(
            "{kind: List, items: {}}", ['<stdin>:1:14: items: Invalid value: "a mapping": must be a list'], id="items"
        ),
        pytest.param(
            "{apiVersion: extensions/v1beta1, kind: Deployment, metadata: {name: a}}",
            [
                '<stdin>:1:2: apiVersion: Unsupported value: "extensions/v1beta1": supported values: "apps/v1"\n'
                "    Deployment is in apps/v1"
            ],
            id="known kind in a wrong group",
        ),
        pytest.param(
            "{apiVersion: v1, kind: service, metadata: {name: a}}",
            ['<stdin>:1:18: kind: Unsupported value: "service": no such kind in v1\n    did you mean "Service"?'],
            id="misspelt kind",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: b}}",
            ["<stdin>:1:55: metadata.namespace: Forbidden: not allowed on this type"],
            id="cluster-scoped with a namespace",
        ),
        pytest.param(
            "{apiVersion: kubesvc.dev/v1, kind: ClusterConfiguration}",
            [
                '<stdin>:1:2: apiVersion: Unsupported value: "kubesvc.dev/v1": '
                'supported values: "kubesvc.dev/v1alpha1"\n'
                "    write apiVersion: kubesvc.dev/v1alpha1, kind: ClusterConfiguration"
            ],
            id="configuration of another version",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {selecter: {a: b}, ports: [{port: x}]}}",
            [
                '<stdin>:1:61: spec.selecter: unknown field "spec.selecter"\n    did you mean "selector"?',
                "<stdin>:1:88: spec.ports[0].port: json: cannot unmarshal string into Go struct field "
                "ServicePort.spec.ports.port of type int32\n    write a number, without quotes",
            ],
            id="unknown field and wrong type",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {selector: {a: yes}, ports: {port: 80}}}",
            [
                "<stdin>:1:72: spec.selector[a]: json: cannot unmarshal bool into Go struct field "
                "ServiceSpec.spec.selector of type string\n"
                "    quote it: unquoted yes, no, on, off, y and n are booleans, too",
                "<stdin>:1:81: spec.ports: json: cannot unmarshal object into Go struct field "
                'ServiceSpec.spec.ports of type []v1.ServicePort\n    begin each item with "- "',
            ],
            id="boolean as text and mapping as list",
        ),
    ],
)
def test_a_document_that_is_no_object_says_why(text: str, faults: list[str]) -> None:
    assert printed_faults(text) == faults


def test_other_kinds_are_named_in_a_warning_and_the_rest_goes_on() -> None:
    loaded = load_text("{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: db}}\n---\n" + WEB)
    assert named(loaded) == ["Service default/web"]
    assert [str(each) for each in loaded.warnings] == [
        "<stdin>:1:1: gateway.networking.k8s.io/v1 HTTPRoute db is left out: kubesvc does not emulate this kind\n"
        "    it needs its CustomResourceDefinition or APIService in the input; kubectl takes it without"
    ]
    assert loaded.faults == ()


def test_an_object_whose_api_server_the_input_names_is_taken_as_it_is_and_comes_last() -> None:
    thing = "{apiVersion: example.com/v1, kind: Thing, metadata: {name: a}, spec: {b: [1]}}\n---\n"
    server = "{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1.example.com}, spec: SPEC}\n"
    spec = "{group: example.com, version: v1, service: {name: a, namespace: b}}"
    loaded = load_text(thing + server.replace("SPEC", spec))
    assert (loaded.faults, loaded.warnings) == ((), ())
    assert [each.obj["kind"] for each in in_order(loaded.documents)] == ["APIService", "Thing"]
    assert loaded.documents[0].obj["spec"] == {"b": [1]}
    local = load_text(thing + server.replace("SPEC", "{group: example.com, version: v1}"))
    assert named(local) == ["APIService v1.example.com"]


def test_two_objects_of_one_name_are_a_fault_that_names_both() -> None:
    assert printed_faults(f"{WEB}---\n{WEB}") == [
        '<stdin>:8:12: metadata.name: Duplicate value: "web"\n'
        "    Service default/web is already at <stdin>:3:12; remove or rename one"
    ]


def test_the_same_name_in_two_namespaces_or_kinds_is_no_duplicate() -> None:
    other = WEB.replace("name: web", "name: web, namespace: other")
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: web}}"
    assert printed_faults(f"{WEB}---\n{other}---\n{pod}") == []


def test_a_second_configuration_is_a_fault_that_names_both() -> None:
    one = "apiVersion: kubesvc.dev/v1alpha1\nkind: ClusterConfiguration\n"
    loaded = load_text(f"{one}---\n{one}")
    assert loaded.configuration is not None
    assert [str(fault) for fault in loaded.faults] == [
        "<stdin>:5:1: kind: Forbidden: there is a ClusterConfiguration already, at <stdin>:1\n    remove one of them"
    ]


def test_every_fault_of_every_document_is_reported_at_once() -> None:
    faults = printed_faults("kind: Service\n---\n'x\n---\n- a\n---\n{apiVersion: v1, kind: Pod}\n")
    assert [fault.split(": ")[0] for fault in faults] == [
        "<stdin>:1:1",
        "<stdin>:4:1",
        "<stdin>:5:1",
        "<stdin>:7:1",
    ]


def test_faults_are_sorted_by_their_place(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: Service")
    (tmp_path / "b.yaml").write_text("kind: Service")
    loaded = load([str(tmp_path / "b.yaml"), str(tmp_path / "a.yaml")], io.StringIO())
    assert [fault.source for fault in loaded.faults] == [str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]


def test_a_custom_resource_is_read_by_a_definition_that_may_come_after_it() -> None:
    text = "\n---\n".join(map(json.dumps, (tab({"text": "x"}), crd())))
    loaded = load_text(text)
    assert (loaded.faults, loaded.warnings) == ((), ())
    assert [str(each.resource) for each in in_order(loaded.documents)] == [
        "customresourcedefinitions.apiextensions.k8s.io",
        "tabs.example.com",
    ]
    registry = new_registry()
    faults, applied, _ = apply_documents(lambda _: registry, in_order(loaded.documents))
    assert faults == []
    assert [str(each) for each in applied][-1] == "tab.example.com/a created"
    assert (
        apply_documents(lambda _: registry, bare_documents([tab({"text": "y"})], registry.store))[1][0].outcome
        == "configured"
    )


def test_an_unknown_field_of_a_custom_resource_has_its_place() -> None:
    text = "\n---\n".join(map(json.dumps, (crd(), tab({"txt": "x"}))))
    assert 'unknown field "spec.txt"' in printed_faults(text)[0]


OLD_AUTOSCALER = """apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 3
  targetCPUUtilizationPercentage: 60
"""


def test_an_autoscaler_of_the_old_version_is_read_as_it_is_stored() -> None:
    loaded = load_text(OLD_AUTOSCALER)
    assert (printed_faults(OLD_AUTOSCALER), named(loaded)) == ([], ["HorizontalPodAutoscaler default/web"])
    [document] = loaded.documents
    target = {"type": "Utilization", "averageUtilization": 60}
    assert document.obj["apiVersion"] == "autoscaling/v2"
    assert document.obj["spec"]["metrics"] == [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def test_a_fault_of_the_old_version_has_its_place() -> None:
    text = OLD_AUTOSCALER.replace("maxReplicas: 3", 'maxReplicas: "3"').replace("targetCPUU", "targetCpuU")
    [mistyped, unknown] = sorted(printed_faults(text))
    assert mistyped.startswith("<stdin>:6:")
    assert "of type int32" in mistyped
    assert unknown.startswith("<stdin>:7:3: spec.targetCpuUtilizationPercentage: unknown field")
    assert 'did you mean "targetCPUUtilizationPercentage"?' in unknown
