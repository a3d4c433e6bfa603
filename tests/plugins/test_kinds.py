"""The table of kinds: what every line of it promises is there, and every command reads it."""

from __future__ import annotations

from importlib.resources import files

import pytest
from click.testing import CliRunner

from ranef import contracts, testkit
from ranef.cli import main
from ranef.contracts import HookSpecs, InputError, PluginEntry
from ranef.registry import KINDS, Kind, kind_of


def run(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_a_kind_names_is_there(kind: Kind):
    assert hasattr(HookSpecs, kind.hook)
    assert issubclass(kind.entry, PluginEntry)
    for public in (kind.entry, kind.product):
        assert getattr(contracts, public.__name__) is public
    checks = testkit.checks_of(kind)
    assert getattr(testkit, checks.__name__) is checks
    assert checks.__name__ in testkit.__all__
    templates = {path.name for path in (files("ranef.cli") / "templates" / kind.noun).iterdir()}
    assert templates == {"__init__.py.tmpl", f"{kind.noun}.py.tmpl", "test.py.tmpl", "usage.md.tmpl"}
    assert kind.description.format("x") != kind.description


def test_words_for_kinds_are_unambiguous():
    words = [word for kind in KINDS.values() for word in {kind.name, kind.noun}]
    assert len(set(words)) == len(words)
    for kind in KINDS.values():
        assert kind_of(kind) is kind_of(kind.name) is kind_of(kind.noun) is kind


def test_a_word_for_no_kind():
    with pytest.raises(InputError, match="there is no kind of plugin 'backends'; there is: linalg, optimizer"):
        kind_of("backends")


def test_the_commands_take_the_name_and_the_noun(tmp_path):
    listed, checked, written = [], [], []
    for word in ("linalg", "backend"):
        listed.append(run("plugins", "--kind", word, "--json").output)
        checked.append(run("check", "dense", "--kind", word, "--json").output)
        assert run("new-plugin", word, "mine", "--directory", str(tmp_path / word)).exit_code == 0
        files_of = sorted(path for path in (tmp_path / word).rglob("*") if path.is_file())
        written.append({str(path.relative_to(tmp_path / word)): path.read_text() for path in files_of})
    assert '"name": "dense"' in listed[0]
    assert '"kind": "linalg"' in checked[0]
    assert "src/ranef_mine/backend.py" in written[0]
    for name, noun in (listed, checked, written):
        assert name == noun


@pytest.mark.parametrize("command", [("plugins", "--kind"), ("check", "x", "--kind"), ("new-plugin",)])
def test_the_commands_list_the_kinds(command):
    done = run(*command, "no-such-kind", *(["x"] if command == ("new-plugin",) else []))
    assert done.exit_code == 2
    for word in KINDS:
        assert f"'{word}'" in done.output
