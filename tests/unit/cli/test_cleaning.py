"""What `--clean` deletes, and what it leaves alone."""

from __future__ import annotations

from sourdough_cli.cleaning import contents_of, delete


def test_only_our_own_things_are_deleted(tmp_path):
    """Objects, journals and the catalogue go; what else is in the folder stays."""
    for name in (
        "Counter/7f3/aa.sqlite",
        "Counter/7f3/aa.sqlite-wal",
        "Counter/000/bb.sqlite",
        "journal/1.seg",
        "catalogue.sqlite",
        "namespaces.json",
        "lock",
        "notes/mine.txt",
        "mixed/7f3/aa.sqlite",
        "mixed/readme.txt",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"1234")
    contents = contents_of(tmp_path)
    assert contents.objects == 2
    assert contents.octets == 5 * 4
    delete(contents)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "lock",
        "mixed",
        "namespaces.json",
        "notes",
    ]


def test_a_link_to_another_folder_is_not_followed(tmp_path):
    """A symbolic link is no object tree, so nothing behind it is deleted."""
    elsewhere = tmp_path / "elsewhere" / "7f3"
    elsewhere.mkdir(parents=True)
    storage = tmp_path / "storage"
    storage.mkdir()
    (storage / "Counter").symlink_to(tmp_path / "elsewhere")
    assert contents_of(storage).entries == ()


def test_a_folder_that_is_not_there_is_empty(tmp_path):
    """Cleaning before the first start is no error."""
    assert contents_of(tmp_path / "none").entries == ()
