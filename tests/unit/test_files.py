"""Whether a place can be written is found out before a run, and finding out leaves nothing behind."""

import errno
import os
import tempfile

import pytest

from msjoe.errors import PathError
from msjoe.files import check_writable, check_writable_file


def test_folders_that_can_be_made_are_not_made(tmp_path):
    for folder in (tmp_path, tmp_path / "a", tmp_path / "a" / "b" / "c"):
        check_writable(folder)
    check_writable_file(tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_kept_and_is_not_a_folder(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    for path in (file, file / "below"):
        with pytest.raises(PathError, match=str(path)):
            check_writable(path, "--save")
    check_writable_file(file)
    assert file.read_text() == "mine"


def test_a_link_that_leads_nowhere(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "gone")
    with pytest.raises(PathError, match="link"):
        check_writable(link)
    link.unlink()
    link.symlink_to(link)
    with pytest.raises(PathError, match="link"):
        check_writable(link / "run")


def test_files_need_a_folder_that_exists(tmp_path):
    for path in (tmp_path / "new" / "x.json", tmp_path):
        with pytest.raises(PathError, match=str(path)):
            check_writable_file(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="a place where nobody can write")
def test_a_place_where_nobody_can_write():
    for path in ("/proc/zzz", "/proc/zzz/run"):
        with pytest.raises(PathError, match="--out " + path):
            check_writable(path)


def test_a_name_that_is_too_long(tmp_path):
    with pytest.raises(PathError, match="nnn"):
        check_writable(tmp_path / ("n" * 300))


def test_a_full_disk(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(PathError, match="No space left"):
        check_writable(tmp_path)
