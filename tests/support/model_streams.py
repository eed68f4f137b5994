"""What OpenAI's and Anthropic's servers stream, event by event, as their documentation has it."""

import json
import re
from collections.abc import Iterator
from typing import Any, Protocol

Calls = list[tuple[str, Any]]
"""Tools to call, each with its arguments; a text instead of them is sent as it is."""
STOPS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


class Streamed(Protocol):
    """What there is to send."""

    text: str | None
    calls: Calls
    thinks: str
    finish_reason: str


def openai_events(answer: Streamed, model: str, prompt: int, *, tells_usage: bool) -> Iterator[str]:
    """Yield the events of a chat completion."""

    def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]
        return _data(_chunk(model) | {"choices": choices, "usage": None})

    yield chunk({"role": "assistant", "content": ""})
    if answer.thinks:
        yield chunk({"reasoning": answer.thinks})
    for piece in pieces(answer.text):
        yield chunk({"content": piece})
    for number, (name, arguments) in enumerate(answer.calls):
        function = {"name": name, "arguments": ""}
        call = {"index": number, "id": f"call_{number}", "type": "function", "function": function}
        yield chunk({"tool_calls": [call]})
        for piece in pieces(_written(arguments)):
            yield chunk({"tool_calls": [{"index": number, "function": {"arguments": piece}}]})
    yield chunk({}, _finish(answer))
    if tells_usage:
        completion = len((answer.text or "").split())
        usage = {"prompt_tokens": prompt, "completion_tokens": completion}
        usage["total_tokens"] = prompt + completion
        yield _data(_chunk(model) | {"choices": [], "usage": usage})
    yield "data: [DONE]\n\n"


def anthropic_events(answer: Streamed, model: str, prompt: int) -> Iterator[str]:
    """Yield the events of a message."""
    usage = {"input_tokens": prompt, "output_tokens": 1}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    yield event("message_start", message=message)
    yield event("ping")
    blocks = []
    if answer.thinks:
        thought = {"type": "thinking", "thinking": "", "signature": ""}
        told = {"type": "thinking_delta", "thinking": answer.thinks}
        blocks.append((thought, [told, {"type": "signature_delta", "signature": "signed"}]))
    if answer.text:
        texts = [{"type": "text_delta", "text": piece} for piece in pieces(answer.text)]
        blocks.append(({"type": "text", "text": ""}, texts))
    for number, (name, arguments) in enumerate(answer.calls):
        start = {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": {}}
        parts = pieces(_written(arguments))
        blocks.append((start, [{"type": "input_json_delta", "partial_json": p} for p in parts]))
    for index, (start, deltas) in enumerate(blocks):
        yield event("content_block_start", index=index, content_block=start)
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    stop = {"stop_reason": STOPS[_finish(answer)], "stop_sequence": None}
    spoken = {"output_tokens": len((answer.text or "").split())}
    yield event("message_delta", delta=stop, usage=spoken)
    yield event("message_stop")


def responses_events(answer: Streamed, model: str, prompt: int) -> Iterator[str]:
    """Yield a stream of OpenAI's Responses API, as its API reference describes it."""
    number = iter(range(100_000))

    def told(kind: str, **data: object) -> str:
        return event(kind, sequence_number=next(number), **data)

    items: list[dict[str, Any]] = []
    if answer.thinks:
        thought = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "sealed"}
        items.append(thought)
    if answer.text:
        part = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
        said = {"id": "msg_1", "type": "message", "role": "assistant", "content": [part]}
        items.append(said | {"status": "completed"})
    for place, (name, arguments) in enumerate(answer.calls):
        call = {"type": "function_call", "id": f"fc_{place}", "call_id": f"call_{place}"}
        written = {"name": name, "arguments": _written(arguments), "status": "completed"}
        items.append(call | written)
    response: dict[str, Any] = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_700_000_000,
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "usage": None,
    }
    yield told("response.created", response=response)
    yield told("response.in_progress", response=response)
    for index, item in enumerate(items):
        at = {"output_index": index, "item_id": item["id"]}
        yield told("response.output_item.added", output_index=index, item=item)
        if item["type"] == "message":
            for piece in pieces(answer.text):
                delta = {"content_index": 0, "delta": piece, "logprobs": []}
                yield told("response.output_text.delta", **at, **delta)
        if item["type"] == "function_call":
            for piece in pieces(item["arguments"]):
                yield told("response.function_call_arguments.delta", **at, delta=piece)
        yield told("response.output_item.done", output_index=index, item=item)
    completion = len((answer.text or "").split())
    response["output"], response["status"] = items, "completed"
    response["usage"] = {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + completion,
    }
    if answer.finish_reason in ("length", "content_filter"):
        why = {"length": "max_output_tokens"}.get(answer.finish_reason, answer.finish_reason)
        response |= {"status": "incomplete", "incomplete_details": {"reason": why}}
        yield told("response.incomplete", response=response)
        return
    yield told("response.completed", response=response)


def event(kind: str, **data: object) -> str:
    """Return one of Anthropic's events."""
    return f"event: {kind}\n{_data({'type': kind, **data})}"


def pieces(text: str | None) -> list[str]:
    """Cut a text as models send it: word by word."""
    return re.findall(r"\s*\S+\s*$|\s*\S+|\s+", text or "")


def _chunk(model: str) -> dict[str, Any]:
    kind = "chat.completion.chunk"
    return {"id": "chatcmpl-1", "object": kind, "created": 1_700_000_000, "model": model}


def _data(value: object) -> str:
    return f"data: {json.dumps(value)}\n\n"


def _written(arguments: object) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _finish(answer: Streamed) -> str:
    return "tool_calls" if answer.calls and answer.finish_reason == "stop" else answer.finish_reason
