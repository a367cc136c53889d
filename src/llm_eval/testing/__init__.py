"""For people who write plugins: scripted models, the stub server, contract suites."""
