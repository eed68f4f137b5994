"""Whether free text names a thing: "delete eggs" does, "delete all my data" is not sure to."""

from collections.abc import Collection, Sequence

from ai.commands import FieldSpec
from ai.sentences.templates import Node
from ai.sentences.tokens import (
    BESIDE_POINTERS,
    IDIOMS,
    NO_GOODS,
    NO_LONE_STARTS,
    NO_NAMES,
    POINTERS,
    STATES,
    TELLING,
    WHOLES,
)

MAX_NAME_WORDS = 8  # of what stands behind a verb and no more; a longer one is more of a sentence
ARTICLES = {"the", "a", "an"}
DETERMINERS = {"the", "my", "our", "your", "me"}


def is_reference(words: Collection[str]) -> bool:
    """Say whether free text is no name but points at something said before: "the last one"."""
    said = {*words}
    return said <= POINTERS | BESIDE_POINTERS and not said <= BESIDE_POINTERS


def is_idiom(words: Sequence[str]) -> bool:
    """Say whether words behind "get" are nothing to buy: "going", "a life", "some sleep"."""
    is_some = words[0] in ("a", "an", "some") and not IDIOMS.isdisjoint(words)
    return is_some or words[0] in NO_GOODS


def may_be_name(words: Sequence[str], before: str) -> bool:
    """Say whether free text can be a name; `before` is the fixed word in front of it."""
    says_how = before == "is" and words[0] in STATES
    says_how = says_how or (before == "get" and is_idiom(words))
    is_no_name = NO_NAMES.issuperset(words) or words[0] in {"of", "as"}
    is_no_name = is_no_name or words[-1] in {"as", "not", "been"}  # "mark milk as not done"
    is_no_name = is_no_name or words[0] in {"is", "are", "was", "were"}
    is_no_name = is_no_name or DETERMINERS.issuperset(words)
    is_no_name = is_no_name or (words[0] == "all" and words[1:2] in (["of"], ["the"], ["my"]))
    says_how = says_how or (before == "bought" and words[0] in ("a", "an"))
    is_no_name = is_no_name or (words[0] in (*WHOLES, "called", "named") and len(words) > 1)
    return any(words) and not (is_reference(words) or is_no_name or says_how)


def is_sure_name(
    words: Sequence[str], node: Node, field: FieldSpec, vocabulary: Collection[str]
) -> bool:
    """Say whether free text behind a lone verb is a name, and not a sentence that went wrong.

    `node` is what may follow the verb. "Delete my cat" may have been meant for "delete my account",
    "delete eggs from Bob" for "delete eggs from my tasks".
    """
    fixed = [word in vocabulary for word in words]
    all_fixed = any(fixed) and all(
        is_fixed or word.isdecimal() for word, is_fixed in zip(words, fixed, strict=True)
    )
    goes_on = node.slots[field].literals if field in node.slots else {}
    return (
        may_be_name(words, "")
        and len(words) <= MAX_NAME_WORDS
        and not all_fixed
        and words[0] not in NO_LONE_STARTS
        and TELLING.isdisjoint(words)
        and not (words[0] in node.literals and words[0] not in ARTICLES)
        and not any(word in goes_on for word in words)
    )
