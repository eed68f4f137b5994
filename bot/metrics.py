"""What the bot's process counts for Prometheus, by agent."""

from prometheus_client import Counter, Histogram

from ai.llm.types import Usage
from bot.activity import ACTIVITY

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
LATE_SECONDS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 60, 600, 3600)

MESSAGES = Counter("bot_messages", "Messages that were answered.", ("agent", "outcome"))
ANSWER_SECONDS = Histogram(
    "bot_answer_seconds", "How long an answer took.", ("agent",), buckets=SECONDS
)
TOKENS = Counter("model_tokens", "Tokens that models used.", ("agent", "model", "kind"))
COST = Counter("model_cost_dollars", "What models cost, in US dollars.", ("agent", "model"))
DELIVERIES = Counter("bot_deliveries", "Messages due in a chat, tried.", ("agent", "outcome"))
LATENESS = Histogram(
    "bot_delivery_lateness_seconds",
    "How long after its time a message due in a chat was sent.",
    ("agent",),
    buckets=LATE_SECONDS,
)


def answered(agent: str, seconds: float, *, failed: bool) -> None:
    """Count a message that an agent has answered."""
    ACTIVITY.answered(agent)
    MESSAGES.labels(agent, "failed" if failed else "ok").inc()
    ANSWER_SECONDS.labels(agent).observe(seconds)


def spent(agent: str, model: str, usage: Usage, cost: float) -> None:
    """Count what a request to a model used; the cost is in US dollars."""
    ACTIVITY.spent(model, usage, cost)
    TOKENS.labels(agent, model, "prompt").inc(usage.prompt)
    TOKENS.labels(agent, model, "completion").inc(usage.completion)
    COST.labels(agent, model).inc(cost)
