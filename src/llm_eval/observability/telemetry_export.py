"""Where telemetry goes: the SDK's providers, set up by the standard OTEL_* variables.

Endpoint, headers, protocol limits, batching and sampling are read by the SDK itself
(opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables). Sent over OTLP/HTTP.
"""

import os
from collections.abc import Callable
from typing import Any, TypeVar

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, ConsoleLogRecordExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from llm_eval.errors import ConfigError
from llm_eval.version import __version__

T = TypeVar("T")


def providers() -> tuple[TracerProvider, MeterProvider, LoggerProvider]:
    """Providers of spans, metrics and events.

    Raises:
        ConfigError: a variable names an exporter that is not known.
    """
    resource = _resource()
    traces = TracerProvider(resource=resource)
    spans = _exporter("TRACES", OTLPSpanExporter, ConsoleSpanExporter)
    if spans is not None:
        traces.add_span_processor(BatchSpanProcessor(spans))
    measured = _exporter("METRICS", OTLPMetricExporter, ConsoleMetricExporter)
    readers = [] if measured is None else [PeriodicExportingMetricReader(measured)]
    logs = LoggerProvider(resource=resource)
    events = _exporter("LOGS", OTLPLogExporter, ConsoleLogRecordExporter)
    if events is not None:
        logs.add_log_record_processor(BatchLogRecordProcessor(events))
    return traces, MeterProvider(resource=resource, metric_readers=readers), logs


def _resource() -> Resource:
    """Whatever the variables say; else this package's name."""
    named = "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    own = {"service.version": __version__}
    if not named and not os.environ.get("OTEL_SERVICE_NAME"):
        own["service.name"] = "llm-eval"
    return Resource.create(own)


def _exporter(signal: str, otlp: Callable[[], T], console: Callable[[], Any]) -> T | None:
    """What OTEL_{signal}_EXPORTER names; where only other signals are named, nothing."""
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    default = "otlp" if any(os.environ.get(name) for name in endpoints) else "none"
    wanted = os.environ.get(f"OTEL_{signal}_EXPORTER", default)
    if wanted == "none":
        return None
    if wanted == "otlp":
        return otlp()
    if wanted == "console":
        made: T = console()
        return made
    raise ConfigError(f"OTEL_{signal}_EXPORTER={wanted!r}: it must be otlp, console or none")
