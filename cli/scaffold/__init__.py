"""`manage.py new-domain`: writes a domain with its tests, sentences and migration."""
