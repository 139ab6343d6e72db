"""Private files are replaced whole, and only their owner may read them."""

from __future__ import annotations

from pathlib import Path

from kubehost.io.privatefiles import write_private


def test_a_private_file_is_replaced_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    path.chmod(0o644)
    (tmp_path / ".token.new").write_text("half, of a crash")
    write_private(path, "new é")
    assert (path.read_text("utf-8"), path.stat().st_mode & 0o777) == ("new é", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    write_private(tmp_path / "key", b"\x00\xff")
    assert (tmp_path / "key").read_bytes() == b"\x00\xff"
