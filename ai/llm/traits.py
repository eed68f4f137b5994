"""What a process learns of a model on a server: what it takes, and what it drops without a word."""

import logging
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from ai.llm.types import Usage

logger = logging.getLogger(__name__)

MAX_TOKEN_MULTIPLIER = 16  # times max_tokens, for models that think before they answer
REFUSALS = 3  # of a schema by 500, which may be about anything, before it is left out
REMEMBERED = 3600.0
"""Seconds for which something that was refused is left out: servers and models are replaced."""
FEWEST_PER_WORD = 0.9
"""No tokenizer joins words over the blank between them but now and then: English has 1.3 a word."""
LEAST_WINDOW = 1024
"""Tokens. Servers that leave out what they had in a cache count fewer: that is no cut."""
TOO_SMALL = (
    "the model's server reads only {} tokens of what it is sent, and drops the rest: give it a "
    "larger context window (Ollama: OLLAMA_CONTEXT_LENGTH), or set a lower history_tokens"
)


@dataclass
class Traits:
    """What was learnt about a model on a server, by both ways to ask one."""

    takes: set[str] = field(default_factory=set)  # kinds of schemas that it took last
    refusals: Counter[str] = field(default_factory=Counter)  # of schemas, since one was taken
    takes_max_tokens: bool = True  # reasoning models want max_completion_tokens
    needs_no_effort: bool = False  # it takes tools only where it is told not to reason
    needs_short_ids: bool = False  # of calls: nine letters and digits
    token_multiplier: int = 1  # how many times max_tokens it needs: some spend them all on thinking
    refused: dict[str, float] = field(default_factory=dict)  # and until when it is left out
    cut_to: int = 0  # tokens that were left of a longer prompt; 0: none was cut

    def leaves_out(self, name: str) -> bool:
        """Say whether the server refused a parameter within the last hour."""
        return self.refused.get(name, 0.0) > time.monotonic()

    def leave_out(self, name: str) -> None:
        """Send a parameter no more for an hour."""
        self.refused[name] = time.monotonic() + REMEMBERED

    def note_taken(self, kind: str) -> None:
        """Note that the server took a schema of a kind."""
        self.takes.add(kind)
        self.refusals[kind] = 0

    def note_refused(self, kind: str, status: int) -> None:
        """Note that it refused one, and with which status."""
        self.takes.discard(kind)
        self.refusals[kind] += 1
        if status < 500 or self.refusals[kind] >= REFUSALS:
            self.leave_out(kind)

    def note_prompt(self, texts: Iterable[str], usage: Usage) -> None:
        """Note whether a server read all of a prompt, by how many tokens it counted."""
        counted = usage.prompt + (usage.cached if usage.cached > usage.prompt else 0)
        fewest = FEWEST_PER_WORD * sum(len(text.split()) for text in texts)
        if LEAST_WINDOW <= counted < fewest:
            if not self.cut_to:
                logger.warning("a prompt of at least %d tokens was cut to %d", fewest, counted)
            self.cut_to = counted
        elif counted > self.cut_to:
            self.cut_to = 0

    @property
    def window_warning(self) -> str:
        """What to tell whoever runs the bot of a context window that is too small."""
        return TOO_SMALL.format(self.cut_to) if self.cut_to else ""


@lru_cache(maxsize=256)
def traits(base_url: str, model: str) -> Traits:
    """Return what this process remembers of a model."""
    return Traits()
