"""Words that an artifact has wrong are listed again, and nothing else changes."""

from typer.testing import CliRunner

from tanger.commands import app

LEXICON = "SAID  S EH D\nTANGER  T AE NG ER\nZZYXQ  K AE T\nZZYXQ  D AO G\n"


def repeat_errors(folder, artifact, *options):
    (folder / "own.dict").write_text(LEXICON)
    command = ["repeat-errors", "--lexicon", folder / "own.dict", "--wrong-by", artifact,
               "--out", folder / "out.dict", *options]  # fmt: skip
    done = CliRunner().invoke(app, [str(argument) for argument in command])
    assert done.exit_code == 0, done.output
    return done.output, (folder / "out.dict").read_text().splitlines()


def test_the_first_pronunciation_is_repeated(tmp_path, shipped_artifact):
    output, lines = repeat_errors(tmp_path, shipped_artifact, "--times", "3")
    assert "1 of 3 words are wrong; 6 entries" in output
    assert sorted(line.split()[0].partition("(")[0] for line in lines) == [
        "SAID", "TANGER", "ZZYXQ", "ZZYXQ", "ZZYXQ", "ZZYXQ",
    ]  # fmt: skip
    assert [line.split()[1:] for line in lines].count(["K", "AE", "T"]) == 3


def test_words_are_checked_by_other_references(tmp_path, shipped_artifact):
    (tmp_path / "references").write_text("SAID  S EY1 D\nTANGER  T AE1 NG ER0\nCAT  D AO1 G\n")
    output, lines = repeat_errors(
        tmp_path, shipped_artifact, "--references", str(tmp_path / "references")
    )
    assert "1 of 2 words are wrong" in output
    assert [line.split()[1:] for line in lines].count(["S", "EH", "D"]) == 4
