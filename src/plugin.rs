//! The plugin as the proxy sees it: configuration in, one decision per request, counters out. No rule of its own.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use coin::{Refusal, Timestamp};

use crate::config::{Config, Mode};
use crate::gate::{Verdict, decide, names_to_strip, verdict_headers};
use crate::header_map::{decode, encode};
use crate::host::{self, HostError, Level, MetricId, MetricKind};
use crate::metrics::{self, counter_names};
use crate::reply::reply;

/// What the proxy does after a callback.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Goes on with the request.
    Continue = 0,
    /// Holds it.
    Pause = 1,
}

/// The plugin in one VM. Several configurations can be in force at once: of plugins that share the VM, or an old one until its last request is over.
#[derive(Default)]
pub struct Plugin {
    /// By root context.
    in_force: BTreeMap<u32, Option<Rc<InForce>>>,
    /// By context.
    requests: BTreeMap<u32, Request>,
}

impl Plugin {
    /// A context begins: a root without a configuration, or a request under its root's, which it keeps.
    pub fn create(&mut self, context: u32, root: u32) {
        if root == 0 {
            self.in_force.insert(context, None);
            return;
        }
        let in_force = self.in_force.get(&root).cloned().flatten();
        let state = State::Undecided;
        self.requests.insert(context, Request { in_force, state });
    }

    /// Takes the configuration that is at hand; whether it is in force now.
    pub fn configure(&mut self, root: u32) -> bool {
        let Some(in_force) = self.in_force.get_mut(&root) else {
            // Requests could not be told to be this root's.
            return false;
        };
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
                *in_force = Some(Rc::new(InForce {
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

    /// A request. One that nobody created has no configuration.
    pub fn request(&mut self, context: u32) -> &mut Request {
        self.requests.entry(context).or_default()
    }

    /// A context is over.
    pub fn delete(&mut self, context: u32) {
        self.requests.remove(&context);
        self.in_force.remove(&context);
    }
}

/// A configuration with its metrics. Requests hold on to the one they began with.
struct InForce {
    config: Config,
    counters: Counters,
    refusals: Cell<u64>,
}

/// One request.
#[derive(Default)]
pub struct Request {
    in_force: Option<Rc<InForce>>,
    state: State,
}

/// How far a request has come. Whatever is not let through stays where it is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Undecided,
    Passed,
    Refused,
}

impl Request {
    /// Decides about the request by its headers.
    pub fn on_headers(&mut self) -> Action {
        if self.state == State::Refused {
            // No proxy asks again. What it was told stands.
            return Action::Pause;
        }
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

    /// For a body or trailers. Without a verdict the headers never came this way.
    pub fn hold_unless_passed(&mut self) -> Action {
        match self.state {
            State::Passed => Action::Continue,
            State::Undecided => self.refuse(Refusal::GateUnavailable),
            State::Refused => Action::Pause,
        }
    }

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
