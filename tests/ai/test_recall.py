"""What words point at, and what they leave open."""

import pytest

from ai.recall import NOTHING_BEFORE, Pointed, Pointer, Recall
from ai.sentences import Matcher
from tests.ai.commands import COMMANDS, small_catalogue

SPECS = {spec.key: spec for spec in COMMANDS}
ADD = {"interaction_type": "task", "action": "add", "name": "milk"}
SHOW = {"interaction_type": "task", "action": "show"}
MATCHER = Matcher(small_catalogue())


def pointed(recall: Recall, words: str) -> tuple[str, ...] | None:
    found = Pointer(recall, SPECS).read(words.split())
    assert found is None or found.kind in ("task", "light")
    return found.names if found else None


@pytest.mark.parametrize(
    ("recall", "words", "names"),
    [
        (Recall(ADD), "it", ("milk",)),
        (Recall(ADD), "that one", ("milk",)),
        (Recall(ADD), "the last one", ("milk",)),
        (Recall({**ADD, "action": "rename", "new_name": "oat"}), "it", ("oat",)),
        (Recall(SHOW, ("a", "b", "c")), "3", ("c",)),
        (Recall(SHOW, ("a", "b", "c")), "number two", ("b",)),
        (Recall(SHOW, ("a", "b", "c")), "the 1st and the third", ("a", "c")),
        (Recall(SHOW, ("a", "b", "c")), "the last task", ("c",)),
        (Recall(SHOW, ("a",)), "it", ("a",)),
        (Recall(ADD, ("a", "milk")), "the last one", ("milk",)),
        # could be one or the other, or nothing
        (Recall(ADD, ("a", "b")), "the last one", None),
        (Recall(SHOW, ("a", "b")), "it", None),
        (Recall(SHOW, ("a", "b")), "the third one", None),
        (Recall(SHOW, ("a", "b")), "0", None),
        (Recall(SHOW, ("a", "2")), "2", None),
        (Recall(SHOW, ("a", "b")), "1 and milk", None),
        (Recall(ADD, ("a", "b"), "light"), "it and 1", None),
        (Recall(SHOW), "it", None),
        (Recall({"interaction_type": "gone", "action": "gone", "name": "x"}), "it", None),
        (Recall({"interaction_type": "task", "action": "add"}), "it", None),
        (NOTHING_BEFORE, "1", None),
    ],
)
def test_words_point(recall: Recall, words: str, names: tuple[str, ...] | None) -> None:
    assert pointed(recall, words) == names


def test_a_list_of_another_module_keeps_its_kind() -> None:
    recall = Recall(ADD, ("a", "b"), "light")
    assert Pointer(recall, SPECS).read(["2"]) == Pointed(("b",), "light")
    assert Pointer(recall, SPECS).read(["it"]) == Pointed(("milk",), "task")


@pytest.mark.parametrize("text", ["complete a, complete it", "complete a and then complete that"])
def test_an_order_may_point_at_the_one_before_it(text: str) -> None:
    names = [match.fields["name"] for match in MATCHER.match_all(text)]
    assert names == ["a", "a"]


def test_too_many_joints_are_left_to_the_model() -> None:
    assert MATCHER.match_all(", ".join(["complete a"] * 5))
    assert MATCHER.match_all(", ".join(["complete a"] * 6)) == []
    assert MATCHER.match_all(", ".join(["complete a"] * 25)) == []
