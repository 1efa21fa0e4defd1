from dataclasses import replace

import pytest

from tanger.model.training import recipe
from tanger.model.training.recipe import AdamWRecipe, MomentumSGDRecipe, RecipeError
from tests.support.recipes import TINY_RECIPE


@pytest.mark.parametrize("name", recipe.names())
@pytest.mark.parametrize("fast", [False, True])
def test_every_recipe_loads(name, fast):
    loaded = recipe.load(name, fast=fast)
    assert loaded.name == name
    assert loaded.network.hidden > 0
    assert loaded.as_dict()["optimiser"]["kind"] == loaded.optimiser.kind


def test_the_tutorials_recipe_is_to_the_letter():
    loaded = recipe.load("cntk599a")
    assert loaded.optimiser == MomentumSGDRecipe(learning_rate=0.007, time_constant=1100, clip=2.3)
    assert (loaded.minibatches.unit, loaded.minibatches.size) == ("tokens", 72)
    assert (loaded.network.hidden, loaded.network.embedding) == (128, 0)
    assert loaded.run.epoch_tokens == 908_241
    fast = recipe.load("cntk599a", fast=True)
    assert (fast.run.epochs, fast.run.epoch_tokens) == (1, 5000)


@pytest.mark.parametrize("renamed", ["handover", "boundaries"])
def test_a_setting_that_was_renamed_is_named(tmp_path, renamed):
    today = {"handover": "decoder_init", "boundaries": "add_bos_eos"}[renamed]
    path = tmp_path / "old.toml"
    path.write_text(TINY_RECIPE.replace(today, renamed, 1))
    with pytest.raises(RecipeError, match=rf"network\.{renamed}: is called {today} now"):
        recipe.load(str(path))


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("hidden = 48", "hidden = 'wide'", "network.hidden"),
        ("hidden = 48", "", "network.hidden"),
        ("hidden = 48", "hidden = 48\ninput_symbols = 9", "network.input_symbols"),
        ("hidden = 48", "hidden = 48\nwidth = 3", "network.width"),
        ('direction = "bidirectional"', 'direction = "up"', "network.direction"),
        ('direction = "bidirectional"', 'direction = "both"', "network.direction"),
        ("attention = true", "attention = 1", "network.attention"),
        ("epochs = 8", "epochs = -1", "run.epochs"),
        ("epochs = 8", "epochs = true", "run.epochs"),
        ('kind = "adamw"', 'kind = "magic"', "optimiser.kind"),
        ("seed = 3", "seed = 3.5", "seed"),
        ("seed = 3", "speed = 3", "speed"),
        ("seed = 3", "seed =", "file"),
        ("seed = 3", "seed = true", "seed"),
        ("epochs = 8", "epochs = 0", "run"),
        ("size = 16", "size = 0", "minibatches"),
        ("size = 16", "size = 16\njoined = -0.5", "minibatches.joined"),
        ("hidden = 48", "hidden = 47", "network"),
        ("dropout = 0.05", "dropout = 1.5", "network"),
        ("learning_rate = 1e-2", "learning_rate = nan", "optimiser.learning_rate"),
        ("label_smoothing = 0.05", "label_smoothing = 2.0", "loss"),
        ('kind = "adamw"', 'kind = ["adamw"]', "optimiser.kind"),
        ("[loss]", "[other]", "other"),
        ("[vocabulary]\nshared = false\nmasked = true", "vocabulary = 3", "vocabulary"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, old, new, key):
    path = tmp_path / "bad.toml"
    path.write_text(TINY_RECIPE.replace(old, new, 1))
    with pytest.raises(RecipeError) as caught:
        recipe.load(str(path))
    assert caught.value.key == key
    assert key in str(caught.value)


def test_a_setting_may_depend_on_the_size_of_the_lexicon(tmp_path):
    path = tmp_path / "sized.toml"
    path.write_text(TINY_RECIPE.replace("hidden = 48", "hidden = { 0 = 16, 100 = 32, 20 = 24 }"))
    sizes = {entries: recipe.load(str(path), entries=entries) for entries in (0, 19, 20, 99, 100)}
    assert [each.network.hidden for each in sizes.values()] == [16, 16, 24, 24, 32]
    assert recipe.load(str(path)).network.hidden == 32


@pytest.mark.parametrize("by_size", ["{ 10 = 48 }", "{ few = 48, 0 = 24 }", "{}", "{ 0 = 47 }"])
def test_sizes_go_from_zero_on_and_hold_what_the_setting_allows(tmp_path, by_size):
    path = tmp_path / "bad.toml"
    path.write_text(TINY_RECIPE.replace("hidden = 48", f"hidden = {by_size}"))
    with pytest.raises(RecipeError, match="network"):
        recipe.load(str(path), entries=5 if "47" not in by_size else 0)


def test_a_recipe_without_a_short_run_has_none(tmp_path):
    path = tmp_path / "long.toml"
    path.write_text(TINY_RECIPE[: TINY_RECIPE.index("[fast]")])
    with pytest.raises(RecipeError, match="no short run"):
        recipe.load(str(path), fast=True)


@pytest.mark.parametrize(("former", "today"), recipe.RENAMED_RECIPES.items())
def test_a_former_recipe_names_the_one_of_today(former, today):
    with pytest.raises(RecipeError, match=f"{former} is gone: take {today}"):
        recipe.load(former)
    assert today in recipe.names()


def test_an_unknown_name_lists_the_known():
    with pytest.raises(RecipeError, match="cntk599a, default, en-us"):
        recipe.load("klingon")


def test_a_file_is_a_recipe(tmp_path):
    tiny = recipe.load(write(tmp_path, "tiny", TINY_RECIPE))
    assert tiny.name == "tiny"
    assert isinstance(tiny.optimiser, AdamWRecipe)


# Recipes that extend others


def write(folder, name, text):
    path = folder / f"{name}.toml"
    path.write_text(text)
    return str(path)


def test_a_recipe_extends_another_by_what_differs(tmp_path):
    base = recipe.load(write(tmp_path, "base", TINY_RECIPE))
    write(tmp_path, "middle", 'extends = "base.toml"\nseed = 7\n[network]\nhidden = 32\n')
    loaded = recipe.load(
        write(tmp_path, "top", 'extends = "./middle.toml"\n[run]\nepochs = 2\n[fast]\nepochs = 3\n')
    )
    assert loaded == replace(
        base,
        name="top",
        seed=7,
        network=replace(base.network, hidden=32),
        run=replace(base.run, epochs=2),
    )
    fast = recipe.load(str(tmp_path / "top.toml"), fast=True).run
    assert (fast.epochs, fast.epoch_tokens) == (3, 500)


def test_values_by_size_are_replaced_whole(tmp_path):
    path = write(tmp_path, "top", 'extends = "default"\n[network]\nhidden = { 0 = 16, 9 = 32 }\n')
    sizes = [recipe.load(path, entries=entries).network.hidden for entries in (1, 9, 50_000)]
    assert sizes == [16, 32, 32]


def test_an_optimiser_of_another_kind_takes_over_no_setting(tmp_path):
    tutorial = (
        '[optimiser]\nkind = "momentum-sgd"\nlearning_rate = 0.1\ntime_constant = 5\nclip = 1\n'
    )
    path = write(tmp_path, "top", f'extends = "default"\n{tutorial}')
    assert recipe.load(path).optimiser == MomentumSGDRecipe(0.1, 5, 1)


@pytest.mark.parametrize(
    ("extended", "problem"),
    [
        ('"klingon"', "there is no file"),
        ('"a.toml"', r"a circle: .*a\.toml extends .*a\.toml"),
        ('"../{folder}/b.toml"', r"a circle: .*b\.toml extends .*a\.toml extends .*b\.toml"),
        ("3", "must be a recipe's name or file, not 3"),
        ("{{}}", "must be a recipe's name or file"),
    ],
)
def test_what_cannot_be_extended_is_named(tmp_path, extended, problem):
    write(tmp_path, "a", f"extends = {extended.format(folder=tmp_path.name)}\n")
    with pytest.raises(RecipeError, match=problem) as caught:
        recipe.load(write(tmp_path, "b", 'extends = "a.toml"\n'))
    assert (caught.value.recipe, caught.value.key) == (str(tmp_path / "a.toml"), "extends")


@pytest.mark.parametrize("key", ["network.hidden", "run.epochs", "speed"])
def test_a_wrong_setting_is_named_with_the_file_that_has_it(tmp_path, key):
    table, _, setting = key.rpartition(".")
    wrong = f"[{table}]\n{setting} = -1\n" if table else f"{setting} = 3\n"
    write(tmp_path, "base", f'extends = "default"\n{wrong}')
    with pytest.raises(RecipeError) as caught:
        recipe.load(write(tmp_path, "top", 'extends = "base.toml"\n[loss]\nstress = 0.1\n'))
    assert (caught.value.recipe, caught.value.key) == (str(tmp_path / "base.toml"), key)
