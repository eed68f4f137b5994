"""What a person types for a field of an agent."""

import pytest

from cli.agents.values import read_value


@pytest.mark.parametrize("text", ["\u00b2", "\u0663", "1_0", "\U0001d7d9"])
def test_only_plain_digits_are_a_number(text: str) -> None:
    assert read_value(text, {"anyOf": [{"type": "integer"}, {"type": "string"}]}) == text
    assert read_value(" 12 ", {"type": "integer"}) == 12
