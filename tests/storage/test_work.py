"""Work folders go with their process, however it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dawg_server.storage.work import WorkFolder

_HOLDER = """
import sys
from pathlib import Path
from dawg_server.storage.work import WorkFolder
folder = WorkFolder(Path(sys.argv[1]))
(folder.new() / "upload").write_bytes(b"x" * 1000)
print(folder.path, flush=True)
sys.stdin.read()
"""


def test_a_closed_folder_is_gone_with_all_that_was_in_it(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path)
    (work.new() / "file").write_bytes(b"x")
    work.close()
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_the_folder_of_a_killed_process_is_removed_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    holders = [
        subprocess.Popen(
            [sys.executable, "-c", _HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    living, killed = holders
    folders = [Path(holder.stdout.readline().strip()) for holder in holders if holder.stdout]
    killed.kill()
    killed.communicate(timeout=10)
    assert all(folder.is_dir() for folder in folders)
    work = WorkFolder(tmp_path)
    assert [folder.is_dir() for folder in folders] == [True, False]
    assert len(list(folders[0].rglob("upload"))) == 1
    living.communicate(timeout=10)
    work.close()


def test_folders_inside_are_new_each_time(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path)
    first, second = work.new(), work.new()
    assert first != second
    assert first.parent == second.parent == work.path
    work.close()
