"""A page in a real Chromium, driven by Playwright; it reaches this machine alone."""

import shutil
from collections.abc import AsyncIterator

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright

from tests.support.chat import World
from tests.support.people import PASSWORD

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PATIENCE = 20_000  # milliseconds
NARROW = {"width": 375, "height": 700}

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium")


@pytest.fixture
async def page(world: World) -> AsyncIterator[Page]:
    """A page at the console's address; what a script of it complains of fails the test."""
    async with async_playwright() as playwright:
        arguments = [
            "--no-sandbox",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
        ]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        context = await browser.new_context(base_url=world.settings.api_url)
        context.set_default_timeout(PATIENCE)
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda said: errors.append(said.text) if "Content Security" in said.text else None,
        )
        yield page
        await browser.close()
        assert errors == []


async def sign_in(page: Page, world: World, name: str = "ada") -> None:
    """Make an account and sign in to it."""
    credentials = {"username": name, "password": PASSWORD}
    await world.api.request("POST", "/api/register", data=credentials)
    await page.goto("/login")
    await page.get_by_label("User name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.get_by_role("button", name="Sign out").wait_for()


async def problems(page: Page) -> list[str]:
    """Return what axe finds wrong with a page, for people who can't see or use a mouse."""
    found = await Axe().run(page)
    return [
        f"{page.url} {one['id']}: {[node['html'] for node in one['nodes']]}"
        for one in found.response["violations"]
    ]
