"""The first certificate of a cluster is made by a child, meanwhile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kubeapi.registry import Registry
from kubemanifest.documents import Loaded
from kubesvc.run.api.ahead import certificate_maker
from kubesvc.run.api.identity import ClusterIdentity
from kubesvc.run.input.prepare import prepare_loaded
from kubesvc.state.directory import StateDirectory


def identity(folder: Path) -> ClusterIdentity:
    prepared = prepare_loaded(Loaded())
    assert isinstance(prepared.registry, Registry)
    return ClusterIdentity(prepared.configuration, StateDirectory("web", folder), prepared.registry)


def test_the_child_makes_the_certificate_and_this_process_never_imports_what_it_takes(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.kubesvc.run.api.test_ahead import certificate_maker, identity\n"
        "own = identity(Path(sys.argv[1])); maker = certificate_maker(own); maker.wait()\n"
        "print(own.certificate.authority.count('BEGIN CERTIFICATE'), 'cryptography' in sys.modules)\n"
        "print(certificate_maker(own))"
    )
    said = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert said.stdout == "1 False\nNone\n"


def test_what_the_child_cannot_make_is_made_where_it_is_asked_for(tmp_path: Path) -> None:
    own = identity(tmp_path)  # the folder is not there yet
    maker = certificate_maker(own)
    assert maker is not None
    maker.wait()
    (tmp_path / "web").mkdir()
    assert own.certificate.authority.startswith("-----BEGIN CERTIFICATE-----")


def test_a_child_does_not_touch_what_is_in_the_place_of_the_certificate(tmp_path: Path) -> None:
    (tmp_path / "web" / "apiserver.pem").mkdir(parents=True)
    assert certificate_maker(identity(tmp_path)) is None
