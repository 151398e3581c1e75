"""rsync: the command, run for real on local directories, and its progress."""

import os
import subprocess

from sip_luigi.programs.rsync import rsync_command, rsync_progress, ssh_command


def run(source, destination, **how):
    done = subprocess.run(
        rsync_command(str(source), str(destination), **how), capture_output=True, text=True, check=True
    )
    return done.stdout


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_copies_a_tree_with_hostile_names(tmp_path):
    source = tmp_path / "a b'$(x);\"c"
    (source / "sub dir").mkdir(parents=True)
    (source / "sub dir" / "-rf *").write_bytes(b"1" * 1000)
    (source / "link").symlink_to(source / "sub dir" / "-rf *")
    run(source, tmp_path / "deep" / "er" / "copy")
    assert tree(tmp_path / "deep" / "er" / "copy") == tree(source)
    assert not (tmp_path / "deep" / "er" / "copy" / "link").is_symlink()


def test_other_content_of_the_same_length_and_date_is_sent_again(tmp_path):
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.mkdir()
    (source / "data").write_bytes(b"right" * 1000)
    run(source, copy)
    stamp = (copy / "data").stat().st_mtime_ns
    (copy / "data").write_bytes(b"wrong" * 1000)
    (copy / "extra").write_bytes(b"")
    os.utime(copy / "data", ns=(stamp, stamp))
    run(source, copy, resumed=True)
    assert tree(copy) == tree(source)


def test_over_ssh():
    command = rsync_command(
        "/data/a b", "/c", node="lse001", ssh_config="/etc/my config", cipher="aes128-ctr"
    )
    assert command[-2:] == ("lse001:/data/a b/", "/c/")
    shell = command[command.index("--rsh") + 1]
    assert '-F "/etc/my config" -c aes128-ctr' in shell
    assert "BatchMode=yes" in shell
    assert "StrictHostKeyChecking=yes" in shell
    assert "--protect-args" in command
    assert ssh_command() == ssh_command("", "")


def test_progress():
    assert rsync_progress("") == 0.0
    assert rsync_progress("      1,000  10%  1.0MB/s    0:00:01\r      5,000  50%  1.0MB/s") == 0.5
    assert rsync_progress("  9 100%  8kB/s (xfr#1, to-chk=0/3)\n") == 1.0
