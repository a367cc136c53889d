"""Adapters as other programs take them: merged safetensors, GGUF adapters, GGUF models."""
