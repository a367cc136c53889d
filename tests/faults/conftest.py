"""What a test here claims of a run under faults, it claims of both databases."""

from tests.databases import database_url, postgres_url, storage

__all__ = ["database_url", "postgres_url", "storage"]
