//! Reads figures off the running parts.

use service::Failure;

use crate::http::Client;

/// Where the gate's metrics are read: in Envoy, which has them beside its own.
pub struct GateMetrics {
    envoy: Client,
    target: &'static str,
}

impl GateMetrics {
    /// At an Envoy's admin interface.
    pub fn of_admin(envoy: Client) -> GateMetrics {
        GateMetrics {
            envoy,
            target: "/stats/prometheus",
        }
    }

    /// At the listener that an Envoy has for Prometheus.
    pub fn of_listener(envoy: Client) -> GateMetrics {
        GateMetrics {
            envoy,
            target: "/metrics",
        }
    }

    /// One of them.
    ///
    /// # Errors
    ///
    /// When Envoy does not answer or does not have it.
    pub fn get(&self, name: &str) -> Result<u64, Failure> {
        let metrics = self.read()?;
        let found = metrics.iter().find(|(candidate, _)| candidate == name);
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| Failure::CouldNot(format!("Envoy has no metric {name}")))
    }

    /// Every request that the gate refused, whatever the reason.
    ///
    /// # Errors
    ///
    /// When Envoy does not answer.
    pub fn refused(&self) -> Result<u64, Failure> {
        let metrics = self.read()?;
        let refused = metrics
            .iter()
            .filter(|(name, _)| name.starts_with("coin_gate_refused_"));
        Ok(refused.map(|(_, value)| value).sum())
    }

    /// All by name. Envoy puts empty labels behind each.
    fn read(&self) -> Result<Vec<(String, u64)>, Failure> {
        let answer = self.envoy.get(self.target)?;
        let metric = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            let name = name.split_once('{').map_or(name, |(name, _)| name);
            name.starts_with("coin_gate_").then_some(())?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Ok(answer.body.lines().filter_map(metric).collect())
    }
}

/// What the API counts, at one moment.
pub struct ApiMetrics(String);

impl ApiMetrics {
    /// Reads them all.
    ///
    /// # Errors
    ///
    /// When the API does not answer.
    pub fn read(api: &Client) -> Result<ApiMetrics, Failure> {
        let answer = api.get("/metrics")?;
        if answer.status != 200 {
            return Err(Failure::CouldNot(format!(
                "the API's metrics: status {}",
                answer.status
            )));
        }
        Ok(ApiMetrics(answer.body))
    }

    /// The sum of a metric's samples that have all of these labels, such as `outcome="counted"`; 0 if there is none.
    pub fn sum(&self, name: &str, labels: &[&str]) -> u64 {
        let sample = |line: &str| {
            let (series, value) = line.rsplit_once(' ')?;
            let (candidate, its_labels) = series.split_once('{').unwrap_or((series, ""));
            let its_labels: Vec<&str> = its_labels.trim_end_matches('}').split(',').collect();
            let ours = candidate == name && labels.iter().all(|label| its_labels.contains(label));
            ours.then(|| value.parse::<u64>().ok())?
        };
        self.0.lines().filter_map(sample).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::ApiMetrics;

    #[test]
    fn samples_are_summed_by_name_and_labels() {
        let metrics = ApiMetrics(
            "# TYPE a counter\na{m=\"GET\",s=\"200\"} 1\na{m=\"POST\",s=\"201\"} 2\na{m=\"POST\",s=\"409\"} 4\nab{m=\"POST\"} 8\nb 16\n"
                .to_owned(),
        );
        assert_eq!(metrics.sum("a", &[]), 7);
        assert_eq!(metrics.sum("a", &["m=\"POST\""]), 6);
        assert_eq!(metrics.sum("a", &["m=\"POST\"", "s=\"409\""]), 4);
        assert_eq!(metrics.sum("b", &[]), 16);
        assert_eq!(metrics.sum("c", &[]), 0);
    }
}
