from functools import partial

import pytest

from tanger.model.cli.reproduction.pipeline import Pipeline, Step, StepError


class Kitchen:
    """Steps that copy files, and count how often they run."""

    def __init__(self, folder):
        self.folder = folder
        self.made = []
        (folder / "flour").write_text("wheat")
        (folder / "bran").write_text("shells")

    def mix(self, name, *, sources, addition=""):
        self.made.append(name)
        text = "".join((self.folder / source).read_text() for source in sources)
        (self.folder / name).write_text(text + addition)

    def steps(self, salt="salt"):
        buy = Step("flour", partial(lambda: None), (self.folder / "flour", self.folder / "bran"))
        dough = partial(self.mix, "dough", sources=["flour"], addition=salt)
        bread = partial(self.mix, "bread", sources=["dough"])
        return [
            Step("bread", bread, (self.folder / "bread",), ("dough",)),
            Step("dough", dough, (self.folder / "dough",), ("flour",)),
            buy,
        ]

    def run(self, **options):
        self.made.clear()
        Pipeline(self.folder, self.steps(**options), print_progress=lambda _: None).run("bread")
        return self.made


@pytest.fixture
def kitchen(tmp_path):
    return Kitchen(tmp_path)


def test_needs_come_first_and_nothing_is_made_twice(kitchen):
    assert kitchen.run() == ["dough", "bread"]
    assert (kitchen.folder / "bread").read_text() == "wheatsalt"
    assert kitchen.run() == []


def test_what_an_argument_decides_is_made_anew(kitchen):
    kitchen.run()
    assert kitchen.run(salt="pepper") == ["dough", "bread"]


def test_a_changed_source_reaches_what_is_made_of_it(kitchen):
    kitchen.run()
    (kitchen.folder / "flour").write_text("rye")
    assert kitchen.run() == ["dough", "bread"]
    assert (kitchen.folder / "bread").read_text() == "ryesalt"


def test_a_damaged_output_is_made_anew_alone(kitchen):
    kitchen.run()
    (kitchen.folder / "bread").write_text("mould")
    assert kitchen.run() == ["bread"]


def test_an_interrupted_step_is_taken_up(tmp_path):
    attempts = []

    def make(fails):
        attempts.append("begun")
        if fails:
            raise KeyboardInterrupt
        (tmp_path / "out").write_text("done")

    def resume():
        attempts.append("resumed")
        (tmp_path / "out").write_text("done")

    step = Step("slow", partial(make, True), (tmp_path / "out",), resume=resume)
    with pytest.raises(KeyboardInterrupt):
        Pipeline(tmp_path, [step], print_progress=lambda _: None).run("slow")
    Pipeline(tmp_path, [step], print_progress=lambda _: None).run("slow")
    assert attempts == ["begun", "resumed"]
    # another step of the same name is not resumed
    other = Step("slow", partial(make, False), (tmp_path / "out",), resume=resume)
    Pipeline(tmp_path, [other], print_progress=lambda _: None).run("slow")
    assert attempts == ["begun", "resumed", "begun"]


def test_a_step_without_its_output_is_named(tmp_path):
    step = Step("idle", partial(lambda: None), (tmp_path / "out",))
    with pytest.raises(StepError, match="idle") as raised:
        Pipeline(tmp_path, [step], print_progress=lambda _: None).run("idle")
    assert raised.value.path == tmp_path / "out"
