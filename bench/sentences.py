"""How long the local match takes, as the number of registered commands grows.

Measurements of the processor's time, in milliseconds a text: the real utterances of tests/domains/
against the real commands and as many more of the same shape.
"""

import sys
from statistics import quantiles
from time import process_time

from ai.commands import Catalogue, CommandSpec, FieldSpec, catalogue
from ai.sentences.matcher import Matcher
from bot.framework.registry import load_commands
from tests.evaluate import utterances

SIZES = (10, 100, 1000)
ROUNDS = 5
FIELDS = (FieldSpec("name"), FieldSpec("due", "when", required=False))


def commands(count: int) -> Catalogue:
    """Return a catalogue of so many commands, the real ones first."""
    load_commands()
    grown = Catalogue()
    for spec in [*catalogue][:count]:
        grown.add(spec)
    for number in range(len(grown), count):
        thing = f"gadget{number}"
        sentences = (
            f"(add|create) [a] [new] {thing} {{name}}",
            f"remind me of my {thing} {{name}} {{due}}",
            f"(show|list) [me] my {thing}s",
        )
        grown.add(CommandSpec(thing, "add", "Add.", FIELDS, sentences))
    return grown


def main() -> None:
    """Print the table."""
    texts = [utterance.text for utterance in utterances()]
    lines = [f"{'commands':>10}{'build ms':>10}{'p50 ms':>10}{'p99 ms':>10}{'nearest p99':>13}"]
    for size in SIZES:
        started = process_time()
        matcher = Matcher(commands(size))
        build = process_time() - started
        columns = [build * 1000]
        for function, cuts in ((matcher.match, (49, 98)), (matcher.nearest, (98,))):
            took = []
            for text in texts * ROUNDS:
                started = process_time()
                function(text)
                took.append(process_time() - started)
            spread = quantiles(took, n=100, method="inclusive")
            columns += [spread[cut] * 1000 for cut in cuts]
        lines.append(
            f"{size:10}{columns[0]:10.0f}{columns[1]:10.2f}{columns[2]:10.2f}{columns[3]:13.2f}"
        )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
