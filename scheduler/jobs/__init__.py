"""One file a job. Found by themselves."""
