"""A language model of two layers with a tokenizer of its own, made in a second, for tests.

>>> directory = make_tiny_model(tmp_path / "tiny")       # safetensors, config, chat template

It has learnt nothing, but everything that handles real models can handle it.
"""

from collections.abc import Iterable
from pathlib import Path

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_TEXTS = (
    'Extract the fields. Reply with one JSON object: {"name": "Ana Lim", "city": "Cork", "n": 12}',
    "Question: Which country has the ISO code MD? Answer: Moldova",
    "Document: invoice of 3 May 2024, total 40.50 EUR, paid by Daniel Brouwer in Dublin.",
)


def make_tiny_model(
    directory: Path, *, seed: int = 0, layers: int = 2, texts: Iterable[str] = _TEXTS
) -> Path:
    """Write a random Llama of about 0.1 M parameters into `directory`; returns it.

    The same seed gives the same bytes.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _tokenizer(texts)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        tie_word_embeddings=False,  # tied, an untrained model echoes its last token
        initializer_range=0.2,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config).to(torch.float32)
    model.save_pretrained(str(directory))
    tokenizer.save_pretrained(str(directory))
    return directory


def _tokenizer(texts: Iterable[str]):  # type: ignore[no-untyped-def]
    """Byte-level BPE with a few merges: every text can be written, and none is lost."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=384,
        special_tokens=list(_SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",  # noqa: S106 - a token of text
        pad_token="<|endoftext|>",  # noqa: S106
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )
