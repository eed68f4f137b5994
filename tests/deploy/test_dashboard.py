"""The dashboard and the alerts ask for metrics that the program has."""

import json
import re
from collections.abc import Iterator
from importlib import import_module

import yaml
from prometheus_client import REGISTRY, CollectorRegistry

from api.metrics import Metrics
from config.settings import ROOT

COUNTED_IN = (
    "ai.metrics",
    "bot.metrics",
    "runtime.metrics",
    "scheduler.metrics",
    "scheduler.runner",
)
FOLDER = ROOT / "deploy"
NAME = re.compile(r"\b((?:api|bot|model|parse|process|scheduler)_[a-z_]+)\b")
LABELS = re.compile(r"by \(([^)]*)\)")


def expressions() -> Iterator[str]:
    dashboard = json.loads((FOLDER / "grafana" / "dashboards" / "bot.json").read_text("utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
    rules = yaml.safe_load((FOLDER / "prometheus" / "rules.yml").read_text("utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield rule["expr"]


def counted() -> dict[str, set[str]]:
    """The names that Prometheus reads, with their labels."""
    for module in COUNTED_IN:
        import_module(module)
    found: dict[str, set[str]] = {}
    registries: list[CollectorRegistry] = [REGISTRY, Metrics()._registry]
    for registry in registries:
        for collector in registry._collector_to_names:
            labels = set(getattr(collector, "_labelnames", ()))
            for name in registry._collector_to_names[collector]:
                found[name] = labels | {"le", "instance", "service", "job"}
    return found


def test_every_metric_that_is_asked_for_is_there() -> None:
    known = counted()
    asked = {name for expression in expressions() for name in NAME.findall(expression)}

    assert len(asked) >= 12
    assert asked - known.keys() == set()


def test_every_label_that_is_asked_for_is_there() -> None:
    known = counted()
    for expression in expressions():
        for labels in LABELS.findall(expression):
            named = {label.strip() for label in labels.split(",")}
            metrics = [name for name in NAME.findall(expression) if name in known]
            assert all(named <= known[name] for name in metrics), expression


def test_what_the_bot_counts_can_be_seen() -> None:
    shown = " ".join(expressions())
    ours = ("bot_messages", "bot_answer_seconds", "parse_seconds", "model_tokens",
            "model_cost_dollars", "bot_deliveries", "scheduler_deliveries", "lateness")  # fmt: skip

    assert [name for name in ours if name not in shown] == []
