"""Buttons and forms, as Discord shows them.

What a press means stands in its custom id, so nothing is kept for it: it is understood, or known to
come too late, after a restart too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import discord

from bot.messages import Button, Listing

ID_LENGTH = 100  # Discord's documentation, "Message Components": custom_id
LABEL_LENGTH = 80  # and the label of a button
MAX_BUTTONS = 25
MAX_COMPONENTS = 40  # of a message in components alone, and
MAX_TEXT = 4000  # characters in all of them: "Component Reference"
ANSWER_LENGTH = 1000
NAME_LENGTH = 255
PASSWORD_LENGTH = 72

Kind = Literal["say", "answer", "form", "page", "after"]
STYLES = {
    "plain": discord.ButtonStyle.secondary,
    "go": discord.ButtonStyle.success,
    "danger": discord.ButtonStyle.danger,
}
TITLES = {"log in": "Log in", "register": "Make an account"}


@dataclass(frozen=True)
class Press:
    """What a button or a form stands for, and whose it is.

    `name` is the question that is answered (`say`, `answer`), the form, the list that is turned
    over (`page`) or the number of the button (`after` a reminder); `text` is what is said, the
    number of the page, or what the reminder was about.
    """

    kind: Kind
    asker: str
    name: str
    text: str = ""

    @property
    def custom_id(self) -> str:
        """The press as Discord keeps it."""
        return f"{self.kind}:{self.asker}:{self.name}:{self.text}"

    @classmethod
    def read(cls, custom_id: str) -> Self | None:
        """Return what a custom id says; None where it is none of ours."""
        kind, _, rest = custom_id.partition(":")
        parts = rest.split(":", 2)
        known = next((name for name in get_args(Kind) if name == kind), None)
        return cls(known, *parts) if known and len(parts) == 3 else None

    def button(
        self, label: str, style: discord.ButtonStyle = STYLES["plain"], *, disabled: bool = False
    ) -> "discord.ui.Button[Any]":
        """Return the button that stands for it."""
        return discord.ui.Button(
            label=label[:LABEL_LENGTH], style=style, custom_id=self.custom_id, disabled=disabled
        )


def short_cuts(
    buttons: Iterable[Button], asker: str, question: str
) -> "list[discord.ui.Button[Any]]":
    """Return the buttons under a reply, without those whose words don't fit."""
    shown = (_short_cut(button, asker, question) for button in buttons)
    return [button for button in shown if button]


def _short_cut(button: Button, asker: str, question: str) -> "discord.ui.Button[Any] | None":
    if button.form:
        press = Press("form", asker, button.form)
    elif button.subject:
        press = Press("after", asker, "0", button.subject)
    else:
        press = Press("say", asker, question, button.says)
    fits = len(press.custom_id) <= ID_LENGTH
    return press.button(button.label, STYLES[button.style]) if fits else None


def offers(labels: Iterable[str], asker: str, subject: str) -> "list[discord.ui.Button[Any]]":
    """Return the buttons under a reminder, without those that its subject is too long for."""
    pairs = [(label, Press("after", asker, str(n), subject)) for n, label in enumerate(labels)]
    return [press.button(label) for label, press in pairs if len(press.custom_id) <= ID_LENGTH]


def turning(asker: str, key: str, page: int, pages: int) -> "list[discord.ui.Button[Any]]":
    """Return the buttons that turn a list over."""
    steps = (("Previous", page - 1), ("Next", page + 1))
    return [
        Press("page", asker, key, str(to)).button(label, disabled=not 0 <= to < pages)
        for label, to in steps
    ]


def rows(buttons: "Sequence[discord.ui.Button[Any]]") -> discord.ui.View | None:
    """Return what a message is sent with; None where there are no buttons."""
    if not buttons:
        return None
    view = discord.ui.View(timeout=None)
    for button in buttons[:MAX_BUTTONS]:
        view.add_item(button)
    view.stop()  # discord.py need not remember it: the custom ids say everything
    return view


def layout(listing: Listing, asker: str) -> discord.ui.LayoutView | None:
    """Return a listing with its buttons beside their lines; None where it is too long for that."""
    blocks: list[discord.ui.Item[Any]] = []
    text: list[str] = []

    def flush() -> None:
        if said := "\n".join(text).strip("\n"):
            blocks.append(discord.ui.TextDisplay(said))
        text.clear()

    waiting = list(listing.beside)
    for line in listing.splitlines():
        button = None
        if waiting and waiting[0][0] == line:
            button = _short_cut(waiting.pop(0)[1], asker, "")
        if button is None:
            text.append(line)
            continue
        flush()
        blocks.append(discord.ui.Section(line, accessory=button))
    flush()
    count = 1 + sum(3 if isinstance(one, discord.ui.Section) else 1 for one in blocks)
    if waiting or not listing.beside or count > MAX_COMPONENTS or len(listing) > MAX_TEXT:
        return None
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(discord.ui.Container(*blocks))
    view.stop()
    return view


def used(message: discord.Message | None, custom_id: str) -> discord.ui.LayoutView | None:
    """Return what a message shows once a button of it was pressed.

    One with its buttons below the text loses them all (None), a listing keeps the others.
    """
    if message is None or not message.flags.components_v2:
        return None
    view = discord.ui.LayoutView.from_message(message, timeout=None)
    for item in view.walk_children():
        if isinstance(item, discord.ui.Button) and item.custom_id == custom_id:
            item.disabled = True
    view.stop()
    return view


def form(press: Press) -> discord.ui.Modal:
    """Return the form that a press opens."""
    modal = discord.ui.Modal(title=TITLES.get(press.name, "Your answer"), custom_id=press.custom_id)
    if press.kind == "form":
        modal.add_item(_line("username", "User name", NAME_LENGTH))
        modal.add_item(_line("password", "Password", PASSWORD_LENGTH))
    else:
        modal.add_item(_line("answer", "Only I can see this", ANSWER_LENGTH))
    modal.stop()
    return modal


def _line(name: str, label: str, longest: int) -> "discord.ui.Label[Any]":
    """Return one line to fill in."""
    line: discord.ui.TextInput[Any] = discord.ui.TextInput(custom_id=name, max_length=longest)
    return discord.ui.Label(text=label, component=line)


def filled_in(interaction: discord.Interaction) -> dict[str, str]:
    """Return what was filled in, by the names of the lines."""
    data: Any = interaction.data
    lines = [label["component"] for label in data["components"]]
    return {line["custom_id"]: line["value"] for line in lines}
