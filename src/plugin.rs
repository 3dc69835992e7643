//! The plugin as the proxy sees it: configuration in, one decision per request, counters out. No rule of its own.

use std::cell::Cell;
use std::panic;
use std::rc::Rc;

use coin::{Refusal, Timestamp};
use log::Level;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

use crate::config::{Config, Mode};
use crate::gate::{Verdict, decide, names_to_strip, verdict_headers};
use crate::header_map::{decode, encode};
use crate::host::{self, HostError, MetricId, MetricKind};
use crate::metrics::{self, counter_names};
use crate::reply::reply;

/// Registers the plugin with the SDK.
pub fn start() {
    // Nothing here panics. Should something all the same, the proxy's log says where before the VM is gone.
    panic::set_hook(Box::new(|info| {
        host::log(Level::Error, &format!("coin-gate trapped: {info}"))
    }));
    proxy_wasm::set_root_context(|_| Box::new(Root { in_force: None }));
}

/// The plugin: holds the configuration in force.
struct Root {
    in_force: Option<Rc<InForce>>,
}

/// A configuration with its metrics. Requests hold on to the one they began with.
struct InForce {
    config: Config,
    counters: Counters,
    refusals: Cell<u64>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let parsed = match host::plugin_configuration() {
            Ok(text) => Config::parse(&text),
            Err(error) => Err(vec![format!("the configuration cannot be read: {error:?}")]),
        };
        match parsed {
            Ok(config) => {
                record_gauges(&config);
                host::log(
                    Level::Info,
                    &format!(
                        "configuration in force: mode {:?}, campaign {}",
                        config.mode, config.campaign
                    ),
                );
                let counters = Counters::define(config.mode);
                self.in_force = Some(Rc::new(InForce {
                    config,
                    counters,
                    refusals: Cell::new(0),
                }));
                true
            }
            Err(mistakes) => {
                for mistake in mistakes {
                    host::log(Level::Error, &format!("configuration refused: {mistake}"));
                }
                count_rejected_configuration();
                false
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request {
            in_force: self.in_force.clone(),
            state: State::Undecided,
        }))
    }
}

/// One request.
struct Request {
    in_force: Option<Rc<InForce>>,
    state: State,
}

/// How far a request has come. Whatever is not let through stays where it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Undecided,
    Passed,
    Refused,
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let Some(in_force) = self.in_force.clone() else {
            return self.refuse(Refusal::GateUnavailable);
        };
        match in_force.config.mode {
            Mode::Off => self.pass(),
            Mode::Shadow => {
                in_force.judge(|_, _| Ok(()));
                self.pass()
            }
            Mode::Enforce => match in_force.judge(apply) {
                Some(refusal) => self.refuse(refusal),
                None => self.pass(),
            },
        }
    }

    fn on_http_request_body(&mut self, _size: usize, _end_of_stream: bool) -> Action {
        self.hold_unless_passed()
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.hold_unless_passed()
    }
}

impl Request {
    fn pass(&mut self) -> Action {
        self.state = State::Passed;
        Action::Continue
    }

    fn refuse(&mut self, refusal: Refusal) -> Action {
        // One answer per request: a second one hangs the client.
        if self.state != State::Refused {
            self.state = State::Refused;
            let reply = reply(refusal);
            let sent = host::send_local_response(
                reply.status,
                refusal.code(),
                &encode(&reply.headers),
                &reply.body,
                reply.grpc_status,
            );
            if let Err(error) = sent {
                // The request stays paused, and the proxy's own timeout ends it: late, but closed.
                host::log(Level::Error, &format!("a refusal could not be sent: {error:?}"));
            }
        }
        Action::Pause
    }

    /// A body or trailers without a verdict mean that the headers never came this way.
    fn hold_unless_passed(&mut self) -> Action {
        match self.state {
            State::Passed => Action::Continue,
            State::Undecided => self.refuse(Refusal::GateUnavailable),
            State::Refused => Action::Pause,
        }
    }
}

impl InForce {
    /// Decides about the request whose headers are at hand, does `then` with a verdict in its favour, counts, and gives the reason against it if
    /// there is one.
    fn judge(&self, then: impl FnOnce(&Verdict, &[&[u8]]) -> Result<(), HostError>) -> Option<Refusal> {
        let serialised = host::request_headers().ok();
        let headers = serialised.as_deref().and_then(decode);
        let verdict = match &headers {
            None => Verdict::Refused(Refusal::GateUnavailable),
            Some(headers) => {
                let verdict = decide(&self.config, headers, now);
                let refused = matches!(verdict, Verdict::Refused(_));
                if !refused && then(&verdict, &names_to_strip(headers)).is_err() {
                    Verdict::Refused(Refusal::GateUnavailable)
                } else {
                    verdict
                }
            }
        };
        self.counters.count(&verdict);
        let Verdict::Refused(refusal) = verdict else {
            return None;
        };
        self.log_sampled(refusal);
        Some(refusal)
    }

    /// Logs the first refusal and then one in `log_every`. The line holds no byte of the client's.
    fn log_sampled(&self, refusal: Refusal) {
        let count = self.refusals.get();
        self.refusals.set(count.wrapping_add(1));
        if count.checked_rem(self.config.log_every) == Some(0) {
            let mode = self.config.mode;
            host::log(
                Level::Info,
                &format!("refused: {refusal} (mode {mode:?}, {count} refused before on this worker)"),
            );
        }
    }
}

/// Makes the request what the service may see: spoofed headers gone, the verdict set.
fn apply(verdict: &Verdict, strip: &[&[u8]]) -> Result<(), HostError> {
    for name in strip {
        host::remove_request_header(name)?;
    }
    if let Verdict::Accepted(accepted) = verdict {
        for (name, value) in verdict_headers(accepted) {
            host::set_request_header(name, &value)?;
        }
    }
    Ok(())
}

fn now() -> Option<Timestamp> {
    Timestamp::from_unix_s(host::now_unix_ns().ok()? / 1_000_000_000)
}

/// The counters of one mode. One that the host did not define, or will not count, is not counted: the gate's work does not depend on it, and a log line
/// for each request would be a flood.
struct Counters {
    free: Option<MetricId>,
    accepted: Option<MetricId>,
    refused: Vec<(Refusal, Option<MetricId>)>,
}

impl Counters {
    fn define(mode: Mode) -> Counters {
        let names = counter_names(mode);
        let define = |name: &str| define(MetricKind::Counter, name);
        Counters {
            free: define(&names.free),
            accepted: define(&names.accepted),
            refused: names
                .refused
                .iter()
                .map(|(reason, name)| (*reason, define(name)))
                .collect(),
        }
    }

    fn count(&self, verdict: &Verdict) {
        let id = match verdict {
            Verdict::Free => self.free,
            Verdict::Accepted(_) => self.accepted,
            Verdict::Refused(refusal) => self
                .refused
                .iter()
                .find(|(reason, _)| reason == refusal)
                .and_then(|(_, id)| *id),
        };
        if let Some(id) = id {
            host::increment(id).ok();
        }
    }
}

fn record_gauges(config: &Config) {
    let counting = config
        .keyring
        .versions()
        .filter(|version| *version >= config.keyring.min_version())
        .count();
    record(metrics::CONFIG_OK, 1);
    record(metrics::KEYS, u64::try_from(counting).unwrap_or(u64::MAX));
    record(metrics::KEY_VERSION_MIN, u64::from(config.keyring.min_version()));
    record(metrics::KEY_VERSION_MAX, u64::from(config.keyring.max_version()));
}

fn count_rejected_configuration() {
    record(metrics::CONFIG_OK, 0);
    if let Some(id) = define(MetricKind::Counter, metrics::CONFIG_REJECTED) {
        host::increment(id).ok();
    }
}

fn record(name: &str, value: u64) {
    if let Some(id) = define(MetricKind::Gauge, name) {
        host::record(id, value).ok();
    }
}

fn define(kind: MetricKind, name: &str) -> Option<MetricId> {
    host::define_metric(kind, name)
        .inspect_err(|error| host::log(Level::Warn, &format!("{name} is not counted: {error:?}")))
        .ok()
}
