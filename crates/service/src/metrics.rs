//! Metrics, in the text format of Prometheus.
//!
//! Programs count through the `metrics` facade; this is the recorder behind it. Nothing listens here: each program serves the text itself.

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

/// Everything that the process has counted so far.
#[derive(Clone, Debug)]
pub struct Metrics {
    recorder: PrometheusHandle,
}

impl Metrics {
    /// The content type of [`Metrics::render`]'s text.
    pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    /// Installs the recorder for the whole process.
    ///
    /// # Errors
    ///
    /// When a recorder is installed already.
    pub fn install() -> Result<Metrics, BuildError> {
        let recorder = PrometheusBuilder::new().install_recorder()?;
        Ok(Metrics { recorder })
    }

    /// All metrics as text.
    pub fn render(&self) -> String {
        self.recorder.render()
    }
}
