"""A transformers checkpoint in this process: loading, batching, decoding."""
