"""Marks of the chat template in a model's text: nobody sees them, wherever a stream cuts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai.llm.clients.template_marks import TemplateMarks

BAR = "\N{FULLWIDTH VERTICAL LINE}"
MARKED = [
    ("<tool_response>\nYou have milk.\n</tool_response>", "You have milk.\n"),
    ("Here:\n<tool_response>\nmilk\n</tool_response>\nDone.", "Here:\nmilk\nDone."),
    ('<tool_response>\n{"name": "x"}\n</tool_response>\nYou have milk.', "You have milk."),
    ('Well. <tool_call>\n{"name": "nothing"}\n</tool_call>', "Well. "),
    ('<tool_call>[{"name": "nothing"}] and so on', ""),
    ("<tool_call>\nnothing", "nothing"),
    ("<|im_start|>assistant\nHello.<|im_end|>", "Hello."),
    ("<|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|>", "Hello."),
    ("<start_of_turn>model\nHello.<end_of_turn>", "Hello."),
    (f"Hello.<{BAR}end▁of▁sentence{BAR}>", "Hello."),
    ("Hello.<|endoftext|>", "Hello."),
    ("[INST]Hello.[/INST]", "Hello."),
    ("The <|im_start|> token and <tool_call> too", "The token and too"),
    # An answer that was cut off in a mark.
    ("Hello.\n<tool_respon", "Hello.\n"),
    ("Hello.\n</tool_", "Hello.\n"),
    ("Hello.<|im_e", "Hello."),
    # A tick that opens nothing.
    ("It`s so.\n\n<tool_response>milk", "It`s so.\n\nmilk"),
    ("```\ncode\n```\n<tool_response>milk</tool_response>", "```\ncode\n```\nmilk"),
    ("`a` <tool_call>``b`` </tool_call>c", "`a` ``b`` c"),
]
KEPT = [
    "",
    "Write `<tool_call>` and `</tool_call>` around it, and ``<|im_start|>user`` before.",
    '```xml\n<tool_call>\n\n{"name": "x"}\n</tool_call>\n```\nThat is all.',
    "````\n```\n<tool_response>\n```\n````",
    "1 < 2, a<b>c</b>, <tool>, <https://x.example>, [link](https://x.example)",
    "[DONE], <3, <@42>, <t:1>, <:smile:1>, [1], <",
    "a | b <| c, x <|> y, [I",
    "| a | b |\n|---|---|\n| <|x | y|> |",
    "a\n \n\nb\n",
    "ends in a tick `",
    "ends in a [",
]


def read(*pieces: str) -> str:
    """Return what is shown of a stream, which is what it says was shown."""
    marks = TemplateMarks()
    shown = "".join([*map(marks.hear, pieces), marks.rest()])
    assert shown == marks.text
    return shown


@pytest.mark.parametrize(("text", "shown"), MARKED + [(text, text) for text in KEPT])
def test_marks_are_left_out_wherever_the_stream_cuts_them(text: str, shown: str) -> None:
    assert read(text) == shown
    assert read(*text) == shown
    for at in range(1, len(text)):
        assert read(text[:at], text[at:]) == shown


@given(st.lists(st.sampled_from(["<", ">", "|", "`", "\n", "tool_call", "/", "{", "}", "a", " "])))
def test_pieces_make_no_difference(pieces: list[str]) -> None:
    assert read(*pieces) == read("".join(pieces))


@pytest.mark.parametrize("text", ["`" * 50_000, "` " * 50_000, "<|" * 50_000, "\n \n" * 50_000])
def test_a_long_text_is_read_once(text: str) -> None:
    marks = TemplateMarks()
    assert marks.hear(text) + marks.rest() in (text, text[:-2])
