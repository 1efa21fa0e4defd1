"""The command line as a whole."""

import pytest
from typer.testing import CliRunner

from tanger.commands import RENAMED_COMMANDS, app


@pytest.mark.parametrize(("former", "today"), RENAMED_COMMANDS.items())
def test_a_former_command_names_the_one_of_today(former, today):
    failed = CliRunner().invoke(app, [former, "--to", "somewhere", "--help"])
    assert failed.exit_code == 2
    assert failed.stderr == f"error: `tanger {former}` is called `tanger {today}` now\n"
    assert CliRunner().invoke(app, [today, "--help"]).exit_code == 0


def test_former_commands_are_not_listed():
    listed = CliRunner().invoke(app, ["--help"]).stdout.split()
    assert "convert" in listed
    assert not set(RENAMED_COMMANDS) & set(listed)
