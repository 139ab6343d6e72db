"""The files of a Corefile, as they are on the disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kubesvc.remote.corefile.notes import CorefileError
from kubesvc.remote.dns.configuration import DiskFiles, DNSOptions, read_configuration


def faults(path: str) -> tuple[str, ...]:
    with pytest.raises(CorefileError) as raised:
        read_configuration(DNSOptions(config=path), {}, DiskFiles())
    return raised.value.faults


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("forward . /dev/zero", "forward: /dev/zero: it has more than 16 MiB; name a smaller file; write the"),
        ("hosts /dev/zero {\nfallthrough\n}", "hosts: /dev/zero: it has more than 16 MiB; name a smaller file"),
        ("import /dev/zero", "import: /dev/zero: it has more than 16 MiB; name a smaller file"),
    ],
)
def test_a_file_without_an_end_is_refused_with_the_line_that_names_it(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "Corefile"
    path.write_text(f". {{\nkubernetes cluster.local\n{line}\n}}\n")
    (fault,) = faults(str(path))
    assert fault.startswith(f"{path}:3: {told}")


def test_a_corefile_without_an_end_is_refused() -> None:
    (fault,) = faults("/dev/zero")
    assert fault == "--config /dev/zero cannot be read: it has more than 16 MiB; name a smaller file"


def test_a_corefile_out_of_a_pipe_is_read_and_has_not_changed_when_the_pipe_is_empty() -> None:
    reading, writing = os.pipe()
    os.write(writing, b". {\nkubernetes cluster.local\n}\n")
    os.close(writing)
    found = read_configuration(DNSOptions(config=f"/dev/fd/{reading}"), {}, DiskFiles())
    assert found.composed.dns.zone == "cluster.local"
    assert not found.files.have_changed()
    os.close(reading)
