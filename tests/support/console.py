"""A browser in tests: it keeps cookies, fills in forms, and follows where it is led."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.users import set_role
from tests.support.api import Caller
from tests.support.people import PASSWORD


@dataclass
class Browser:
    """Someone at the console, as the pages' own forms let them."""

    client: FlaskClient

    def get(self, path: str, **more: object) -> TestResponse:
        return self.client.get(path, **more)

    def open(self, path: str) -> str:
        """Open a page that has to be there, and return its HTML."""
        answer = self.client.get(path, follow_redirects=True)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.text

    def csrf(self, path: str = "/login") -> str:
        """Return the token that the forms of a page show."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.client.get(path).text)
        assert found is not None, f"{path} has no form"
        return html.unescape(found[1])

    def post(self, path: str, on: str = "/login", **fields: object) -> TestResponse:
        """Send a form of a page."""
        return self.client.post(path, data={"csrf": self.csrf(on), **fields})

    def send(self, path: str, on: str = "/login", **fields: object) -> str:
        """Send a form that has to be taken, and return the page to which it leads."""
        answer = self.post(path, on, **fields)
        assert answer.status_code == 303, (path, answer.status_code, answer.text)
        return self.open(answer.headers["Location"])

    def sign_in(self, username: str, password: str = PASSWORD) -> TestResponse:
        return self.post("/login", username=username, password=password)


@pytest.fixture
def browser(app: APIFlask) -> Callable[[], Browser]:
    """Start a browser."""
    return lambda: Browser(app.test_client())


@pytest.fixture
def visitor(browser: Callable[[], Browser]) -> Browser:
    """Somebody who has not signed in."""
    return browser()


@pytest.fixture
def ada_in(browser: Callable[[], Browser], ada: Caller) -> Browser:
    """Ada, signed in to the console."""
    found = browser()
    assert found.sign_in(ada.username).status_code == 303
    return found


@pytest.fixture
def admin(ada: Caller, ada_in: Browser) -> Browser:
    """Ada, signed in to the console, and an administrator."""
    set_role(ada.username, "admin")
    return ada_in
