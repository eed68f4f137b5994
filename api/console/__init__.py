"""The web console: pages for a browser, served by the API's process. `page.py`: how to add one."""
