"""The one command line: `python manage.py --help`.

This is the composition root: the command that is chosen is imported, and imports what it needs.
"""

from cli.lazy import ChangesFiles, group, load
from core.errors import Unavailable
from runtime.run import run

app = group(
    None,
    {
        "up": "cli.up:up",
        "chat": "cli.up:chat",
        "doctor": "cli.doctor:doctor",
        "backup": "cli.data.backup:backup",
        "restore": "cli.data.backup:restore",
        "new-domain": ChangesFiles("cli.scaffold.new_domain:new_domain"),
        "drop-domain": ChangesFiles("cli.scaffold.drop_domain:drop_domain"),
        "rename": ChangesFiles("cli.scaffold.rename:rename"),
        "understand": "cli.understand:understand",
        "secrets": "cli.secrets:secrets",
        "generate": ChangesFiles("cli.generate:generate"),
        "agents": group(
            "The agents: bots of one service, each its own.",
            {
                "apply": "cli.agents.files:apply",
                "export": "cli.agents.files:export",
                "logs": "cli.agents.logs:logs",
                "test": "cli.agents.trial:test",
                "list": "cli.agents.list:list_",
                "show": "cli.agents.list:show",
                "add": "cli.agents.commands:add",
                "edit": "cli.agents.commands:edit",
                "enable": "cli.agents.commands:enable",
                "disable": "cli.agents.commands:disable",
                "remove": "cli.agents.commands:remove",
                "rotate-keys": "cli.agents.commands:rotate_keys",
                "knowledge": group(
                    "What an llm agent looks things up in.",
                    {
                        "add": "cli.agents.knowledge:add",
                        "list": "cli.agents.knowledge:list_",
                        "remove": "cli.agents.knowledge:remove",
                    },
                ),
            },
        ),
        "db": group(
            "The database and its migrations.",
            {
                "upgrade": "cli.data.database:upgrade",
                "current": "cli.data.database:current",
                "check": "cli.data.database:check",
                "revision": ChangesFiles("cli.data.database:revision"),
                "merge": ChangesFiles("cli.data.database:merge"),
            },
        ),
        "deliveries": group(
            "Messages on their way, and those that are not.",
            {
                "list": "cli.deliveries:list_",
                "show": "cli.deliveries:show",
                "retry": "cli.deliveries:retry",
            },
        ),
        "users": group(
            "Users and their roles.",
            {
                "promote": "cli.users:promote",
                "demote": "cli.users:demote",
                "list": "cli.users:list_",
            },
        ),
    },
)


def main() -> None:
    """Run a command. Raises CannotStart where the database can't be used."""
    try:
        app()
    except Unavailable as error:
        raise load("cli.preparation:unusable")(error) from error


if __name__ == "__main__":
    run(main)
