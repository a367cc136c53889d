"""People's labels of replies, and what they say about a judge."""
