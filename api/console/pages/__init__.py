"""The console's pages, one file each, found by themselves."""
