"""Models: sources of replies, and the layers that wrap them."""
