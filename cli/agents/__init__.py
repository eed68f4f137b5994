"""`manage.py agents`: list, add, change, try and remove agents."""
