"""A small catalogue of commands to understand."""

from ai.commands import Catalogue, CommandSpec, FieldSpec

NAME = FieldSpec("name", description="the task", example="buy milk")
LIST = FieldSpec("list", required=False, description="the list")
DUE = FieldSpec("due", "when", required=False)

COMMANDS = (
    CommandSpec(
        "task",
        "add",
        "Add a task.",
        (NAME, LIST, DUE),
        (
            "add {name} to my tasks",
            "add {name} to (my|the) {list} list",
            "remind me to {name} {due}",
            "remind me {due} to {name}",
            "{name} {due}, remind me",
        ),
    ),
    CommandSpec(
        "task",
        "show",
        "Show tasks.",
        (LIST,),
        ("(list|show) my [open] tasks", "what is on my {list} list"),
    ),
    CommandSpec("task", "complete", "Tick off.", (NAME,), ("complete {name}", "{name} is done")),
    CommandSpec(
        "task",
        "rename",
        "Rename a task.",
        (NAME, FieldSpec("new_name")),
        ("rename {name} to {new_name}",),
    ),
    CommandSpec("task", "move", "Move a task.", (NAME, LIST), ("move {name} to my {list} list",)),
    CommandSpec(
        "light",
        "dim",
        "Dim the light.",
        (FieldSpec("percent", "integer"),),
        ("dim the light to {percent} percent", "(brightness|light) {percent}"),
    ),
    CommandSpec(
        "light",
        "colour",
        "Colour the light.",
        (
            FieldSpec("colour", "choice", choices=("red", "warm white")),
            FieldSpec("hours", "number", required=False),
            FieldSpec("blink", "boolean", required=False),
        ),
        ("make the light {colour} [for {hours} hours]", "blinking {blink} {colour}"),
    ),
    CommandSpec(
        "account",
        "password",
        "Change the password.",
        (FieldSpec("new", "secret"),),
        ("change my password",),
    ),
    CommandSpec("diary", "write", "Write a diary.", (FieldSpec("text"),), ()),
)


def small_catalogue() -> Catalogue:
    catalogue = Catalogue()
    catalogue.add(*COMMANDS)
    return catalogue
