"""The console as people see it: signed in, talked to, narrow and in the dark, and attacked."""

import asyncio
import os
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.async_api import Page, Route

from bot.messages import Button, Incoming, ReplyChannel
from core import agents, postgres, usage
from core.agents import activity, knowledge, memory
from core.agents.tables import ChatAddress
from core.reminders import fire_due
from core.users import set_role
from tests.support.browser import NARROW, needs_chromium, problems, sign_in
from tests.support.chat import World
from tests.support.people import PASSWORD
from tests.support.web import answering

pytestmark = [needs_chromium, pytest.mark.slow]

NO_PATH = "main.innerHTML = main.innerHTML.replace(/sqlite:\\S*app.db/, 'sqlite:///var/app.db')"
FOCUSED = "document.activeElement.textContent.trim()"
EVIL = "<img src=x onerror=document.title='attacked'><script>document.title='attacked'</script>"
SHORT_EVIL = "<img src=x onerror=document.title='attacked'>"


async def say(page: Page, words: str) -> None:
    await page.get_by_label("Your message").fill(words)
    await page.keyboard.press("Enter")


async def open_pages(page: Page) -> list[str]:
    """Return the addresses of all pages in the navigation."""
    links = page.get_by_role("navigation", name="Pages").get_by_role("link")
    return [str(await link.get_attribute("href")) for link in await links.all()]


async def test_a_reminder_that_is_set_in_the_chat_arrives_there(page: Page, world: World) -> None:
    async with answering(world):
        await sign_in(page, world)
        await page.goto("/chat")
        await say(page, "remind me of the errand call mum in 10 minutes")
        await page.get_by_text("Added call mum").wait_for()
        world.clock.forward(minutes=10)
        await asyncio.to_thread(fire_due, world.clock())
        delivery = page.locator(".bubble.delivery")
        await delivery.get_by_text("call mum").wait_for()
        await delivery.get_by_role("button", name="Done").click()
        await page.get_by_text("Done: call mum").wait_for()
        assert [row["done"] for row in postgres.select("errands")] == [True]


async def test_a_new_account_has_the_time_zone_of_its_browser(page: Page, world: World) -> None:
    assert page.context.browser is not None
    there = await page.context.browser.new_context(
        base_url=world.settings.api_url, timezone_id="Asia/Tokyo"
    )
    tab = await there.new_page()
    await tab.goto("/register")
    await tab.get_by_label("User name").fill("ada")
    await tab.get_by_label("Password").fill(PASSWORD)
    await tab.get_by_role("button", name="Make an account").click()
    await tab.get_by_role("button", name="Sign out").wait_for()
    assert [row["time_zone"] for row in postgres.select("users")] == ["Asia/Tokyo"]


async def test_a_row_is_added_changed_and_brought_back(page: Page, world: World) -> None:
    await sign_in(page, world)
    await page.goto("/data/errands")
    await page.get_by_label("Name").first.fill(EVIL)
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.get_by_role("status").get_by_text("Added").wait_for()
    await page.get_by_role("link", name="Edit").click()
    await page.get_by_label("Name").fill("buy milk")
    await page.get_by_role("button", name="Save").click()
    await page.get_by_text("Changed “buy milk”").wait_for()
    await page.get_by_role("button", name="Undo").click()
    await page.get_by_text("Undone").first.wait_for()
    assert [row["name"] for row in postgres.select("errands")] == [EVIL]
    assert "attacked" not in await page.title()


async def test_settings_are_tried_beside_the_form(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_HELPER_TOKEN", "not-a-real-one-" + "t" * 40)
    async with answering(world):
        await sign_in(page, world)
        set_role("ada", "admin")
        await page.goto("/agents/new/echo")
        await page.get_by_label("prefix").fill("Hm: ")
        async with page.expect_popup() as opened:
            await page.get_by_role("button", name="Try it").click()
        trial = await opened.value
        await say(trial, "hello")
        await trial.locator("#said").get_by_text("Hm: hello").wait_for()
        assert await problems(trial) == []
        await trial.get_by_role("button", name="End the trial").click()
        await trial.get_by_text("The trial has ended.").wait_for()
        await page.get_by_label("Name", exact=True).fill("helper")
        await page.get_by_label("Token").fill("env:AGENT_HELPER_TOKEN")
        await page.keyboard.press("Enter")  # which saves, and tries nothing
        await page.get_by_text("Added helper.").wait_for()
        assert agents.find("helper")["settings"] == {"prefix": "Hm: "}


async def test_the_focus_stays_when_the_agents_are_renewed(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_HELPER_TOKEN", "not-a-real-one-" + "t" * 40)
    await sign_in(page, world)
    set_role("ada", "admin")
    busy_agent(world)
    await page.goto("/agents")
    await page.get_by_role("link", name="Edit helper").focus()
    activity.note([], {"helper": 33}, world.clock())
    await page.get_by_role("cell", name="33", exact=True).wait_for(timeout=40_000)
    assert await page.evaluate("document.activeElement.getAttribute('aria-label')") == "Edit helper"


async def test_an_agent_is_made_and_talked_to(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_HELPER_TOKEN", "not-a-real-one-" + "t" * 40)
    await sign_in(page, world)
    set_role("ada", "admin")
    await page.goto("/agents")
    await page.get_by_role("link", name="echo").click()
    await page.get_by_label("Name").fill("helper")
    await page.get_by_label("Token").fill("env:AGENT_HELPER_TOKEN")
    await page.get_by_label("Start it at once").check()
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.get_by_text("Added helper").wait_for()
    assert agents.find("helper")["enabled"]

    async def answer(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        await reply_channel.send(f"You said {incoming.text}")

    async with answering(world, answer, default=False):
        await page.goto("/chat/helper")
        await say(page, "hello")
        await page.get_by_text("You said hello").wait_for()


async def test_nothing_that_is_said_in_a_chat_becomes_markup(page: Page, world: World) -> None:
    links = 'https://example.org/"onmouseover="document.title=1 javascript:document.title=1'
    said = f"{EVIL} `{EVIL}` **{EVIL}** ```{EVIL}``` [{EVIL}](javascript:document.title=1) {links}"

    async def answer(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        async with reply_channel.draft() as draft:
            await draft.show(f"{incoming.text} {said}")
        await reply_channel.send(f"Which? {said}", [Button(EVIL, says=EVIL)])

    async with answering(world, answer):
        await sign_in(page, world)
        await page.goto("/chat")
        await say(page, said)
        await page.get_by_text("Which?").wait_for()
        await page.get_by_role("button", name=EVIL).click()
        await page.locator(".bubble.mine").nth(1).get_by_text(EVIL, exact=True).wait_for()
        await page.reload()  # what the bot said is shown again, and what is kept in the tab
        await page.locator(".bubble.mine").nth(1).get_by_text(EVIL, exact=True).wait_for()
    assert await page.locator("#said :is(img, script, [onmouseover])").count() == 0
    links_shown = await page.locator("#said a").evaluate_all("all => all.map(one => one.protocol)")
    assert {*links_shown} == {"https:"}
    assert await page.title() == "Chat · Console"


async def test_buttons_stay_where_the_reply_comes_before_the_message_is_taken(
    page: Page, world: World
) -> None:
    async def answer(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        await reply_channel.send("Which?", [Button("This one", says="this")])

    async def late(route: Route) -> None:
        response = await route.fetch()
        await page.get_by_text("Which?").wait_for()
        await route.fulfill(response=response)

    async with answering(world, answer):
        await sign_in(page, world)
        await page.goto("/chat")
        await page.route("**/messages", late)
        await say(page, "hello")
        await page.locator(".bubble.mine").get_by_text("hello").wait_for()
        assert await page.get_by_role("button", name="This one").is_visible()


async def test_no_name_and_no_address_becomes_markup(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_HELPER_TOKEN", "not-a-real-one-" + "t" * 40)
    await sign_in(page, world)
    set_role("ada", "admin")
    await page.goto("/agents/new/echo")
    await page.get_by_label("Name", exact=True).fill(EVIL)
    await page.get_by_label("Token").fill("env:AGENT_HELPER_TOKEN")
    await page.evaluate("for (const form of document.forms) form.noValidate = true")
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.get_by_role("alert").get_by_text("up to 64 small letters").wait_for()
    await page.goto("/account")
    await page.get_by_label("What the bot calls you").fill(EVIL)
    await page.get_by_role("button", name="Save").click()
    await page.get_by_role("status").get_by_text("Saved.").wait_for()
    busy_agent(world)
    postgres.update("agents", {"name": SHORT_EVIL}, {"name": "helper"})  # as no API takes it
    await page.goto("/agents")
    await page.get_by_role("link", name=SHORT_EVIL, exact=True).wait_for()
    evil = quote(EVIL, safe="")
    addresses = [*await open_pages(page), "/service/users", f"/login?next=javascript:{evil}"]
    addresses += [f"/data/errands?name={evil}", f"/data/{evil}", f"/agents/about/{evil}"]
    for address in (*addresses, f"/chat/{evil}", f"/agents/new/{evil}", f"/{evil}"):
        await page.goto(address)
        assert await page.locator("img[src=x]").count() == 0, address
        assert "attacked" not in await page.title(), address


async def test_a_dead_letter_is_sent_again(page: Page, world: World) -> None:
    await sign_in(page, world)
    set_role("ada", "admin")
    user = postgres.select_one("users", {"username": "ada"})
    assert user is not None
    now = world.clock()
    times = {"due_at": now, "settled_at": now, "next_attempt_at": now}
    row = {"user_uuid": user["id"], "channel": "ntfy", "state": "dead", "text": "call mum"}
    dead = postgres.insert("deliveries", row | times | {"last_error": EVIL})
    await page.goto("/service")
    await page.get_by_role("button", name="Send again: ada").click()
    await page.get_by_text("1 delivery is sent again.").wait_for()
    after = postgres.select_one("deliveries", {"id": dead["id"]})
    assert after is not None
    assert after["state"] == "waiting"
    assert "attacked" not in await page.title()


async def test_the_keyboard_is_enough(page: Page, world: World) -> None:
    credentials = {"username": "ada", "password": PASSWORD}
    await world.api.request("POST", "/api/register", data=credentials)
    await page.goto("/login")
    await page.get_by_label("User name").focus()
    await page.keyboard.type("ada")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Sign out").wait_for()
    await page.goto("/data/errands")
    await page.keyboard.press("Tab")
    assert await page.evaluate(FOCUSED) == "Skip to the content"
    await tab_to(page, "document.activeElement.name", "name")
    await page.keyboard.type("buy milk")
    await tab_to(page, FOCUSED, "Add")
    await page.keyboard.press("Enter")
    await page.get_by_text("Added “buy milk”").wait_for()


def busy_agent(world: World) -> None:
    """Have an agent with all that there is to be seen of one."""
    now = world.clock()
    agents.add("helper", "env:AGENT_HELPER_TOKEN", {"type": "echo"})
    activity.note([activity.Line("helper", now, "ERROR", "it failed")], {"helper": 4}, now)
    memory.append(ChatAddress("discord", "helper", "77"), [memory.Turn("user", "hi")], now)
    knowledge.put("helper", "guide.md", [knowledge.Passage("", "words")])
    model = {"requests": 1, "prompt_tokens": 5, "completion_tokens": 5, "cost": 0.5}
    usage.note_models([{"model": "m"} | model], now)


async def tab_to(page: Page, what: str, wanted: str) -> None:
    """Go to an element by the keyboard alone."""
    for _ in range(40):
        if await page.evaluate(what) == wanted:
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not lead to {wanted}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_is_for_everyone(
    page: Page, world: World, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await page.goto("/login")
    found = await problems(page)
    await sign_in(page, world)
    set_role("ada", "admin")
    await page.goto("/account")
    addresses = await open_pages(page)
    assert {"/chat", "/data/errands", "/agents", "/service"} <= {*addresses}
    monkeypatch.setenv("AGENT_HELPER_TOKEN", "not-a-real-one-" + "t" * 40)
    busy_agent(world)
    for address in (*addresses, "/agents/new/llm", "/agents/about/helper", "/service/users"):
        await page.goto(address)
        found += await problems(page)
        await page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [f"{address} is {wider} px too wide"] if wider > 0 else []
        await page.set_viewport_size({"width": 1280, "height": 800})
    assert found == []


async def test_no_other_site_acts_for_who_is_signed_in(page: Page, world: World) -> None:
    await sign_in(page, world)
    target = world.settings.api_url
    form = (
        f'<form method="post" action="{target}/data/errands"><input name="name" value="x"></form>'
    )
    # The same machine by its other name is another site to a browser.
    port = target.rpartition(":")[2]
    await page.route(
        f"http://localhost:{port}/evil",
        lambda route: route.fulfill(
            content_type="text/html", body=f"{form}<iframe src='{target}/account'></iframe>"
        ),
    )
    await page.goto(f"http://localhost:{port}/evil")
    frame = page.frames[-1]
    assert "Account" not in await frame.content()
    await page.evaluate("document.forms[0].submit()")
    await page.wait_for_load_state()
    assert postgres.count("errands") == 0


@pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="makes the documentation's pictures")
async def test_pictures_for_the_documentation(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SCREENSHOTS=docs/screenshots make test ARGS="-n 0 tests/browser -k pictures"."""
    folder = Path(os.environ["SCREENSHOTS"])
    for name in ("HELPER", "CHATTY"):
        monkeypatch.setenv(f"AGENT_{name}_TOKEN", f"not-a-real-one-{name}" + "t" * 40)
    await page.set_viewport_size({"width": 900, "height": 620})
    async with answering(world):
        await sign_in(page, world)
        set_role("ada", "admin")
        await page.goto("/chat")
        for words in ("remind me of the errand call mum tomorrow at 5pm", "list my errands"):
            await say(page, words)
            await page.locator(".bubble:not(.mine)").last.get_by_text("call mum").wait_for()
            await asyncio.sleep(1)
        await page.screenshot(path=folder / "chat.png")
        await page.emulate_media(color_scheme="dark")
        await page.set_viewport_size(NARROW)
        await page.screenshot(path=folder / "chat-narrow-dark.png")
        await picture_of_a_trial(page, folder)
    busy_agent(world)
    agents.add("chatty", "env:AGENT_CHATTY_TOKEN", {"type": "llm", "settings": {"model": "m"}})
    addresses = [one for one in await open_pages(page) if one not in ("/chat", "/data/examples")]
    for address in (*addresses, "/agents/new/llm", "/agents/about/helper", "/service/users"):
        await picture(page, address, folder)
    await page.context.clear_cookies()
    await picture(page, "/login", folder)


async def picture_of_a_trial(page: Page, folder: Path) -> None:
    """Take the chat that "Try it" opens."""
    await page.emulate_media(color_scheme="light")
    await page.goto("/agents/new/echo")
    await page.get_by_label("prefix").fill("You said: ")
    async with page.expect_popup() as opened:
        await page.get_by_role("button", name="Try it").click()
    trial = await opened.value
    await trial.set_viewport_size({"width": 900, "height": 620})
    await say(trial, "hello")
    await trial.locator("#said").get_by_text("You said: hello").wait_for()
    await trial.evaluate("scrollTo(0, 0)")
    await trial.screenshot(path=folder / "agents-trial.png")
    await trial.get_by_role("button", name="End the trial").click()
    await trial.close()


async def picture(page: Page, address: str, folder: Path) -> None:
    """Take a page light, dark, and as narrow as a phone."""
    name = address.removeprefix("/").replace("/", "-")
    for look, width in (("", 1200), ("-dark", 1200), ("-narrow", NARROW["width"])):
        await page.emulate_media(color_scheme="dark" if look == "-dark" else "light")
        await page.set_viewport_size({"width": width, "height": NARROW["height"]})
        await page.goto(address)
        await page.evaluate(NO_PATH)
        await page.screenshot(path=folder / f"{name}{look}.png")
