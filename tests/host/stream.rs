//! One request on its way through the plugin, as Envoy's filter chain drives it (context.cc, `decodeHeaders` to `onDestroy`; cpp-host/context.cc).
//!
//! The plugin is the last filter: what it lets through is with the service at once, headers before the body, and nothing takes it back.

use std::collections::VecDeque;

use super::abi::{MapKind, buffer};
use super::guest::{Deferred, LocalReply};
use super::header_map::HeaderMap;
use super::vm::Called;
use super::worker::Worker;

/// The root of a request that came while no plugin was in force: it fails as with a lost VM.
const NO_ROOT: u32 = 0;

/// A request as a client sends it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The headers, pseudo-headers among them.
    pub headers: HeaderMap,
    /// The body, in the pieces in which it arrives.
    pub body: Vec<Vec<u8>>,
    /// Trailers. With them, no piece of the body is marked as the last.
    pub trailers: Option<HeaderMap>,
}

/// A message's body and trailers as the service got them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// The body so far.
    pub bytes: Vec<u8>,
    /// Trailers.
    pub trailers: Option<HeaderMap>,
}

/// A request and what became of it.
#[derive(Debug, Default)]
pub struct Stream {
    pub(super) root: u32,
    /// The callbacks that ran, in order.
    pub callbacks: Vec<&'static str>,
    /// What the service saw. `None`: nothing.
    pub upstream: Option<(HeaderMap, Body)>,
    /// The answer that was given in the service's place.
    pub reply: Option<LocalReply>,
    /// Whether an answer, whoever's it is, came through to the client.
    pub answered: bool,
    /// Local replies after the first: Envoy has no use for them, and older ones hung.
    pub replies_too_many: u32,
    held: VecDeque<Part>,
    paused_at_headers: bool,
    buffered: Vec<u8>,
    pub(super) lost: bool,
}

/// What waits behind headers that are paused.
#[derive(Debug)]
enum Part {
    Body(Vec<u8>, bool),
    Trailers(HeaderMap),
}

/// What the filter chain does after a callback.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Continue,
    /// Stop; body is kept and shown whole at the next call.
    StopAndBuffer,
    Stop,
}

impl Worker {
    /// Takes a request through: to the service and back, or to wherever it stops.
    pub fn exchange(&mut self, request: &Request) -> Stream {
        let id = self.open();
        let bare = request.trailers.is_none();
        self.request_headers(id, request.headers.clone(), bare && request.body.is_empty());
        for (index, piece) in request.body.iter().enumerate() {
            self.request_body(id, piece, bare && index + 1 == request.body.len());
        }
        if let Some(trailers) = &request.trailers {
            self.request_trailers(id, trailers.clone());
        }
        if self.stream(id).upstream.is_some() && self.stream(id).reply.is_none() {
            self.response(
                id,
                HeaderMap::new([(":status", "200")]),
                b"ok",
                Some(HeaderMap::new([("t", "1")])),
            );
        }
        self.close(id)
    }

    /// A new request, of which nothing has arrived yet. It belongs to the plugin that is in force now.
    pub fn open(&mut self) -> u32 {
        let id = self.next_context();
        let root = self.root_in_force().unwrap_or(NO_ROOT);
        self.streams.insert(
            id,
            Stream {
                root,
                ..Stream::default()
            },
        );
        self.state().contexts.entry(id).or_default().is_stream = true;
        id
    }

    /// A request that has not been closed.
    pub fn stream(&self, id: u32) -> &Stream {
        &self.streams[&id]
    }

    /// The headers arrive.
    pub fn request_headers(&mut self, id: u32, headers: HeaderMap, end_of_stream: bool) {
        let root = self.stream(id).root;
        self.callback(id, "proxy_on_context_create", &[root]);
        let count = size(headers.lines().len());
        self.show(id, MapKind::REQUEST_HEADERS, headers);
        match self.filter(id, "proxy_on_request_headers", &[count, u32::from(end_of_stream)]) {
            Flow::Continue => self.let_headers_through(id),
            // All of it stops, body and trailers too: Pause is StopAllIterationAndWatermark (cpp-host/context.cc, `convertVmCallResultToFilterHeadersStatus`).
            Flow::Stop | Flow::StopAndBuffer => self.stream_mut(id).paused_at_headers = true,
        }
    }

    /// A piece of the body arrives.
    pub fn request_body(&mut self, id: u32, piece: &[u8], end_of_stream: bool) {
        let stream = self.stream_mut(id);
        if stream.paused_at_headers {
            stream.held.push_back(Part::Body(piece.to_vec(), end_of_stream));
            return;
        }
        if stream.reply.is_some() {
            return;
        }
        let mut bytes = std::mem::take(&mut stream.buffered);
        bytes.extend_from_slice(piece);
        let arguments = [size(bytes.len()), u32::from(end_of_stream)];
        let context = self.state().contexts.entry(id).or_default();
        context.bodies.insert(buffer::REQUEST_BODY, bytes.clone());
        match self.filter(id, "proxy_on_request_body", &arguments) {
            Flow::Continue => {
                self.state().contexts.entry(id).or_default().bodies.clear();
                self.let_body_through(id, &bytes);
            }
            Flow::StopAndBuffer => self.stream_mut(id).buffered = bytes,
            Flow::Stop => {}
        }
    }

    /// The trailers arrive.
    pub fn request_trailers(&mut self, id: u32, trailers: HeaderMap) {
        let stream = self.stream_mut(id);
        if stream.paused_at_headers {
            stream.held.push_back(Part::Trailers(trailers));
            return;
        }
        if stream.reply.is_some() {
            return;
        }
        let count = size(trailers.lines().len());
        self.show(id, MapKind::REQUEST_TRAILERS, trailers);
        if self.filter(id, "proxy_on_request_trailers", &[count]) == Flow::Continue {
            let trailers = self.hide(id, MapKind::REQUEST_TRAILERS);
            let buffered = std::mem::take(&mut self.stream_mut(id).buffered);
            self.let_body_through(id, &buffered);
            if let Some((_, body)) = &mut self.stream_mut(id).upstream {
                body.trailers = Some(trailers);
            }
        }
    }

    /// The request is over, one way or another: access log, then the context's end (context.cc, `log`, `onDestroy`). What these put off comes to nothing.
    pub fn close(&mut self, id: u32) -> Stream {
        self.state().contexts.entry(id).or_default().in_log_phase = true;
        self.call(id, "proxy_on_log", &[]);
        self.state().contexts.entry(id).or_default().in_log_phase = false;
        self.call(id, "proxy_on_done", &[]);
        self.call(id, "proxy_on_delete", &[]);
        self.state().stop_iteration = false;
        self.state().deferred.clear();
        self.state().contexts.remove(&id);
        let stream = self.streams.remove(&id).expect("a request that is open");
        self.delete_unused_roots();
        stream
    }

    /// Runs any callback on a request, in whatever order a test wants to see, and what it put off.
    pub fn callback(&mut self, id: u32, export: &'static str, arguments: &[u32]) -> Called {
        let called = self.call(id, export, arguments);
        self.state().stop_iteration = false;
        self.do_deferred(id);
        called
    }

    /// Runs a callback that decides whether the message goes on. A lost VM decides too: 503, or past it if the plugin may fail open
    /// (cpp-host/context.cc, `CHECK_FAIL_HTTP`, before and after the call).
    pub(super) fn filter(&mut self, id: u32, export: &'static str, arguments: &[u32]) -> Flow {
        let called = self.call(id, export, arguments);
        let stopped = std::mem::take(&mut self.state().stop_iteration);
        if called == Called::Failed && !self.options.fail_open {
            self.fail_stream(id);
        }
        self.do_deferred(id);
        match called {
            Called::Failed if self.options.fail_open => Flow::Continue,
            Called::Failed => Flow::Stop,
            Called::Missing => Flow::Continue,
            // After a local reply it does not matter what the module says (cpp-host/exports.cc, `stopNextIteration`).
            Called::Returned(_) if stopped => Flow::Stop,
            Called::Returned(0) => Flow::Continue,
            Called::Returned(1) => Flow::StopAndBuffer,
            Called::Returned(_) => Flow::Stop,
        }
    }

    fn call(&mut self, id: u32, export: &'static str, arguments: &[u32]) -> Called {
        if self.stream(id).root == NO_ROOT {
            return Called::Failed;
        }
        let called = self.vm.call(export, id, arguments);
        if let Called::Returned(_) = called {
            self.stream_mut(id).callbacks.push(export);
        }
        called
    }

    fn do_deferred(&mut self, id: u32) {
        while let Some(deferred) = self.state().deferred.pop_front() {
            match deferred {
                Deferred::Reply(of, reply) if of == id => self.answer(id, reply),
                Deferred::ContinueRequest(of) if of == id => self.continue_request(id),
                other => panic!("{other:?} for another stream than {id}, whose callback ran"),
            }
        }
    }

    /// Goes on with a request that was paused. One that is not paused yet, because this callback is only about to say so, stays paused for ever.
    fn continue_request(&mut self, id: u32) {
        if !std::mem::take(&mut self.stream_mut(id).paused_at_headers) {
            return;
        }
        self.let_headers_through(id);
        while let Some(part) = self.stream_mut(id).held.pop_front() {
            match part {
                Part::Body(piece, end_of_stream) => self.request_body(id, &piece, end_of_stream),
                Part::Trailers(trailers) => self.request_trailers(id, trailers),
            }
        }
    }

    fn let_headers_through(&mut self, id: u32) {
        let headers = self.hide(id, MapKind::REQUEST_HEADERS);
        self.stream_mut(id).upstream = Some((headers, Body::default()));
    }

    fn let_body_through(&mut self, id: u32, bytes: &[u8]) {
        if let Some((_, body)) = &mut self.stream_mut(id).upstream {
            body.bytes.extend_from_slice(bytes);
        }
    }

    pub(super) fn show(&mut self, id: u32, kind: MapKind, map: HeaderMap) {
        self.state().contexts.entry(id).or_default().show(kind, map);
    }

    pub(super) fn hide(&mut self, id: u32, kind: MapKind) -> HeaderMap {
        self.state().contexts.entry(id).or_default().hide(kind)
    }

    pub(super) fn stream_mut(&mut self, id: u32) -> &mut Stream {
        self.streams.get_mut(&id).expect("a request that is open")
    }
}

pub(super) fn size(length: usize) -> u32 {
    u32::try_from(length).expect("less than 4 GiB")
}
