"""What every process needs: logs, metrics, the clock, start and stop."""
