//! `[telemetry]`: where traces go.

use super::Problem;
use serde::Deserialize;
use std::collections::BTreeMap;
use url::Url;

/// The collector that traces are sent to, if any.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// Base address of an OpenTelemetry collector that takes OTLP over HTTP; also by
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`. None: no traces.
    pub otlp_endpoint: Option<String>,
}

impl Telemetry {
    /// The customary variable, where our own settings say nothing.
    pub(super) fn or_environment(mut self, environment: &BTreeMap<String, String>) -> Self {
        let customary = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT");
        self.otlp_endpoint = self
            .otlp_endpoint
            .or_else(|| customary.cloned())
            .filter(|endpoint| !endpoint.is_empty());
        self
    }

    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        let web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        if let Some(text) = &self.otlp_endpoint
            && !Url::parse(text).is_ok_and(|url| web(&url))
        {
            problems.push(Problem::new(
                "telemetry.otlp_endpoint",
                "this is not an address",
                "write the collector's base address: http://localhost:4318",
            ));
        }
    }
}
