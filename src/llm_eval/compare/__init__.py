"""Two or more runs against each other: pairing, statistics, reports."""
