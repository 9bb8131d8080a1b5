"""The leat command itself: the list of commands, the version, wrong names. Commands have files of
their own here."""
import pytest


def test_version(leat, run):
    r = run([leat, "--version"])
    assert (r.returncode, r.stderr) == (0, b"")
    assert r.stdout.startswith(b"leat 0.") and r.stdout.endswith(b"\n")


@pytest.mark.parametrize("word", ["help", "--help", "-h"])
def test_help_lists_commands_on_stdout(leat, run, word):
    r = run([leat, word])
    assert (r.returncode, r.stderr) == (0, b"")
    assert b"commands:" in r.stdout


def test_without_a_word_the_list_is_an_error(leat, run):
    r = run([leat])
    assert (r.returncode, r.stdout) == (2, b"")
    assert b"usage: leat COMMAND" in r.stderr


@pytest.mark.parametrize("argv", [["conect"], ["help", "conect"], [""], ["--verzion"]])
def test_unknown_command(leat, run, argv):
    r = run([leat, *argv])
    assert (r.returncode, r.stdout) == (2, b"")
    assert b"no command" in r.stderr and b"leat help" in r.stderr
