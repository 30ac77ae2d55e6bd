"""What the worker can do: a module per kind of job, each with ``run(context) -> dict``."""
