"""What others see of a run while it goes on: metrics, traces, logs."""
