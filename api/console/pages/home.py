"""The first page: where everything is."""

from api.console.page import Page, show

page = Page("home", "Start", "", order=0)


@page.get("/")
def index() -> str:
    """Greet, and lead on."""
    return show("pages/home.html")
