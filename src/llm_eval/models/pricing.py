"""What a reply costs: the configured price, else the table that the genai-prices package keeps."""

from llm_eval.specs import ModelSpec, Price
from llm_eval.types import Usage

FREE = Price(input=0.0, output=0.0)
_OWN_HARDWARE = ("gguf", "local", "hf", "vllm", "llamacpp")


def price_of(spec: ModelSpec) -> Price | None:
    """The price of `spec`, or None where nobody knows it. A price is never guessed.

    A model behind an endpoint of one's own has no known price unless models.yaml gives one.
    """
    if spec.price is not None:
        return spec.price
    if spec.provider in _OWN_HARDWARE and spec.base_url is None:
        return FREE
    return None if spec.base_url is not None else _listed(spec.model, spec.provider)


def cost(price: Price, usage: Usage) -> float:
    """US dollars for one reply."""
    cached = usage.cached_prompt_tokens if price.cached_input is not None else 0
    dollars = (
        (usage.prompt_tokens - cached) * price.input
        + cached * (price.cached_input or 0.0)
        + usage.completion_tokens * price.output
    )
    return dollars / 1e6


def _listed(model: str, provider: str) -> Price | None:
    """Price per million tokens from the package's own table; no network."""
    try:
        import genai_prices
    except ModuleNotFoundError:
        return None

    def per_million(**tokens: int) -> float:
        usage = genai_prices.Usage(**tokens)
        return float(genai_prices.calc_price(usage, model, provider_id=provider).total_price)

    try:
        return Price(
            input=per_million(input_tokens=1_000_000),
            output=per_million(output_tokens=1_000_000),
            cached_input=per_million(input_tokens=1_000_000, cache_read_tokens=1_000_000),
        )
    except LookupError:
        return None
