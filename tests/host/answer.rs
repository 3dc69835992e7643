//! The way back: the service's answer, a local reply, and the 503 of a lost VM.

use super::abi::{MapKind, buffer};
use super::guest::LocalReply;
use super::header_map::HeaderMap;
use super::stream::{Flow, size};
use super::worker::Worker;

impl Worker {
    /// An answer comes back, the service's or a local one.
    pub fn response(&mut self, id: u32, headers: HeaderMap, body: &[u8], trailers: Option<HeaderMap>) {
        if self.stream(id).lost {
            // The module is not asked about the proxy's own 503 (context.cc, `failure_local_reply_sent_`).
            self.stream_mut(id).answered = true;
            return;
        }
        let ends = trailers.is_none();
        let count = size(headers.lines().len());
        self.show(id, MapKind::RESPONSE_HEADERS, headers);
        if self.filter(
            id,
            "proxy_on_response_headers",
            &[count, u32::from(ends && body.is_empty())],
        ) != Flow::Continue
        {
            return;
        }
        self.hide(id, MapKind::RESPONSE_HEADERS);
        if !body.is_empty() {
            let context = self.state().contexts.entry(id).or_default();
            context.bodies.insert(buffer::RESPONSE_BODY, body.to_vec());
            if self.filter(id, "proxy_on_response_body", &[size(body.len()), u32::from(ends)]) != Flow::Continue {
                return;
            }
        }
        if let Some(trailers) = trailers {
            let count = size(trailers.lines().len());
            self.show(id, MapKind::RESPONSE_TRAILERS, trailers);
            if self.filter(id, "proxy_on_response_trailers", &[count]) != Flow::Continue {
                return;
            }
            self.hide(id, MapKind::RESPONSE_TRAILERS);
        }
        self.stream_mut(id).answered = true;
    }

    /// Gives a local reply; the response callbacks run on it in the same context, as on any other answer.
    pub(super) fn answer(&mut self, id: u32, reply: LocalReply) {
        let stream = self.stream_mut(id);
        if stream.reply.is_some() {
            stream.replies_too_many += 1;
            return;
        }
        stream.reply = Some(reply.clone());
        let mut headers = reply.headers;
        headers.set(b":status", reply.status.to_string().as_bytes());
        self.response(id, headers, &reply.body, None);
    }

    pub(super) fn fail_stream(&mut self, id: u32) {
        if std::mem::replace(&mut self.stream_mut(id).lost, true) {
            return;
        }
        let details = "wasm_fail_stream".to_owned();
        let (headers, body) = (HeaderMap::default(), Vec::new());
        self.answer(
            id,
            LocalReply {
                status: 503,
                headers,
                body,
                grpc_status: Some(14),
                details,
            },
        );
    }
}
