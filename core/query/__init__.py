"""What people ask: the query line, the filter text, and queries made into vectors."""
