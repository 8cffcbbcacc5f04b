"""A command that fails says what, how, in whose words, and what to do."""

import pytest

from ovsdhcp.lab.command import LabError, Shell, Voice

QUIET = Shell(Voice(quiet=True))


def test_a_failure_is_told_with_command_and_stderr() -> None:
    with pytest.raises(LabError) as failed:
        QUIET.run(
            "sh", "-c", "echo no such device >&2; exit 2", doing="plug it in", advice="Buy it."
        )
    assert str(failed.value) == (
        "cannot plug it in\n"
        "  $ sh -c 'echo no such device >&2; exit 2'\n"
        "    no such device\n"
        "  Buy it."
    )


def test_a_program_that_is_missing_and_one_that_hangs_are_told_too() -> None:
    with pytest.raises(LabError, match="No such file"):
        QUIET.run("/nowhere/ovs-vsctl", doing="ask")
    with pytest.raises(LabError, match=r"not done after 0\.05 s"):
        QUIET.run("sleep", "5", doing="wait", timeout=0.05)


def test_talk_goes_to_stderr_and_results_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    voice = Voice(verbose=True)
    voice.step("a step")
    Shell(voice).run("true", "a b", doing="nothing", environment={"X": "1 2"})
    voice.show("a result")
    told = capsys.readouterr()
    assert told.out == "a result\n"
    assert told.err == "lab: a step\n    $ X='1 2' true 'a b'\n"


def test_commands_are_shown_to_those_who_asked(capsys: pytest.CaptureFixture[str]) -> None:
    Shell(Voice()).run("true", doing="nothing")
    assert capsys.readouterr().err == ""
