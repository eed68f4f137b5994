"""What a message on Discord says, and what an agent's rules go by."""

import re

import discord

from ai.llm.transcription import EXTENSIONS
from bot.discord.files import PASTE
from bot.messages import MAX_QUOTED, Address, Incoming, Recording
from bot.rules import Call, Facts

PLATFORM = "discord"
VOICE = "audio/ogg"  # Discord's documentation, "Voice Messages"


def facts_of(message: discord.Message, me: discord.ClientUser) -> Facts:
    """Return what the rules go by, for a message."""
    calls: set[Call] = set()
    # A reply may mention whom it replies to without naming them; the text names them always.
    if me in message.mentions and me.id in message.raw_mentions:
        calls.add("name")
    if message.guild is not None and message.guild.self_role in message.role_mentions:
        calls.add("name")  # the role that Discord makes for a bot, which is called like it
    if _replies_to(message, me):
        calls.add("reply")
    if message.mention_everyone:
        calls.add("everyone")
    return Facts(
        author_id=message.author.id,
        by_machine=message.author.bot or message.webhook_id is not None or message.is_system(),
        guild_id=guild_of(message),
        channel_id=message.channel.id,
        parent_id=_parent_of(message.channel),
        is_followed=_is_followed(message.channel, me),
        role_ids=_roles_of(message.author),
        calls=frozenset(calls),
    )


def facts_of_use(interaction: discord.Interaction) -> Facts:
    """Return what the rules go by, for a slash command, a press or a form."""
    return Facts(
        author_id=interaction.user.id,
        by_machine=interaction.user.bot,
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id or 0,
        parent_id=_parent_of(interaction.channel),
        role_ids=_roles_of(interaction.user),
        calls=frozenset({"command"}),
    )


def incoming_of(
    message: discord.Message,
    me: discord.ClientUser,
    agent: str,
    *,
    edited: bool = False,
    attached: str = "",
) -> Incoming:
    """Return a message as the agent receives it; `attached` is what its text files say."""
    text, quoted = _without_name(text_of(message, me), message, me), quoted_of(message, me)
    if attached and not text and [one.filename for one in message.attachments] == [PASTE]:
        text, attached = attached, ""
    return Incoming(
        Address(PLATFORM, agent, str(message.author.id)),
        str(message.channel.id),
        text,
        str(message.id),
        edited=edited,
        author_name=message.author.display_name,
        username=message.author.name,
        channel_name=getattr(message.channel, "name", None) or "",
        private=guild_of(message) is None,
        images=images_of(message),
        recording=recording_of(message, me),
        quoted="\n\n".join(part for part in (quoted, attached) if part)[:MAX_QUOTED],
    )


def guild_of(message: discord.Message) -> int | None:
    """Return the server that a message was written in; None for a direct message.

    One that Discord has not told the client about yet, or no longer, is a server all the same.
    """
    if message.guild is not None:
        return message.guild.id
    return getattr(message.channel, "guild_id", None)


def text_of(message: discord.Message, me: discord.ClientUser) -> str:
    """Return the words of a message: without the agent's own name, and others' names readable."""
    text = message.content
    own = message.guild.self_role if message.guild else None
    for mark in (f"<@{me.id}>", f"<@!{me.id}>", own.mention if own else ""):
        text = text.replace(f"{mark} ", "").replace(mark, "") if mark else text
    for user in message.mentions:
        for mark in (f"<@{user.id}>", f"<@!{user.id}>"):
            text = text.replace(mark, f"@{user.display_name}")
    for role in message.role_mentions:
        text = text.replace(role.mention, f"@{role.name}")
    return text.strip()


def _without_name(text: str, message: discord.Message, me: discord.ClientUser) -> str:
    """Return a text without the agent's name as a word of address: "Robbie, add milk".

    A name alone, without a comma or a greeting, may be the first word of an order.
    """
    member = message.guild.me if message.guild else None
    names = {re.escape(name) for name in (me.name, me.display_name, member and member.nick) if name}
    name = f"(?:{'|'.join(names)})"
    greeting = r"(?:hey|hi|hello|ok|okay)\s*,?\s+"
    said = rf"(?:{greeting}{name}\s*[,:!]?\s|{name}\s*[,:!]\s)\s*(?=\S)"
    return re.sub(rf"\A{said}", "", text, count=1, flags=re.IGNORECASE)


def quoted_of(message: discord.Message, me: discord.ClientUser) -> str:
    """Return the text of what a message forwards, or of another's message that it replies to."""
    if forwarded := _forwarded(message):
        return forwarded
    before = _replied_to(message)
    if before is None or before.author.id == me.id:
        return ""
    return before.content.strip() or _forwarded(before)


def images_of(message: discord.Message) -> tuple[str, ...]:
    """Return the addresses of the pictures that came with a message, or that it forwards."""
    forwarded = [one for snapshot in message.message_snapshots for one in snapshot.attachments]
    return tuple(
        attachment.url
        for attachment in [*message.attachments, *forwarded]
        if (attachment.content_type or "").startswith("image/")
    )


def recording_of(message: discord.Message, me: discord.ClientUser) -> Recording | None:
    """Return the voice message that a message is, forwards or replies to.

    Any other recording that is attached counts as one, the first of several.
    """
    others: list[discord.Message | discord.MessageSnapshot] = [*message.message_snapshots]
    before = _replied_to(message)
    if before is not None and before.author.id != me.id:
        others += [before, *before.message_snapshots]
    found = [_recording(message), *(_recording(one, is_quoted=True) for one in others)]
    return next((one for one in found if one is not None), None)


def _recording(
    message: discord.Message | discord.MessageSnapshot, *, is_quoted: bool = False
) -> Recording | None:
    for one in message.attachments:
        media_type = (one.content_type or "").partition(";")[0].strip().lower()
        if message.flags.voice and media_type not in EXTENSIONS:
            media_type = VOICE
        if media_type in EXTENSIONS:
            return Recording(one.url, media_type, one.size, one.duration, is_quoted)
    return None


def _replies_to(message: discord.Message, me: discord.ClientUser) -> bool:
    """Say whether a message replies to one of the agent's own."""
    before = _replied_to(message)
    return before is not None and before.author.id == me.id


def _replied_to(message: discord.Message) -> discord.Message | None:
    if message.type is not discord.MessageType.reply or message.reference is None:
        return None
    before = message.reference.resolved or message.reference.cached_message
    return before if isinstance(before, discord.Message) else None


def _forwarded(message: discord.Message) -> str:
    texts = (snapshot.content.strip() for snapshot in message.message_snapshots)
    return "\n\n".join(text for text in texts if text)


def _parent_of(channel: object) -> int | None:
    return channel.parent_id if isinstance(channel, discord.Thread) else None


def _is_followed(channel: object, me: discord.ClientUser) -> bool:
    """Say whether a channel is a thread of the agent's own, which Discord knows, or a post."""
    if not isinstance(channel, discord.Thread):
        return False
    return channel.owner_id == me.id or isinstance(channel.parent, discord.ForumChannel)


def _roles_of(person: discord.User | discord.Member) -> frozenset[int]:
    has = person.roles if isinstance(person, discord.Member) else []
    return frozenset(role.id for role in has)
