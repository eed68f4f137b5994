"""The commands of manage.py, one file a group. Part of the composition root: nobody imports it."""
