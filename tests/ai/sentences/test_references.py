"""What words point at, and what they leave open."""

import pytest

from ai.sentences.matcher import Matcher
from ai.sentences.references import NO_REFERENCES, Reference, ReferenceResolver, References
from tests.ai.commands import COMMANDS, small_catalogue

SPECS = {spec.key: spec for spec in COMMANDS}
ADD = {"interaction_type": "task", "action": "add", "name": "milk"}
SHOW = {"interaction_type": "task", "action": "show"}
MATCHER = Matcher(small_catalogue())


def pointed(references: References, words: str) -> tuple[str, ...] | None:
    found = ReferenceResolver(references, SPECS).read(words.split())
    assert found is None or found.kind in ("task", "light")
    return found.names if found else None


@pytest.mark.parametrize(
    ("references", "words", "names"),
    [
        (References(ADD), "it", ("milk",)),
        (References(ADD), "that one", ("milk",)),
        (References(ADD), "the last one", ("milk",)),
        (References({**ADD, "action": "rename", "new_name": "oat"}), "it", ("oat",)),
        (References(SHOW, ("a", "b", "c")), "3", ("c",)),
        (References(SHOW, ("a", "b", "c")), "number two", ("b",)),
        (References(SHOW, ("a", "b", "c")), "the 1st and the third", ("a", "c")),
        (References(SHOW, ("a", "b", "c")), "the last task", ("c",)),
        (References(SHOW, ("a",)), "it", ("a",)),
        (References(ADD, ("a", "milk")), "the last one", ("milk",)),
        # could be one or the other, or nothing
        (References(ADD, ("a", "b")), "the last one", None),
        (References(SHOW, ("a", "b")), "it", None),
        (References(SHOW, ("a", "b")), "the third one", None),
        (References(SHOW, ("a", "b")), "0", None),
        (References(SHOW, ("a", "2")), "2", None),
        (References(SHOW, ("a", "b")), "1 and milk", None),
        (References(ADD, ("a", "b"), "light"), "it and 1", None),
        (References(SHOW), "it", None),
        (References({"interaction_type": "gone", "action": "gone", "name": "x"}), "it", None),
        (References({"interaction_type": "task", "action": "add"}), "it", None),
        (NO_REFERENCES, "1", None),
    ],
)
def test_words_point(references: References, words: str, names: tuple[str, ...] | None) -> None:
    assert pointed(references, words) == names


def test_a_list_of_another_module_keeps_its_kind() -> None:
    references = References(ADD, ("a", "b"), "light")
    assert ReferenceResolver(references, SPECS).read(["2"]) == Reference(("b",), "light")
    assert ReferenceResolver(references, SPECS).read(["it"]) == Reference(("milk",), "task")


@pytest.mark.parametrize("text", ["complete a, complete it", "complete a and then complete that"])
def test_an_order_may_point_at_the_one_before_it(text: str) -> None:
    names = [match.fields["name"] for match in MATCHER.match_all(text)]
    assert names == ["a", "a"]


def test_too_many_joints_are_left_to_the_model() -> None:
    assert MATCHER.match_all(", ".join(["complete a"] * 5))
    assert MATCHER.match_all(", ".join(["complete a"] * 6)) == []
    assert MATCHER.match_all(", ".join(["complete a"] * 25)) == []
