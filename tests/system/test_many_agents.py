"""Many agents in one process: each for itself, and as the database says."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from api.main import create_app
from config.settings import get_settings
from core import agents, users
from core.accounts import chat_links
from core.db.engine import Database
from core.postgres import update
from core.reminders import fire_due, set_reminder
from runtime.clock import utc_now
from tests.support.agents import INTERVAL, LEASE_SECONDS, PATIENCE, Fleet, fleet
from tests.support.api import running
from tests.support.databases import on_sqlite
from tests.support.discord_gateway import DISALLOWED_INTENTS, IDENTIFY_WINDOW
from tests.support.discord_server import TOKEN, DiscordServer, discord_server
from tests.support.people import PASSWORD
from tests.support.process import program

SOON = 5 * INTERVAL


@pytest.fixture
def discord() -> Iterator[DiscordServer]:
    with discord_server() as server:
        yield server


@pytest.fixture
def ships(discord: DiscordServer, database: Database, tmp_path: Path) -> Iterator[Fleet]:
    with fleet(discord, database, tmp_path) as running_fleet:
        yield running_fleet


@on_sqlite
def test_each_agent_is_alone_with_its_trouble(ships: Fleet) -> None:
    sound, without_images = ships.echo("sound"), ships.echo("blind")
    ships.echo("off", enabled=False)
    without_images.fatal_code = DISALLOWED_INTENTS
    agents.add("unknown", "MQ.no.token", {"type": "echo"})
    agents.add("empty", "env:NOBODY_SETS_THIS", {"type": "echo"})
    process = ships.start()
    assert ships.wait_for("sound", lambda s: s.get("state") == "online")["guilds"] == 0
    for name, advice in {
        "unknown": "Reset Token",
        "empty": "the variable NOBODY_SETS_THIS",
        "blind": "Message Content Intent",
    }.items():
        told = ships.wait_for(name, lambda s: s.get("state") == "refused")
        assert advice in told["error"]
    assert ships.status("off")["state"] == "disabled"
    assert ships.ask(sound, "hello") == "sound: hello"
    assert len(sound.identified) == 1
    assert "no.token" not in process.log


@pytest.mark.every_database
def test_what_changes_in_the_database_reaches_the_running_service(ships: Fleet) -> None:
    first, second = ships.echo("first"), ships.echo("second", enabled=False)
    ships.start()
    ships.online(first)

    agents.edit("second", {"enabled": True})
    ships.online(second)
    third = ships.echo("third")
    ships.online(third)
    agents.edit("second", {"enabled": False})
    ships.discord.wait_until(lambda: not second.connected)
    agents.remove("third")
    ships.discord.wait_until(lambda: not third.connected)
    agents.edit("first", {"settings": {"prefix": "1st: "}})
    ships.wait_for("first", lambda s: s.get("revision") == 2)
    assert ships.ask(first, "hello") == "1st: hello"
    agents.edit("first", {"type": "echo", "answers": {"direct_messages": "off"}})
    ships.wait_for("first", lambda s: s.get("revision") == 3)
    ships.discord.say("42", "anyone?", first)
    agents.edit("first", {"answers": {}})
    ships.wait_for("first", lambda s: s.get("revision") == 4)
    assert ships.ask(first, "again") == "1st: again"
    assert len(first.identified) == 1, "it has not connected again for that"

    before = set(first.sessions)
    agents.edit("first", {}, token=ships.discord.reset_token(first))
    ships.discord.wait_until(lambda: first.connected and not before & set(first.sessions), 30)
    assert ships.ask(first, "new token") == "1st: new token"


@on_sqlite
def test_twenty_changes_in_a_second_are_applied_once(ships: Fleet) -> None:
    bot = ships.echo("busy")
    process = ships.start(AGENTS_SYNC_INTERVAL="1", LOG_LEVEL="DEBUG")
    ships.wait_for("busy", lambda s: s.get("state") == "online")
    began = time.monotonic()
    for number in range(20):
        agents.edit("busy", {"settings": {"prefix": f"{number} "}})
    took = time.monotonic() - began
    ships.wait_for("busy", lambda s: s.get("revision") == 21)
    assert ships.ask(bot, "hello") == "19 hello"
    # At the start, and once; or once more for each look at the database that fell in between.
    assert process.log.count("the agent busy has been replaced") in range(2, 4 + int(took))


@on_sqlite
def test_what_is_wrong_in_the_database_leaves_the_agent_as_it_was(ships: Fleet) -> None:
    bot = ships.echo("steady")
    ships.start()
    ships.wait_for("steady", lambda s: s["state"] == "online")
    for revision, (wrong, told) in enumerate(
        [
            ({"settings": {"prefix": 1}}, "prefix: Input should be a valid string"),
            ({"type": "oracle"}, "there is no agent type 'oracle'"),
            ({"type": "echo", "settings": {}, "answers": {"users": "ada"}}, "users: "),
            ({"answers": {}, "token": "sealed by nobody"}, "AGENT_TOKEN_KEYS"),
        ],
        2,
    ):
        update("agents", {**wrong, "revision": revision}, {"name": "steady"})
        status = ships.wait_for("steady", lambda s, told=told: told in (s.get("error") or ""))
        assert (status["state"], status["revision"]) == ("online", 1)
    assert ships.ask(bot, "hello") == "steady: hello"
    assert len(bot.identified) == 1


@on_sqlite
def test_a_malformed_event_ends_one_agent_for_seconds_and_no_other(ships: Fleet) -> None:
    hit, other = ships.echo("hit"), ships.echo("other")
    ships.start()
    ships.online(hit, other)
    ships.discord.malformed(hit)
    ships.discord.wait_until(lambda: len(hit.identified) == 2 and hit.connected)
    assert "it crashed" in ships.wait_for("hit", lambda s: s.get("error"))["error"]
    assert ships.ask(hit, "again") == "hit: again"
    assert ships.ask(other, "still") == "other: still"
    assert hit.identified[1] - hit.identified[0] >= IDENTIFY_WINDOW
    assert (hit.refused, len(other.identified)) == (0, 1)


@on_sqlite
def test_a_lost_connection_comes_back_with_what_was_missed(ships: Fleet) -> None:
    bot = ships.echo("back")
    ships.start()
    ships.wait_for("back", lambda s: s.get("state") == "online")
    ships.discord.drop_connections(4000, bot)
    ships.discord.say("42", "while you were away", bot)
    ships.discord.wait_until(lambda: ("42", "back: while you were away") in ships.discord.sent)
    assert (len(bot.identified), bot.resumed) == (1, 1)


@on_sqlite
def test_reminders_go_out_while_the_gateway_is_away(ships: Fleet) -> None:
    bot = ships.echo("away")
    process = ships.start()
    ships.wait_for("away", lambda s: s.get("state") == "online")
    users.register_user("ada", PASSWORD)
    user_uuid = users.get_user_uuid("ada")
    chat = chat_links.link(user_uuid, "discord", "away", "42")
    ships.discord.gateway_is_down = True
    ships.discord.drop_connections(4000, bot)
    ships.wait_for("away", lambda s: s.get("state") == "reconnecting")
    set_reminder(user_uuid, "tasks:1", "Reminder: stretch", utc_now(), chat["id"])
    fire_due(utc_now())
    ships.discord.wait_until(lambda: ("42", "Reminder: stretch") in ships.discord.sent, PATIENCE)
    assert ships.status("away")["state"] == "reconnecting"
    ships.discord.gateway_is_down = False
    ships.discord.wait_until(lambda: bot.resumed == 1, PATIENCE)
    assert process.log.count("has lost Discord") == 1


@on_sqlite
def test_reminders_go_out_where_the_gateway_was_away_from_the_start(ships: Fleet) -> None:
    bot = ships.echo("early")
    ships.discord.gateway_is_down = True
    process = ships.start()
    ships.wait_for("early", lambda s: s.get("state") == "waiting")
    users.register_user("ada", PASSWORD)
    user_uuid = users.get_user_uuid("ada")
    chat = chat_links.link(user_uuid, "discord", "early", "42")
    set_reminder(user_uuid, "tasks:1", "Reminder: stretch", utc_now(), chat["id"])
    fire_due(utc_now())
    ships.discord.wait_until(lambda: ("42", "Reminder: stretch") in ships.discord.sent, PATIENCE)
    assert not bot.identified
    ships.discord.gateway_is_down = False
    ships.wait_for("early", lambda s: s.get("state") == "online")
    assert ships.ask(bot, "hello") == "early: hello"
    assert process.log.count("can't connect") == 1


@on_sqlite
def test_who_has_connected_too_often_waits_until_discord_allows_it(ships: Fleet) -> None:
    bot = ships.echo("worn-out", ships.discord.add_bot(starts_left=0, reset_after=7200))
    process = ships.start()
    told = ships.wait_for("worn-out", lambda s: s.get("state") == "refused")
    assert "connected too often" in told["error"]
    assert "in 120 minutes" in told["error"]
    process.wait_for_line("starts again in")
    seconds = int(process.log.rpartition(" s\n")[0].rpartition(" ")[2])
    assert seconds >= 7200
    assert (len(bot.identified), bot.refused) == (0, 0)


@on_sqlite
def test_a_large_bot_has_several_connections(ships: Fleet) -> None:
    bot = ships.discord.add_bot(shards=2, max_concurrency=2)
    guilds = [ships.discord.add_guild(bot) for _ in range(2)]
    ships.echo("large", bot)
    ships.start()
    assert ships.wait_for("large", lambda s: s.get("guilds") == 2)["state"] == "online"
    assert len(bot.connected) == 2
    for guild in guilds:
        number = ships.discord.say_in(guild, "42", f"<@{bot.id}> hello", bot)
        ships.discord.wait_until(
            lambda number=number: number in [post.reply_to for post in ships.discord.posts]
        )
    assert [post.text for post in ships.discord.posts] == ["large: hello"] * 2
    assert bot.refused == 0


@on_sqlite
def test_in_a_server_the_answer_is_a_reply_to_who_called_it(ships: Fleet) -> None:
    called, other = ships.discord.add_bot(), ships.discord.add_bot()
    guild = ships.discord.add_guild(called, other)
    ships.echo("called", called)
    ships.echo("other", other)
    ships.start()
    ships.online(called, other)
    ships.discord.say_in(guild, "42", "nobody in particular")
    number = ships.discord.say_in(guild, "42", f"hey <@{called.id}> you", called)
    ships.discord.wait_until(lambda: ships.discord.posts)
    (post,) = ships.discord.posts
    assert (post.bot, post.text, post.reply_to) == (called, "called: hey you", number)
    assert post.body["allowed_mentions"]["users"] == [42]
    assert "everyone" not in post.body["allowed_mentions"].get("parse", [])


@on_sqlite
def test_while_the_api_is_away_it_answers_for_as_long_as_the_agents_are_its_own(
    discord: DiscordServer, database: Database, tmp_path: Path
) -> None:
    settings = get_settings().model_copy(update={"agent_lease_seconds": LEASE_SECONDS})
    app = create_app(settings, database)
    with fleet(discord, database, tmp_path) as ships:
        with running(app) as url:
            bot = ships.echo("patient")
            guild = discord.add_guild(bot)
            ships.start(API_URL=url)
            ships.wait_for("patient", lambda s: s.get("state") == "online")
        # In private nobody can say now whether it may be a password that was asked for before.
        assert "can't reach the service" in ships.ask(bot, "are you there?")
        discord.say_in(guild, "42", f"<@{bot.id}> are you there?", bot)
        discord.wait_until(lambda: len(discord.posts) == 2)
        assert discord.posts[1].text == "patient: are you there?"
        time.sleep(LEASE_SECONDS)
        discord.say("42", "and now?", bot)
        time.sleep(SOON)
        assert len(discord.posts) == 2
        assert len(bot.connected) == 1
        with running(app, port=int(url.rpartition(":")[2])):
            time.sleep(SOON)
            assert ships.ask(bot, "back?") == "patient: back?"
        assert len(bot.identified) == 1


@pytest.mark.every_database
def test_agents_of_a_process_that_is_killed_run_elsewhere_within_the_lease(ships: Fleet) -> None:
    bots = [ships.echo(f"agent-{n}", ships.discord.add_bot(max_concurrency=16)) for n in range(6)]
    processes = [ships.start(), ships.start()]
    ships.online(*bots)
    ships.discord.wait_until(
        lambda: sorted(held().values()) == [3, 3] and states() == {"online"}, PATIENCE
    )
    for bot in bots:
        assert "hello" in ships.ask(bot, "hello")

    processes[0].kill()
    killed = time.monotonic()
    ships.discord.wait_until(lambda: list(held().values()) == [6])
    assert time.monotonic() - killed < LEASE_SECONDS + 10  # for a busy machine
    ships.online(*bots)
    for bot in bots:
        assert "again" in ships.ask(bot, "again")
    assert len(ships.discord.posts) == 12

    processes[1].terminate()
    assert processes[1].exit_code() == 0
    assert held() == {}, "it has handed them back"
    assert [bot.most_at_once for bot in bots] == [1] * 6


@on_sqlite
def test_a_process_runs_no_more_agents_than_it_may(ships: Fleet) -> None:
    bots = [ships.echo(name) for name in ("a", "b", "c")]
    ships.start(MAX_AGENTS="2")
    ships.discord.wait_until(lambda: sum(len(bot.connected) for bot in bots) == 2)
    time.sleep(SOON)
    assert states() == {"online", "unassigned"}
    ships.start(MAX_AGENTS="2")
    ships.online(*bots)


@on_sqlite
def test_make_run_runs_the_agents_of_the_database(
    ships: Fleet, database_url: URL, tmp_path: Path
) -> None:
    bot = ships.echo("at-home")
    settings = {
        "DATABASE_URL": database_url.render_as_string(hide_password=False),
        "API_PORT": "0",
        "DISCORD_API_URL": ships.discord.url,
    }
    with program(["manage.py", "up"], tmp_path / "log", **settings) as run:
        run.wait_for_line("conversation on Discord")
        ships.online(bot)
        assert ships.ask(bot, "hello") == "at-home: hello"
        run.terminate(signal.SIGINT)
        assert run.exit_code() == 0


@on_sqlite
def test_the_environments_agent_gives_way_to_those_of_the_database(ships: Fleet) -> None:
    ships.start(DISCORD_BOT_TOKEN=TOKEN)
    ships.online(ships.discord.bot)
    other = ships.echo("first")
    ships.online(other)
    ships.discord.wait_until(lambda: not ships.discord.bot.connected)
    agents.remove("first")
    ships.discord.wait_until(lambda: ships.discord.bot.connected)
    assert not other.connected


def states() -> set[str]:
    """What the agents are doing."""
    return {row["status"]["state"] for row in agents.list_all()}


def held() -> Counter[str]:
    """How many agents each process holds."""
    holders = (row["status"]["process"] for row in agents.list_all())
    return Counter(holder for holder in holders if holder)
