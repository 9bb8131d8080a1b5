"""The leat command itself: the list of commands, the version, wrong names. Commands have files of
their own here."""
import os

import pytest

from accepting import Accept


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
    assert b"usage: leat [--env NAME=VALUE]... COMMAND" in r.stderr


@pytest.mark.parametrize("argv", [["conect"], ["help", "conect"], [""], ["--verzion"]])
def test_unknown_command(leat, run, argv):
    r = run([leat, *argv])
    assert (r.returncode, r.stdout) == (2, b"")
    assert b"no command" in r.stderr and b"leat help" in r.stderr


@pytest.mark.parametrize("argv, word", [
    (["--env"], b"--env: not NAME=VALUE"),
    (["--env", "protocol_version"], b"--env=protocol_version: not NAME=VALUE"),
    (["--env", "protokol_version=tlsv1.2"], b"no setting of this name"),
    (["--env", "protocol_version=sslv2"], b"no version is left"),
    (["--env", "session_lifetime=0", "help"], b"1 to 604800"),
    (["--env", "session_lifetime=60", "--env", "session_lifetime=x", "help"], b"not a number"),
    (["help", "--env", "session_lifetime=60"], b"no command --env"),
])
def test_wrong_setting(leat, run, argv, word):
    r = run([leat, *argv])
    assert (r.returncode, r.stdout) == (2, b"")
    assert word in r.stderr


def test_wrong_variable(leat, run):
    r = run([leat, "help"], env={**os.environ, "LEAT_SESSION_LIFETIME": "for ever"})
    assert (r.returncode, r.stdout) == (2, b"")
    assert b"LEAT_SESSION_LIFETIME=for ever" in r.stderr


def test_settings_of_a_command(leat, run, run_server, pki):
    """On the command line, which comes before the environment; an option comes before both. REQ: ENV-cmdline"""
    server = Accept(leat, run_server, pki)

    def version(env, *argv):
        r = run([leat, *argv[:2], "connect", f"127.0.0.1:{server.port}", "--servername", "localhost",
                 "--cacert", pki.ca, *argv[2:]], env={**os.environ, **env}, input=b"")
        assert r.returncode == 0, r.stderr
        return server.next()["version"]

    low = {"LEAT_PROTOCOL_VERSION": "tlsv1.2,tlsv1.1"}
    assert version({}, "--env", "protocol_version=['tlsv1.2', 'tlsv1.1']") == "tlsv1.2"
    assert version(low) == "tlsv1.2"
    assert version(low, "--env", "protocol_version=tlsv1.3") == "tlsv1.3"
    assert version(low, "--env", "session_lifetime=1", "--set", "versions=tlsv1.3") == "tlsv1.3"
