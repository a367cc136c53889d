"""Model servers as processes of ours: vLLM and llama.cpp, started, watched, and stopped."""
